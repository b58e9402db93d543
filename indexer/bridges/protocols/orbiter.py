"""Orbiter: plain payments to and from makers' accounts. The last four digits of the amount, 9000 and more, name the
destination; the answer goes to the same address.

There is no id, so that a pair is found by address and amount. Only listed makers count.
"""

from collections.abc import Iterator

from indexer.bridges.protocol import TRANSFER, Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

_MAKERS = frozenset(
    {
        "0x80c67432656d59144ceff962e8faf8926599bcf8",
        "0xe4edb277e41dc89ab076a1f049f4a3efa700bce8",
        "0xee73323912a4e3772b74ed0ca1595a152b0ef282",
        "0x41d3d33156ae7c62c094aae2995003ae63f587b3",
        "0xd7aa9ba6caac7b0436c91396f22ca5a7f31664fc",
        "0x646592183ff25a0c44f09896a384004778f831ed",
    }
)
_CODES = {
    9001: "eip155:1", 9002: "eip155:42161", 9006: "eip155:137", 9007: "eip155:10", 9014: "eip155:324",
    9015: "eip155:56", 9016: "eip155:42170", 9017: "eip155:1101", 9019: "eip155:534352", 9021: "eip155:8453",
    9023: "eip155:59144",
}  # fmt: skip


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Payments of coin and tokens in either direction."""
    view = scope.view
    if view.recipient is not None and view.value and not view.input:
        yield from _move(scope, None, (view.sender, view.recipient), view.value)
    for log, sender, recipient, amount in scope.moved:
        if sender in _MAKERS or recipient in _MAKERS:
            yield from _move(scope, log, (sender, recipient), amount)


def _move(scope: Scope, log: LogEntry | None, ends: tuple[str, str], amount: int) -> Iterator[BridgeLeg]:
    sender, recipient = ends
    asset = scope.native() if log is None else scope.token(log.address)
    if recipient in _MAKERS and sender not in _MAKERS:
        target = _CODES.get(amount % 10_000)
        if target is not None and target != scope.view.chain:
            yield scope.leg(
                Side.SOURCE,
                log,
                asset=asset,
                amount=amount,
                wallet=sender,
                recipient=sender,
                other_chain=target,
                event=f"a payment to a maker that ends in {amount % 10_000}",
            )
    elif sender in _MAKERS and recipient not in _MAKERS:
        yield scope.leg(
            Side.DESTINATION, log, asset=asset, amount=amount, wallet=recipient, event="a maker's payment"
        )


PROTOCOL = Protocol(
    id="orbiter",
    name="Orbiter",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(maker={int(chain[7:]): tuple(sorted(_MAKERS)) for chain in _CODES.values()}),
    events={},
    topics_anywhere=(TRANSFER,),
    decode=decode,
    deposit=Window(usual=3_600, fee_ppm=30_000),
    plain=True,
)
