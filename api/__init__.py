"""The HTTP API: a thin layer that turns requests into calls of `indexer.flows` and values into JSON."""
