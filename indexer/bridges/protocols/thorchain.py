"""THORChain's router: a swap across chains, told by memos. The outbound memo names the inbound transaction.

Memos: https://docs.thorchain.org/thorchain-finance/memos; source of the events: thorchain ethereum router.
Amounts and assets differ on the two sides by nature: every move is an exchange.
"""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism, Side

DEPOSIT = event("Deposit(address indexed to, address indexed asset, uint256 amount, string memo)")
OUT = event(
    "TransferOut(address indexed vault, address indexed to, address asset, uint256 amount, string memo)"
)

_SWAPS = frozenset({"=", "s", "swap"})
_CHAINS = {
    "ETH": "eip155:1", "BSC": "eip155:56", "AVAX": "eip155:43114", "BASE": "eip155:8453",
    "BTC": "bip122:000000000019d6689c085ae165831e93", "LTC": "bip122:12a765e31ffd4059bada1e25190f6e98",
    "DOGE": "bip122:1a91e3dace36e2be3bf030a65679fe82", "BCH": "bip122:000000000000000000651ef99cb9fcbe",
}  # fmt: skip
_SHORT = {"e": "ETH", "b": "BTC", "a": "AVAX", "s": "BSC", "l": "LTC", "d": "DOGE", "c": "BCH", "f": "BASE"}
"""One-letter names of coins that memos may use."""


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Swaps in; payments and refunds out. Liquidity and other memos are no moves."""
    for log, values in scope.logs(DEPOSIT, "router"):
        parts = values["memo"].split(":")
        if parts[0].lower() not in _SWAPS or len(parts) < 3:
            continue
        ticker = parts[1].partition(".")[0].partition("~")[0]
        recipient = parts[2].partition("/")[0]
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["asset"]),
            amount=values["amount"],
            wallet=scope.view.sender,
            recipient=recipient.lower() if recipient[:2].lower() == "0x" else recipient or None,
            other_chain=_CHAINS.get(_SHORT.get(ticker, ticker.upper())),
            join_key=scope.view.tx.lower().removeprefix("0x"),
            event=f"Deposit with memo {values['memo'][:80]}",
        )
    for log, values in scope.logs(OUT, "router"):
        word, _, number = values["memo"].partition(":")
        if word.upper() not in {"OUT", "REFUND"}:
            continue
        refund = word.upper() == "REFUND"
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["asset"]),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=scope.view.chain if refund else None,
            join_key=number.lower(),
            refund=refund,
            event=f"TransferOut with memo {word.upper()}",
        )


PROTOCOL = Protocol(
    id="thorchain",
    name="THORChain",
    mechanism=Mechanism.SWAP,
    contracts=contracts(
        router={
            1: "0xD37BbE5744D730a1d98d8DC97c42F0Ca46aD7146",
            56: "0xb30eC53F98ff5947EDe720D32aC2da7e52A5f56b",
            8453: "0x00dc6100103BC402d490aEE3F9a5560cBd91f1d4",
            43114: (
                "0x00dc6100103BC402d490aEE3F9a5560cBd91f1d4",
                "0x8F66c4AE756BEbC49Ec8B81966DD8bba9f127549",
            ),
        }
    ),
    events={"router": (DEPOSIT, OUT)},
    decode=decode,
    deposit=Window(usual=6 * 3_600, fee_ppm=30_000),
)
