"""Scroll's own bridge. Both sides can compute the hash of the message.

Events were derived from recorded transactions and checked by recomputing their message hashes; names follow
scroll-tech/scroll contracts.
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import Event, event
from indexer.bridges.messenger import BridgeMove, Message, Traffic, messenger_legs, scroll_call, scroll_hash
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism

SENT = event(
    "SentMessage(address indexed sender, address indexed target, uint256 value, uint256 messageNonce, "
    "uint256 gasLimit, bytes message)"
)
RELAYED = event("RelayedMessage(bytes32 indexed messageHash)")
_ETHER = "(address indexed from, address indexed to, uint256 amount, bytes data)"
_ERC20 = "(address indexed l1Token, address indexed l2Token, address indexed from, address to, uint256 amount, bytes data)"
OUT = tuple(event(f"{name}{_ETHER}") for name in ("DepositETH", "WithdrawETH"))
IN = tuple(event(f"{name}{_ETHER}") for name in ("FinalizeDepositETH", "FinalizeWithdrawETH"))
TOKEN_OUT = tuple(event(f"{name}{_ERC20}") for name in ("DepositERC20", "WithdrawERC20"))
TOKEN_IN = tuple(event(f"{name}{_ERC20}") for name in ("FinalizeDepositERC20", "FinalizeWithdrawERC20"))

_L1, _L2 = "eip155:1", "eip155:534352"


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Gateway moves first, then ether sent through the messenger alone."""
    other = _L2 if scope.view.chain == _L1 else _L1
    traffic = Traffic(
        sent=[(log, _message(values)) for log, values in scope.logs(SENT, "messenger")],
        relayed=[(log, values["messageHash"]) for log, values in scope.logs(RELAYED, "messenger")],
        call=scroll_call(scope.view.input),
        hashed=scroll_hash,
        other_chain=lambda _: other,
    )
    yield from messenger_legs(
        scope,
        traffic,
        list(_gateway(scope, OUT, TOKEN_OUT, other)),
        list(_gateway(scope, IN, TOKEN_IN, other)),
    )


def _gateway(
    scope: Scope, ether: tuple[Event, ...], tokens: tuple[Event, ...], other: str
) -> Iterator[BridgeMove]:
    here = "l1Token" if scope.view.chain == _L1 else "l2Token"
    for wanted in (*ether, *tokens):
        for log, values in scope.logs(wanted, "gateway"):
            asset = scope.native() if wanted in ether else scope.token(values[here])
            yield BridgeMove(log, asset, values["amount"], values["from"], values["to"], other)


def _message(values: dict[str, Any]) -> Message:
    return Message(
        values["sender"], values["target"], values["value"], values["messageNonce"], values["message"]
    )


PROTOCOL = Protocol(
    id="scroll",
    name="Scroll bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        messenger={
            1: "0x6774Bcbd5ceCeF1336b5300fb5186a12DDD8b367",
            534352: "0x781e90f1c8Fc4611c9b7497C3B47F99Ef6969CbC",
        },
        gateway={
            1: (
                "0x7F2b8C31F88B6006c382775eea88297Ec1e3E905",
                "0xD8A791fE2bE73eb6E6cF1eb0cb3F36adC9B3F8f9",
                "0xb2b10a289A229415a124EFDeF310C10cb004B6ff",
                "0xf1AF3b23DE0A5Ca3CAb7261cb0061C0D779A5c7B",
                "0x67260A8B73C5B77B55c1805218A42A7A6F98F515",
                "0x7AC440cAe8EB6328de4fA621163a792c1EA9D4fE",
            ),
            534352: (
                "0x6EA73e05AdC79974B931123675ea8F78FfdacDF0",
                "0xE2b4795039517653c5Ae8C2A9BFdd783b48f447A",
                "0x64CCBE37c9A82D85A1F2E74649b7A42923067988",
                "0x33B60d5Dd260d453cAC3782b0bDC01ce84672142",
                "0xaC78dff3A87b5b534e366A93E785a0ce8fA6Cc62",
                "0x7003E7B7186f0E6601203b99F7B8DECBfA391cf9",
            ),
        },
    ),
    events={"messenger": (SENT, RELAYED), "gateway": (*OUT, *IN, *TOKEN_OUT, *TOKEN_IN)},
    decode=decode,
    deposit=Window(usual=2 * 3_600, fee_ppm=0),
    withdrawal=Window(usual=3 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)
