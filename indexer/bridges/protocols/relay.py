"""Relay: solvers pay from plain accounts; the order's id stands behind the call on both sides.

A deposit goes through the depository, whose event names the order. A solver's payment is a plain transaction
whose input is the 32 byte id (coin), or a token transfer with the id appended. Only an id that some deposit carries
makes such a payment an arrival.
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event, selector
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

DEPOSITED = event("RelayErc20Deposit(address from, address token, uint256 amount, bytes32 id)")
DEPOSITED_COIN = event("RelayNativeDeposit(address from, uint256 amount, bytes32 id)")

_DEPOSITORY = "depository"
_TRANSFER = selector("transfer(address,uint256)")
_SOLVERS = frozenset({"0xf70da97812cb96acdf810712aa562db8dfa3dbef"})


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Deposits by their events, payments by the shape of the call."""
    for log, values in scope.logs(DEPOSITED, _DEPOSITORY):
        yield _deposit(scope, log, values, scope.token(values["token"]))
    for log, values in scope.logs(DEPOSITED_COIN, _DEPOSITORY):
        yield _deposit(scope, log, values, scope.native())
    yield from _payment(scope)


def _deposit(scope: Scope, log: LogEntry, values: dict[str, Any], asset: str) -> BridgeLeg:
    return scope.leg(
        Side.SOURCE,
        log,
        asset=asset,
        amount=values["amount"],
        wallet=values["from"],
        join_key=values["id"].hex(),
        event="RelayDeposit",
    )


def _payment(scope: Scope) -> Iterator[BridgeLeg]:
    view = scope.view
    if view.recipient is None:
        return
    known = view.sender in _SOLVERS
    if len(view.input) == 32 and view.value and not view.logs:
        asset, amount, wallet, order = scope.native(), view.value, view.recipient, view.input
    elif len(view.input) == 100 and view.input[:4] == _TRANSFER:
        asset, amount = scope.token(view.recipient), int.from_bytes(view.input[36:68], "big")
        wallet, order = f"0x{view.input[16:36].hex()}", view.input[68:]
    else:
        return
    if wallet == view.sender:
        return
    yield scope.leg(
        Side.DESTINATION,
        None,
        asset=asset,
        amount=amount,
        wallet=wallet,
        join_key=order.hex(),
        derived=not known,
        event="A payment that ends in the order's id",
    )


PROTOCOL = Protocol(
    id="relay",
    name="Relay",
    mechanism=Mechanism.SWAP,
    contracts=contracts(
        depository=everywhere(
            "0x4cD00E387622C35bDDB9b4c962C136462338BC31", 1, 10, 56, 100, 137, 8453, 42161, 43114, 534352
        )
    ),
    events={_DEPOSITORY: (DEPOSITED, DEPOSITED_COIN)},
    decode=decode,
    deposit=Window(usual=600, fee_ppm=30_000),
    plain=True,
)
