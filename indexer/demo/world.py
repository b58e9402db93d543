"""What a played story leaves: two running chains, their contracts, the owner's wallets, and what happened."""

from dataclasses import dataclass
from datetime import datetime

from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset, UniswapV2

STABLE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class DemoToken:
    """One ERC-20 of a demo chain. `address` is lower case; `priced` says whether a pool quotes it."""

    symbol: str
    address: str
    decimals: int
    priced: bool = True
    spam: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One transaction of the story that concerns the owner, in words. `kind` names the feature it shows."""

    time: datetime
    chain: str
    tx: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class DemoChain:
    """One local chain after the story. Addresses are lower case; `transactions` counts all of the chain's."""

    caip2: str
    name: str
    rpc_url: str
    weth: str
    stable: str
    factory: str
    router: str
    spoke_pool: str
    tokens: tuple[DemoToken, ...]
    blocks: int
    transactions: int

    def spec(self) -> ChainSpec:
        """The chain as `chains.yaml` would describe it. One unit of the stable counts as one US dollar."""
        return ChainSpec(
            id=self.caip2,
            name=self.name,
            family=Family.EVM,
            endpoints=(self.rpc_url,),
            native=NativeAsset(symbol="ETH", decimals=18, slip44=60),
            finality=Finality(rule=FinalityRule.TAG, depth=2),
            wrapped_native=self.weth,
            poll_seconds=1,
            dex=UniswapV2(factory=self.factory, quote_token=self.stable, quote_decimals=STABLE_DECIMALS),
        )

    def token(self, symbol: str) -> DemoToken:
        """The chain's token of a symbol; `KeyError` where it has none."""
        for each in self.tokens:
            if each.symbol == symbol:
                return each
        raise KeyError(symbol)


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Both chains, the owner's wallets (lower case, used on both chains), and the scenes in order of time."""

    chains: tuple[DemoChain, ...]
    wallets: tuple[str, ...]
    narrative: tuple[Scene, ...]
    ends: datetime
    """Time of the newest block of either chain: the demo's present."""
