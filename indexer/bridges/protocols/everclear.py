"""Everclear: intents settled against each other; the destination is one of several. Source: everclearorg/monorepo."""

from collections.abc import Iterator

from indexer.bridges.abi import address_of, event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere, evm
from indexer.model.links import BridgeLeg, Mechanism, Side

ADDED = event(
    "IntentAdded(bytes32 indexed intentId, uint256 queueId, (bytes32 initiator, bytes32 receiver, bytes32 inputAsset, "
    "bytes32 outputAsset, uint24 maxFee, uint32 origin, uint64 nonce, uint48 timestamp, uint48 ttl, uint256 amount, "
    "uint32[] destinations, bytes data) intent)"
)
SETTLED = event("Settled(bytes32 indexed intentId, address account, address asset, uint256 amount)")


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Intents and settlements."""
    for log, values in scope.logs(ADDED, "spoke"):
        intent = values["intent"]
        token = address_of(intent[2])
        given = scope.transfers(sender=scope.view.sender)
        # the intent counts in 18 decimals; the transfer says what left
        amount = next((moved for one, moved in given if one.address == token), intent[9])
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(token),
            amount=amount,
            wallet=scope.view.sender,
            recipient=address_of(intent[1]),
            other_chain=evm(intent[10][0]) if len(intent[10]) == 1 else None,
            join_key=values["intentId"].hex(),
            event=ADDED.name,
        )
    for log, values in scope.logs(SETTLED, "spoke"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["asset"]),
            amount=values["amount"],
            wallet=values["account"],
            join_key=values["intentId"].hex(),
            event=SETTLED.name,
        )


PROTOCOL = Protocol(
    id="everclear",
    name="Everclear",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        spoke={
            **everywhere("0xa05A3380889115bf313f1Db9d5f335157Be4D816", 1, 10, 56, 8453, 42161),
            137: "0x7189C59e245135696bFd2906b56607755F84F3fD",
            43114: "0x9aA2Ecad5C77dfcB4f34893993f313ec4a370460",
        }
    ),
    events={"spoke": (ADDED, SETTLED)},
    decode=decode,
    deposit=Window(usual=12 * 3_600, fee_ppm=5_000),
)
