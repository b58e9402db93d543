"""`python -m indexer` is `gleaner`."""

from indexer.cli import main

main()
