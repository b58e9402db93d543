"""deBridge DLN: an order gives one asset and takes any other; a solver fulfils it.

Source: debridge-finance dln-contracts (DlnSource, DlnDestination).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import address_of, event
from indexer.bridges.chains import SOLANA
from indexer.bridges.protocol import ZERO_ADDRESS, Protocol, Scope, Window, contracts, everywhere, evm
from indexer.model.links import BridgeLeg, Mechanism, Side

_ORDER = (
    "(uint64 makerOrderNonce, bytes makerSrc, uint256 giveChainId, bytes giveTokenAddress, uint256 giveAmount, "
    "uint256 takeChainId, bytes takeTokenAddress, uint256 takeAmount, bytes receiverDst, bytes givePatchAuthoritySrc, "
    "bytes orderAuthorityAddressDst, bytes allowedTakerDst, bytes allowedCancelBeneficiarySrc, bytes externalCall) order"
)
CREATED = event(
    f"CreatedOrder({_ORDER}, bytes32 orderId, bytes affiliateFee, uint256 nativeFixFee, uint256 percentFee, "
    "uint32 referralCode, bytes metadata)"
)
FULFILLED = event(f"FulfilledOrder({_ORDER}, bytes32 orderId, address sender, address unlockAuthority)")
CANCELLED = event(
    "ClaimedOrderCancel(bytes32 orderId, address beneficiary, uint256 paidAmount, address giveTokenAddress)"
)

_SOLANA_NUMBER = 7565164


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Orders made, fulfilled, and paid back."""
    for log, values in scope.logs(CREATED, "source"):
        order = _order(scope, values)
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=order["give"],
            amount=order["give_amount"],
            wallet=order["maker"],
            recipient=order["receiver"],
            other_chain=order["to"],
            other_asset=order["take"],
            expected_amount=order["take_amount"],
            join_key=values["orderId"].hex(),
            event=CREATED.name,
        )
    for log, values in scope.logs(FULFILLED, "destination"):
        order = _order(scope, values)
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=order["take"],
            amount=order["take_amount"],
            wallet=order["receiver"],
            other_chain=order["from"],
            other_asset=order["give"],
            join_key=values["orderId"].hex(),
            event=FULFILLED.name,
        )
    for log, values in scope.logs(CANCELLED, "source"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["giveTokenAddress"]),
            amount=values["paidAmount"],
            wallet=values["beneficiary"],
            other_chain=scope.view.chain,
            join_key=values["orderId"].hex(),
            refund=True,
            event=CANCELLED.name,
        )


def _order(scope: Scope, values: dict[str, Any]) -> dict[str, Any]:
    order = values["order"]
    origin, target = _chain(order[2]), _chain(order[5])
    return {
        "maker": address_of(order[1]),
        "from": origin,
        "give": scope.token(_token(order[3]), origin),
        "give_amount": order[4],
        "to": target,
        "take": scope.token(_token(order[6]), target),
        "take_amount": order[7],
        "receiver": address_of(order[8]),
    }


def _token(word: bytes) -> str:
    return address_of(word) if any(word) else ZERO_ADDRESS


def _chain(number: int) -> str:
    return SOLANA if number == _SOLANA_NUMBER else evm(number)


_CHAINS = (1, 10, 56, 100, 137, 8453, 42161, 43114, 59144)

PROTOCOL = Protocol(
    id="debridge",
    name="deBridge DLN",
    mechanism=Mechanism.SWAP,
    contracts=contracts(
        source=everywhere("0xeF4fB24aD0916217251F553c0596F8Edc630EB66", *_CHAINS),
        destination=everywhere("0xE7351Fd770A37282b91D153Ee690B63579D6dd7f", *_CHAINS),
    ),
    events={"source": (CREATED, CANCELLED), "destination": (FULFILLED,)},
    decode=decode,
    deposit=Window(usual=3_600, fee_ppm=20_000),
)
