"""Quotes: the sources, the order they are asked in, what is kept of their answers, and exchange rates."""
