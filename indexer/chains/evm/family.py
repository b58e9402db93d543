"""What the EVM package offers to the discovery of chain families."""

from indexer.chains.evm.reader import EvmReader
from indexer.chains.family import ChainFamily
from indexer.model.chain import Family

FAMILY = ChainFamily(Family.EVM, EvmReader)
