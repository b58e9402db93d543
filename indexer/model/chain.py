"""What is known of a chain before anyone speaks to it: CAIP-2 id, endpoints, assets, finality, quirks.

`indexer.chains.registry` reads these values from `chains.yaml` and validates them.
CAIP-2: https://chainagnostic.org/CAIPs/caip-2
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Family(StrEnum):
    """Chains of one family are spoken to in the same way. The value is the CAIP-2 namespace."""

    EVM = "eip155"
    SOLANA = "solana"
    UTXO = "bip122"


class Quirk(StrEnum):
    """Where a chain departs from Ethereum in a way that moves money."""

    L1_DATA_FEE = "l1_data_fee"
    """Receipts carry an additional `l1Fee` that the sender pays (OP stack, Scroll)."""

    NATIVE_TRANSFER_LOGS = "native_transfer_logs"
    """A contract mirrors native moves as ERC-20 Transfer logs; they are the native movement itself."""

    SYSTEM_TRANSACTIONS = "system_transactions"
    """Some transactions have no fee payer (deposits from L1, retryables, state syncs)."""


class ExplorerStyle(StrEnum):
    """The dialects of the Etherscan-compatible account API."""

    ETHERSCAN_V2 = "etherscan-v2"
    BLOCKSCOUT = "blockscout"


class FinalityRule(StrEnum):
    """How the chain says that a block cannot be undone."""

    TAG = "tag"
    """The node answers `finalized` blocks."""

    DEPTH = "depth"
    """A block is final when `depth` blocks lie above it."""


@dataclass(frozen=True, slots=True)
class Finality:
    """`depth` is used alone under `DEPTH`, and under `TAG` when a node refuses the tag."""

    rule: FinalityRule
    depth: int


@dataclass(frozen=True, slots=True)
class Explorer:
    """An Etherscan-compatible account API. `api_key` is a secret and never leaves the process."""

    style: ExplorerStyle
    url: str
    api_key: str | None = None
    requests_per_second: int = 5


@dataclass(frozen=True, slots=True)
class NativeAsset:
    """The coin that pays gas. `slip44` is its coin type in CAIP-19 (SLIP-0044)."""

    symbol: str
    decimals: int
    slip44: int
    price_id: str | None = None
    """How price sources call the coin, for example `coingecko:ethereum`; None when nobody quotes it."""


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """One block of `chains.yaml`."""

    id: str
    """CAIP-2 id, for example `eip155:1`."""
    name: str
    family: Family
    endpoints: tuple[str, ...]
    """JSON-RPC URLs (http, https) in the order they are preferred; at least one."""
    native: NativeAsset
    finality: Finality
    wrapped_native: str | None = None
    """Lower-case contract address of the wrapped native token."""
    native_token_contract: str | None = None
    """Lower-case address of the contract that mirrors the native coin (quirk `native_transfer_logs`)."""
    explorers: tuple[Explorer, ...] = ()
    log_window: int = 2_000
    """Blocks of the first `eth_getLogs` query; the collector grows and shrinks it."""
    start_block: int = 0
    poll_seconds: int = 60
    follow_from: int = 50
    """Watched addresses from which the head is followed block by block, at a cost that does not grow with them;
    for fewer, asking for their logs alone is less."""
    quirks: frozenset[Quirk] = frozenset()
    price_platform: str | None = None
    """The chain's name at DefiLlama (`ethereum`, `arbitrum`, ...), None where it has none."""
    dex: "UniswapV2 | None" = None
    streams: tuple[str, ...] = ()
    """WebSocket URLs (ws, wss) that announce new heads; without one the head is polled."""

    @property
    def reference(self) -> str:
        """The part of the CAIP-2 id behind the colon."""
        return self.id.partition(":")[2]

    @property
    def poll(self) -> timedelta:
        """How long a target rests once it is at the head."""
        return timedelta(seconds=self.poll_seconds)

    @property
    def native_id(self) -> str:
        """CAIP-19 id of the native coin."""
        return f"{self.id}/slip44:{self.native.slip44}"


@dataclass(frozen=True, slots=True)
class UniswapV2:
    """A Uniswap v2 factory whose pools may price tokens, and the token that counts as the currency."""

    factory: str
    quote_token: str
    quote_decimals: int
    quote_currency: str = "USD"
