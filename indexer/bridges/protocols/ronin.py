"""Ronin's bridge, versions 1 and 2. Both sides carry the number of the deposit or withdrawal.

Withdrawals are claimed on Ethereum by hand, often years later or never; one number can be released twice.
Source: axieinfinity/ronin-smart-contracts (gateways).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

_RECEIPT = (
    "(bytes32 receiptHash, (uint256 id, uint8 kind, (address addr, address tokenAddr, uint256 chainId) mainchain, "
    "(address addr, address tokenAddr, uint256 chainId) ronin, (uint8 erc, uint256 id, uint256 quantity) info) receipt)"
)
_V1_OUT = (
    "(uint256 indexed id, address indexed owner, address indexed tokenAddress, address otherAddress, uint32 standard, "
    "uint256 tokenNumber)"
)
_V1_IN = "(uint256 indexed id, address indexed owner, address indexed tokenAddress, uint256 tokenNumber)"

V1_DEPOSIT = event(f"TokenDeposited{_V1_OUT}")
V1_DEPOSITED = event(f"TokenDeposited{_V1_IN}")
V1_WITHDRAW = event(f"TokenWithdrew{_V1_OUT}")
V1_WITHDREW = event(f"TokenWithdrew{_V1_IN}")
DEPOSIT_REQUESTED = event(f"DepositRequested{_RECEIPT}")
DEPOSITED = event(f"Deposited{_RECEIPT}")
WITHDRAWAL_REQUESTED = event(f"WithdrawalRequested{_RECEIPT}")
WITHDREW = event(f"Withdrew{_RECEIPT}")

_L1, _RONIN = "eip155:1", "eip155:2020"
_MAINCHAIN, _SIDE = 2, 3
"""Places of the two ends in a receipt."""


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """All eight events; non-fungible tokens are left out."""
    for wanted, way in ((V1_DEPOSIT, "in"), (V1_WITHDRAW, "out")):
        for log, values in scope.logs(wanted, "v1"):
            if values["standard"] in {0, 20}:
                yield _v1(scope, log, values, way, Side.SOURCE)
    for wanted, way in ((V1_DEPOSITED, "in"), (V1_WITHDREW, "out")):
        for log, values in scope.logs(wanted, "v1"):
            yield _v1(scope, log, values, way, Side.DESTINATION)
    for wanted, way, side in (
        (DEPOSIT_REQUESTED, "in", Side.SOURCE),
        (DEPOSITED, "in", Side.DESTINATION),
        (WITHDRAWAL_REQUESTED, "out", Side.SOURCE),
        (WITHDREW, "out", Side.DESTINATION),
    ):
        for log, values in scope.logs(wanted, "v2"):
            if values["receipt"][4][0] == 0:
                yield _v2(scope, log, values["receipt"], way, side)


def _v1(scope: Scope, log: LogEntry, values: dict[str, Any], way: str, side: Side) -> BridgeLeg:
    return scope.leg(
        side,
        log,
        asset=scope.token(values["tokenAddress"]),
        amount=values["tokenNumber"],
        wallet=scope.view.sender if side is Side.SOURCE else values["owner"],
        recipient=values["owner"] if side is Side.SOURCE else None,
        other_chain=_RONIN if scope.view.chain == _L1 else _L1,
        expected_amount=values["tokenNumber"] if side is Side.SOURCE else None,
        join_key=f"v1:{way}:{values['id']}",
        event="TokenDeposited" if way == "in" else "TokenWithdrew",
    )


def _v2(scope: Scope, log: LogEntry, receipt: Any, way: str, side: Side) -> BridgeLeg:
    here, there = (_MAINCHAIN, _SIDE) if scope.view.chain == _L1 else (_SIDE, _MAINCHAIN)
    other = _RONIN if scope.view.chain == _L1 else _L1
    source = side is Side.SOURCE
    return scope.leg(
        side,
        log,
        asset=scope.token(receipt[here][1]),
        amount=receipt[4][2],
        wallet=receipt[here][0],
        recipient=receipt[there][0] if source else None,
        other_chain=other,
        other_asset=scope.token(receipt[there][1], other),
        expected_amount=receipt[4][2] if source else None,
        join_key=f"v2:{way}:{receipt[0]}",
        event="a deposit or withdrawal receipt",
    )


PROTOCOL = Protocol(
    id="ronin",
    name="Ronin bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        v1={
            1: "0x1A2a1c938CE3eC39b6D47113c7955bAa9DD454F2",
            2020: "0xE35D62EBE18413D96ca2A2f7cF215bB21a406b4b",
        },
        v2={
            1: "0x64192819Ac13Ef72bF6b5AE239AC672B43a9AF08",
            2020: "0x0CF8fF40a508bdBc39fBe1Bb679dCBa64E65C7Df",
        },
    ),
    events={
        "v1": (V1_DEPOSIT, V1_DEPOSITED, V1_WITHDRAW, V1_WITHDREW),
        "v2": (DEPOSIT_REQUESTED, DEPOSITED, WITHDRAWAL_REQUESTED, WITHDREW),
    },
    decode=decode,
    deposit=Window(usual=3_600, fee_ppm=0),
    withdrawal=Window(usual=30 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)
