"""Gnosis: the xDai bridge and the Omnibridge.

The Omnibridge carries one message id on both sides. The xDai bridge's payment names the transaction that asked
for it, or, since the 2023 upgrade, the request's nonce.
Source: gnosischain/tokenbridge-contracts, omni bridge contracts; checked against recorded transactions.
"""

from collections.abc import Iterator

from indexer.bridges.abi import Event, event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism, Side

ASKED = (
    event("UserRequestForAffirmation(address recipient, uint256 value)"),
    event("UserRequestForAffirmation(address recipient, uint256 value, bytes32 nonce)"),
    event("UserRequestForSignature(address recipient, uint256 value)"),
    event("UserRequestForSignature(address recipient, uint256 value, bytes32 nonce)"),
    event("UserRequestForSignature(address recipient, uint256 value, bytes32 nonce, address token)"),
)
PAID = (
    event("AffirmationCompleted(address recipient, uint256 value, bytes32 transactionHash)"),
    event("RelayedMessage(address recipient, uint256 value, bytes32 transactionHash)"),
)
OMNI_OUT = event(
    "TokensBridgingInitiated(address indexed token, address indexed sender, uint256 value, bytes32 indexed messageId)"
)
OMNI_IN = event(
    "TokensBridged(address indexed token, address indexed recipient, uint256 value, bytes32 indexed messageId)"
)

_L1, _GNOSIS = "eip155:1", "eip155:100"
_DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Requests and payments of the xDai bridge, then the Omnibridge."""
    here = scope.view.chain
    there = _GNOSIS if here == _L1 else _L1
    for wanted in ASKED:
        yield from _asked(scope, wanted, there)
    for wanted in PAID:
        for log, values in scope.logs(wanted, "xdai"):
            paid = scope.received(values["recipient"]) if here == _L1 else None
            yield scope.leg(
                Side.DESTINATION,
                log,
                asset=paid[0] if paid is not None and paid[1] == values["value"] else _money(scope),
                amount=values["value"],
                wallet=values["recipient"],
                other_chain=there,
                join_key=f"xdai:{there}:{values['transactionHash'].hex()}",
                event=wanted.name,
            )
    for log, values in scope.logs(OMNI_OUT, "omnibridge"):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["token"]),
            amount=values["value"],
            wallet=values["sender"],
            other_chain=there,
            join_key=f"omni:{values['messageId'].hex()}",
            event=OMNI_OUT.name,
        )
    for log, values in scope.logs(OMNI_IN, "omnibridge"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["token"]),
            amount=values["value"],
            wallet=values["recipient"],
            other_chain=there,
            join_key=f"omni:{values['messageId'].hex()}",
            event=OMNI_IN.name,
        )


def _asked(scope: Scope, wanted: Event, there: str) -> Iterator[BridgeLeg]:
    for log, values in scope.logs(wanted, "xdai"):
        # before the upgrade the payment names the transaction, after it the nonce
        ident = values["nonce"].hex() if "nonce" in values else scope.view.tx.removeprefix("0x")
        given = scope.gave(scope.view.sender, values["value"])
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=given or _money(scope),
            amount=values["value"],
            wallet=scope.view.sender,
            recipient=values["recipient"],
            other_chain=there,
            expected_amount=values["value"],
            join_key=f"xdai:{scope.view.chain}:{ident}",
            event=wanted.name,
        )


def _money(scope: Scope) -> str:
    """DAI on Ethereum is the coin on Gnosis."""
    return scope.token(_DAI) if scope.view.chain == _L1 else scope.native()


PROTOCOL = Protocol(
    id="gnosis",
    name="Gnosis bridges",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        xdai={
            1: "0x4aa42145Aa6Ebf72e164C9bBC74fbD3788045016",
            100: "0x7301CFA0e1756B71869E93d4e4Dca5c7d0eb0AA6",
        },
        omnibridge={
            1: "0x88ad09518695c6c3712AC10a214bE5109a655671",
            100: "0xf6A78083ca3e2a662D6dd1703c939c8aCE2e268d",
        },
    ),
    events={"xdai": (*ASKED, *PAID), "omnibridge": (OMNI_OUT, OMNI_IN)},
    decode=decode,
    deposit=Window(usual=3 * 3_600, fee_ppm=1_500),
    withdrawal=Window(usual=2 * 86_400, fee_ppm=1_500, claim=True),
    home=_L1,
)
