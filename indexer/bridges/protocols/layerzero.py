"""LayerZero version 2: Stargate v2 pools and every omnichain token (OFT).

An OFT can be any contract; what proves one is the endpoint's own event about the same message. Both sides carry
the message's id. Stargate's bus writes no id on the passenger's transaction; its arrival is found by recipient and
amount.
Source: LayerZero-Labs/LayerZero-v2 (EndpointV2, PacketV1Codec, OFT), stargate-protocol/stargate-v2 (TokenMessaging,
BusCodec, TaxiCodec).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import address_of, event
from indexer.bridges.chains import layerzero
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

SENT = event(
    "OFTSent(bytes32 indexed guid, uint32 dstEid, address indexed fromAddress, uint256 amountSentLD, "
    "uint256 amountReceivedLD)"
)
RECEIVED = event(
    "OFTReceived(bytes32 indexed guid, uint32 srcEid, address indexed toAddress, uint256 amountReceivedLD)"
)
PACKET = event("PacketSent(bytes encodedPayload, bytes options, address sendLibrary)")
DELIVERED = event("PacketDelivered((uint32, bytes32, uint64) origin, address receiver)")
RODE = event("BusRode(uint32 dstEid, uint72 ticketId, uint80 fare, bytes passenger)")

_GUID = slice(81, 113)
_SENDER = slice(13, 45)
_MESSAGE = 113
_NO_GUID = bytes(32)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Sends that a packet or a bus ticket proves, and receipts that a delivery or a known pool proves."""
    packets = [values["encodedPayload"] for _, values in scope.logs(PACKET, "endpoint")]
    by_guid = {payload[_GUID]: payload for payload in packets}
    for log, values in scope.anywhere(SENT):
        packet = by_guid.get(values["guid"])
        pool = scope.known("pool", log.address)
        ticket = scope.neighbour(log, RODE, "messaging", before=True) if values["guid"] == _NO_GUID else None
        if (packet is None or (not pool and address_of(packet[_SENDER]) != log.address)) and ticket is None:
            scope.reject(log, "OFTSent without a packet of the LayerZero endpoint")
            continue
        yield _send(scope, log, values, _recipient(packet, ticket, pool=pool))
    delivered = {values["receiver"] for _, values in scope.logs(DELIVERED, "endpoint")}
    for log, values in scope.anywhere(RECEIVED):
        if not scope.known("pool", log.address) and log.address not in delivered:
            scope.reject(log, "OFTReceived without a delivery of the LayerZero endpoint")
            continue
        came = [
            one
            for one, moved in scope.transfers(recipient=values["toAddress"])
            if moved == values["amountReceivedLD"]
        ]
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(came[0].address) if came else scope.native(),
            amount=values["amountReceivedLD"],
            wallet=values["toAddress"],
            other_chain=layerzero(values["srcEid"]),
            join_key=values["guid"].hex() if values["guid"] != _NO_GUID else None,
            mechanism=_mechanism(scope, log),
            event=RECEIVED.name,
        )


def _send(scope: Scope, log: LogEntry, values: dict[str, Any], recipient: str | None) -> BridgeLeg:
    amount = values["amountSentLD"]
    asset = scope.gave(values["fromAddress"], amount) or scope.gave(scope.view.sender, amount)
    if asset is None:
        asset = scope.native() if scope.view.value >= amount else scope.token(log.address)
    return scope.leg(
        Side.SOURCE,
        log,
        asset=asset,
        amount=amount,
        wallet=values["fromAddress"],
        recipient=recipient,
        other_chain=layerzero(values["dstEid"]),
        expected_amount=values["amountReceivedLD"],
        join_key=values["guid"].hex() if values["guid"] != _NO_GUID else None,
        mechanism=_mechanism(scope, log),
        event=SENT.name,
    )


def _recipient(packet: bytes | None, ticket: dict[str, Any] | None, *, pool: bool) -> str | None:
    """OFT messages begin with the recipient; Stargate's taxi puts type and asset before it, the bus asset alone."""
    if ticket is not None:
        return address_of(ticket["passenger"][2:34])
    if packet is None:
        return None
    at = _MESSAGE + (3 if pool else 0)
    word = packet[at : at + 32]
    return address_of(word) if len(word) == 32 and not any(word[:12]) else None


def _mechanism(scope: Scope, log: LogEntry) -> Mechanism:
    return Mechanism.LIQUIDITY if scope.known("pool", log.address) else Mechanism.BURN_MINT


PROTOCOL = Protocol(
    id="layerzero",
    name="Stargate v2 and LayerZero OFT",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        endpoint={
            **everywhere(
                "0x1a44076050125825900e736c501f859c50fE728c", 1, 10, 56, 137, 8453, 42161, 43114, 534352
            ),
            143: "0x6F475642a6e85809B1c36Fa62763669b1b48DD5B",
        },
        messaging={
            1: "0x6d6620eFa72948C5f68A3C8646d58C00d3f4A980",
            10: "0xF1fCb4CBd57B67d683972A59B6a7b1e2E8Bf27E6",
            56: "0x6E3d884C96d640526F273C61dfcF08915eBd7e2B",
            137: "0x6CE9bf8CDaB780416AD1fd87b318A077D2f50EaC",
            8453: "0x5634c4a5FEd09819E3c46D86A965Dd9447d86e47",
            42161: "0x19cFCE47eD54a88614648DC3f19A5980097007dD",
            43114: "0x17E450Be3Ba9557F2378E20d64AD417E59Ef9A34",
        },
        pool={
            1: (
                "0x77b2043768d28E9C9aB44E1aBfC95944bcE57931",
                "0xc026395860Db2d07ee33e05fE50ed7bD583189C7",
                "0x933597a323Eb81cAe705C5bC29985172fd5A3973",
            ),
            10: (
                "0xe8CDF27AcD73a434D661C84887215F7598e7d0d3",
                "0xcE8CcA271Ebc0533920C83d39F417ED6A0abB7D0",
                "0x19cFCE47eD54a88614648DC3f19A5980097007dD",
            ),
            56: ("0x962Bd449E630b0d928f308Ce63f1A21F02576057", "0x138EB30f73BC423c6455C53df6D89CB01d9eBc63"),
            137: ("0x9Aa02D4Fae7F58b8E8f34c66E756cC734DAc7fe4", "0xd47b03ee6d86Cf251ee7860FB2ACf9f91B9fD4d7"),
            8453: (
                "0xdc181Bd607330aeeBEF6ea62e03e5e1Fb4B6F7C7",
                "0x27a16dc786820B16E5c9028b75B99F6f604b5d26",
            ),
            42161: (
                "0xA45B5130f36CDcA45667738e2a258AB09f4A5f7F",
                "0xe8CDF27AcD73a434D661C84887215F7598e7d0d3",
                "0xcE8CcA271Ebc0533920C83d39F417ED6A0abB7D0",
            ),
            43114: (
                "0x5634c4a5FEd09819E3c46D86A965Dd9447d86e47",
                "0x12dC9256Acc9895B076f6638D628382881e62CeE",
            ),
        },
    ),
    events={"endpoint": (PACKET, DELIVERED), "messaging": (RODE,), "pool": (SENT, RECEIVED)},
    topics_anywhere=(SENT, RECEIVED),
    decode=decode,
    deposit=Window(usual=6 * 3_600, fee_ppm=10_000),
)
