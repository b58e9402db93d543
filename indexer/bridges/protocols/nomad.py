"""Nomad (2022), between Ethereum and Moonbeam. Broken in August 2022: withdrawals repeat ids without departures.

The message's number stands in the Home's Dispatch event on one side and, with its origin, in the router's Receive
event on the other.
Source: nomad-xyz/monorepo (BridgeRouter, Home); no recorded transaction was seen.
"""

from collections.abc import Iterator

from indexer.bridges.abi import address_of, event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism, Side

SEND = event(
    "Send(address indexed token, address indexed from, uint32 indexed toDomain, bytes32 toId, uint256 amount, bool toHook)"
)
RECEIVE = event(
    "Receive(uint64 indexed originAndNonce, address indexed token, address indexed recipient, "
    "address liquidityProvider, uint256 amount)"
)
DISPATCH = event(
    "Dispatch(bytes32 indexed messageHash, uint256 indexed leafIndex, uint64 indexed destinationAndNonce, "
    "bytes32 committedRoot, bytes message)"
)

_DOMAINS = {6648936: "eip155:1", 1650811245: "eip155:1284"}
_DOMAIN_OF = {chain: domain for domain, chain in _DOMAINS.items()}


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Sends and receipts of the token bridge."""
    here = _DOMAIN_OF.get(scope.view.chain, 0)
    for log, values in scope.logs(SEND, "router"):
        sent = scope.neighbour(log, DISPATCH, "home", before=True)
        number = None if sent is None else sent["destinationAndNonce"]
        native = scope.view.value == values["amount"]
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.native() if native else scope.token(values["token"]),
            amount=values["amount"],
            wallet=scope.view.sender if native else values["from"],
            recipient=address_of(values["toId"]),
            other_chain=_DOMAINS.get(values["toDomain"]),
            expected_amount=values["amount"],
            join_key=None if number is None else f"{here}:{number >> 32}:{number & 0xFFFFFFFF}",
            event=SEND.name,
        )
    for log, values in scope.logs(RECEIVE, "router"):
        origin, nonce = values["originAndNonce"] >> 32, values["originAndNonce"] & 0xFFFFFFFF
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["token"]),
            amount=values["amount"],
            wallet=values["recipient"],
            other_chain=_DOMAINS.get(origin),
            join_key=f"{origin}:{here}:{nonce}",
            event=RECEIVE.name,
        )


PROTOCOL = Protocol(
    id="nomad",
    name="Nomad",
    mechanism=Mechanism.WRAPPED,
    contracts=contracts(
        router={
            1: "0x88A69B4E698A4B090DF6CF5Bd7B2D47325Ad30A3",
            1284: "0xD3dfD3eDe74E0DCEBC1AA685e151332857efCe2d",
        },
        home={
            1: "0x92d3404a7e6c91455bbd81475cd9fad96acff4c8",
            1284: "0x8F184D6Aa1977fd2F9d9024317D0ea5cF5815b6f",
        },
    ),
    events={"router": (SEND, RECEIVE), "home": (DISPATCH,)},
    decode=decode,
    deposit=Window(usual=12 * 3_600, fee_ppm=0),
    withdrawal=Window(usual=12 * 3_600, fee_ppm=0, claim=True),
    home="eip155:1",
    dead_since=1_659_394_800,
)
