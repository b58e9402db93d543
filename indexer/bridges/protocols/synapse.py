"""Synapse: the older bridge, whose arrivals carry the hash of the departure's transaction hash, and RFQ intents.

Source: synapsecns contracts (SynapseBridge, FastBridge), sdk-router (kappa).
"""

from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from indexer.bridges.abi import Event, event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere, evm
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

_TO = "(address indexed to, uint256 chainId, address token, uint256 amount"
_SWAP = ", uint8 tokenIndexFrom, uint8 tokenIndexTo, uint256 minDy, uint256 deadline"
_IN = "(address indexed to, address token, uint256 amount, uint256 fee"

OUT: tuple[Event, ...] = (
    event(f"TokenDeposit{_TO})"),
    event(f"TokenDepositAndSwap{_TO}{_SWAP})"),
    event(f"TokenRedeem{_TO})"),
    event(f"TokenRedeemAndSwap{_TO}{_SWAP})"),
    event(f"TokenRedeemAndRemove{_TO}, uint8 swapTokenIndex, uint256 swapMinAmount, uint256 swapDeadline)"),
)
IN: tuple[Event, ...] = (
    event(f"TokenWithdraw{_IN}, bytes32 indexed kappa)"),
    event(
        f"TokenWithdrawAndRemove{_IN}, uint8 swapTokenIndex, uint256 swapMinAmount, uint256 swapDeadline, "
        "bool swapSuccess, bytes32 indexed kappa)"
    ),
    event(f"TokenMint{_IN}, bytes32 indexed kappa)"),
    event(f"TokenMintAndSwap{_IN}{_SWAP}, bool swapSuccess, bytes32 indexed kappa)"),
)
REQUESTED = event(
    "BridgeRequested(bytes32 indexed transactionId, address indexed sender, bytes request, uint32 destChainId, "
    "address originToken, address destToken, uint256 originAmount, uint256 destAmount, bool sendChainGas)"
)
RELAYED = event(
    "BridgeRelayed(bytes32 indexed transactionId, address indexed relayer, address indexed to, uint32 originChainId, "
    "address originToken, address destToken, uint256 originAmount, uint256 destAmount, uint256 chainGasAmount)"
)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Departures, arrivals, and the two ends of an intent."""
    for wanted in OUT:
        for log, values in scope.logs(wanted, "bridge"):
            yield _out(scope, log, values, wanted.name)
    for wanted in IN:
        for log, values in scope.logs(wanted, "bridge"):
            yield _in(scope, log, values, wanted.name)
    for log, values in scope.logs(REQUESTED, "rfq"):
        target = evm(values["destChainId"])
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["originToken"]),
            amount=values["originAmount"],
            wallet=values["sender"],
            other_chain=target,
            other_asset=scope.token(values["destToken"], target),
            expected_amount=values["destAmount"],
            join_key=f"rfq:{values['transactionId'].hex()}",
            event=REQUESTED.name,
        )
    for log, values in scope.logs(RELAYED, "rfq"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["destToken"]),
            amount=values["destAmount"],
            wallet=values["to"],
            other_chain=evm(values["originChainId"]),
            join_key=f"rfq:{values['transactionId'].hex()}",
            event=RELAYED.name,
        )


def _out(scope: Scope, log: LogEntry, values: dict[str, Any], name: str) -> BridgeLeg:
    asset, amount = scope.paid() or (scope.token(values["token"]), values["amount"])
    return scope.leg(
        Side.SOURCE,
        log,
        asset=asset,
        amount=amount,
        wallet=scope.view.sender,
        recipient=values["to"],
        other_chain=evm(values["chainId"]),
        join_key=f"kappa:{keccak(text=scope.view.tx.lower()).hex()}",
        event=name,
    )


def _in(scope: Scope, log: LogEntry, values: dict[str, Any], name: str) -> BridgeLeg:
    came = scope.received(values["to"])
    asset, amount = came or (scope.token(values["token"]), values["amount"] - values["fee"])
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=asset,
        amount=amount,
        wallet=values["to"],
        join_key=f"kappa:{values['kappa'].hex()}",
        event=name,
    )


PROTOCOL = Protocol(
    id="synapse",
    name="Synapse",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        bridge={
            1: "0x2796317b0fF8538F253012862c06787Adfb8cEb6",
            10: "0xAf41a65F786339e7911F4acDAD6BD49426F2Dc6b",
            56: "0xd123f70AE324d34A9E76b67a27bf77593bA8749f",
            137: "0x8F5BBB2BB8c2Ee94639E55d5F41de9b4839C1280",
            8453: "0xf07d1C752fAb503E47FEF309bf14fbDD3E867089",
            42161: "0x6F4e8eBa4D337f874Ab57478AcC2Cb5BACdc19c9",
            43114: "0xC05e61d0E7a63D27546389B7aD62FdFf5A91aACE",
        },
        rfq=everywhere("0x5523D3c98809DdDB82C686E152F5C58B1B0fB59E", 1, 10, 56, 8453, 42161),
    ),
    events={"bridge": (*OUT, *IN), "rfq": (REQUESTED, RELAYED)},
    decode=decode,
    deposit=Window(usual=3 * 3_600, fee_ppm=20_000),
)
