"""deBridge DLN: an order gives one asset and takes any other; a solver fulfils it.

Source: debridge-finance dln-contracts (DlnSource, DlnDestination); on Solana the instructions `create_order_with_nonce`
and `fulfill_order` as AneraLabs/intents_landscape (protocol_data/dln.py) and the published IDLs have them. Creating an
order there does not name its id: such a departure is found by what it promises to whom.
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import address_of, base58, event
from indexer.bridges.chains import SOLANA
from indexer.bridges.protocol import (
    NATIVE_MARKS,
    ZERO_ADDRESS,
    Protocol,
    Scope,
    Window,
    contracts,
    everywhere,
    evm,
)
from indexer.bridges.solana import Borsh, SolanaView, instructions, method, solana_leg, spl
from indexer.model.asset import AssetKind, native_id, token_id
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


_SOURCE = "src5qyZHqTqecJV4aY6Cb6zDZLMDzrDKKezs22MPHr4"
_DESTINATION = "dst5MGcFPoBeREFAA5E3tU5ij8m5uVYwkzkSAbsLbNo"


def decode_solana(view: SolanaView) -> Iterator[BridgeLeg]:
    """Orders made and fulfilled on Solana."""
    for number, (call, fields) in enumerate(instructions(view, _SOURCE, method("create_order_with_nonce"))):
        given = fields.number(8)
        target, token, amount = _offer(fields)
        yield solana_leg(
            view, "debridge", Side.SOURCE, number, Mechanism.SWAP,
            asset=spl(call.accounts[2]),
            amount=given,
            wallet=call.accounts[0],
            recipient=address_of(fields.vector()),
            other_chain=target,
            other_asset=_asset(token, target),
            expected_amount=amount,
            event="create_order_with_nonce",
        )  # fmt: skip
    for number, (_, fields) in enumerate(instructions(view, _DESTINATION, method("fulfill_order"))):
        fields.take(8)
        fields.vector()  # the maker
        origin, given_token, _ = _offer(fields)
        _, taken, amount = _offer(fields)
        receiver = fields.vector()
        for _ in range(2):
            fields.vector()  # who may change and cancel it
        for _ in range(2):
            if fields.option():
                fields.vector()  # who alone may fulfil it, who is paid back
        if fields.option():
            fields.take(32)
        yield solana_leg(
            view, "debridge", Side.DESTINATION, number, Mechanism.SWAP,
            asset=_asset(taken, SOLANA),
            amount=amount,
            wallet=address_of(receiver),
            other_chain=origin,
            other_asset=_asset(given_token, origin),
            join_key=fields.take(32).hex(),
            event="fulfill_order",
        )  # fmt: skip


def _offer(fields: Borsh) -> tuple[str, bytes, int]:
    """Chain, token and amount; the numbers are big-endian words."""
    chain = _chain(int.from_bytes(fields.take(32), "big"))
    return chain, fields.vector(), int.from_bytes(fields.take(32), "big")


def _asset(token: bytes, chain: str) -> str | None:
    """The id of a token; None for coin of chains, whose ids are the registry's."""
    if chain == SOLANA:
        return spl(base58(token)) if any(token) else native_id(SOLANA, 501)
    address = address_of(token)
    return None if address in NATIVE_MARKS else token_id(chain, AssetKind.ERC20, address)


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
    solana=decode_solana,
    deposit=Window(usual=3_600, fee_ppm=20_000),
)
