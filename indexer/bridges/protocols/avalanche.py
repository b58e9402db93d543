"""The Avalanche bridge (.e tokens): on Ethereum a plain account, on Avalanche mint and unwrap events of its tokens.

The mint names the Ethereum transaction. The way back has no id.
Source: ava-labs/avalanche-bridge-resources (token contracts); no recorded transaction was seen.
"""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.protocol import TRANSFER, Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism, Side

MINT = event("Mint(address to, uint256 amount, address feeAddress, uint256 feeAmount, bytes32 originTxId)")
UNWRAP = event("Unwrap(uint256 amount, uint256 chainId)")

_L1, _AVALANCHE = "eip155:1", "eip155:43114"
_ACCOUNT = "0x8eb8a3b98659cce290402893d0123abb75e3ab28"


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Transfers to and from the account, mints and unwraps."""
    if scope.view.chain == _L1:
        yield from _account(scope)
    for log, values in scope.logs(MINT, "token"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(log.address),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=_L1,
            join_key=f"0x{values['originTxId'].hex()}",
            event=MINT.name,
        )
    for log, values in scope.logs(UNWRAP, "token"):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(log.address),
            amount=values["amount"],
            wallet=scope.view.sender,
            recipient=scope.view.sender,
            other_chain=_L1,
            event=UNWRAP.name,
        )


def _account(scope: Scope) -> Iterator[BridgeLeg]:
    for log, amount in scope.transfers(recipient=_ACCOUNT):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(log.address),
            amount=amount,
            wallet=scope.view.sender,
            recipient=scope.view.sender,
            other_chain=_AVALANCHE,
            join_key=scope.view.tx.lower(),
            event="a transfer to the bridge",
        )
    if scope.view.recipient == _ACCOUNT and scope.view.value:
        yield scope.leg(
            Side.SOURCE,
            None,
            asset=scope.native(),
            amount=scope.view.value,
            wallet=scope.view.sender,
            recipient=scope.view.sender,
            other_chain=_AVALANCHE,
            join_key=scope.view.tx.lower(),
            event="a payment to the bridge",
        )
    for log, amount in scope.transfers(sender=_ACCOUNT):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(log.address),
            amount=amount,
            wallet=f"0x{log.topics[2][12:].hex()}",
            other_chain=_AVALANCHE,
            event="a transfer from the bridge",
        )


PROTOCOL = Protocol(
    id="avalanche",
    name="Avalanche bridge",
    mechanism=Mechanism.WRAPPED,
    contracts=contracts(
        token={
            43114: (
                "0xA7D7079b0FEaD91F3e65f86E8915Cb59c1a4C664",
                "0x49D5c2BdFfac6CE2BFdB6640F4F80f226bc10bAB",
                "0xc7198437980c041c805A1EDcbA50c1Ce5db95118",
                "0xd586E7F844cEa2F87f50152665BCbc2C279D8d70",
                "0x50b7545627a5162F82A992c33b87aDc75187B218",
                "0x5947BB275c521040051D82396192181b413227A3",
                "0x63a72806098Bd3D9520cC43356dD78afe5D386D9",
            )
        },
        account={1: _ACCOUNT},
    ),
    events={"token": (MINT, UNWRAP)},
    topics_anywhere=(TRANSFER,),
    decode=decode,
    deposit=Window(usual=2 * 3_600, fee_ppm=10_000),
    plain=True,
)
