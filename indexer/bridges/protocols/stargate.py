"""Stargate version 1, over LayerZero version 1. The packet's number joins the sides; its path must run between
Stargate's own bridge contracts, since pools are many.

Source: `@stargatefinance/stg-evm-v1` (Pool, Bridge), LayerZero v1 (UltraLightNodeV2).
"""

from collections.abc import Iterator

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from indexer.bridges.abi import event
from indexer.bridges.chains import LAYERZERO_V1
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere
from indexer.model.links import BridgeLeg, Mechanism, Side

PACKET = event("Packet(bytes payload)")
PACKET_RECEIVED = event(
    "PacketReceived(uint16 indexed srcChainId, bytes srcAddress, address indexed dstAddress, uint64 nonce, "
    "bytes32 payloadHash)"
)
SWAP = event(
    "Swap(uint16 chainId, uint256 dstPoolId, address from, uint256 amountSD, uint256 eqReward, uint256 eqFee, "
    "uint256 protocolFee, uint256 lpFee)"
)
SWAP_REMOTE = event("SwapRemote(address to, uint256 amountSD, uint256 protocolFee, uint256 dstFee)")

_SWAP_TYPE = 1
_BODY = [
    "uint8", "uint256", "uint256", "uint256", "(uint256,uint256)",
    "(uint256,uint256,uint256,uint256,uint256,uint256)", "bytes", "bytes",
]  # fmt: skip


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Swaps that a packet of Stargate's bridge proves, and payouts that a delivery to it proves."""
    swaps = list(scope.anywhere(SWAP))
    for log, values in scope.logs(PACKET, "node"):
        packet = values["payload"]
        sender, target = f"0x{packet[10:30].hex()}", LAYERZERO_V1.get(int.from_bytes(packet[30:32], "big"))
        if not swaps or not scope.known("bridge", sender):
            continue
        _, swapped = swaps[-1]
        left = (
            swapped["amountSD"]
            + swapped["eqFee"]
            + swapped["protocolFee"]
            + swapped["lpFee"]
            - swapped["eqReward"]
        )
        given = scope.transfers(sender=scope.view.sender)
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(given[0][0].address) if given else scope.native(),
            amount=given[0][1] if given else left,
            wallet=scope.view.sender,
            recipient=_recipient(packet[52:]),
            other_chain=target,
            join_key=f"{int.from_bytes(packet[8:10], 'big')}:{int.from_bytes(packet[30:32], 'big')}:"
            f"{int.from_bytes(packet[:8], 'big')}",
            event="Swap",
        )
    paid = list(scope.anywhere(SWAP_REMOTE))
    here = next((number for number, chain in LAYERZERO_V1.items() if chain == scope.view.chain), 0)
    for log, values in scope.logs(PACKET_RECEIVED, "node"):
        if not paid or not scope.known("bridge", values["dstAddress"]):
            continue
        _, remote = paid[-1]
        came = scope.received(remote["to"])
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=came[0] if came else scope.native(),
            amount=came[1] if came else remote["amountSD"],
            wallet=remote["to"],
            other_chain=LAYERZERO_V1.get(values["srcChainId"]),
            join_key=f"{values['srcChainId']}:{here}:{values['nonce']}",
            event="SwapRemote",
        )


def _recipient(body: bytes) -> str | None:
    """Recipient of a swap message; None for other messages, or when a contract is called there."""
    try:
        kind, *_, to, call = abi_decode(_BODY, body)
    except (DecodingError, OverflowError):
        return None
    return f"0x{to.hex()}" if kind == _SWAP_TYPE and len(to) == 20 and not call else None


PROTOCOL = Protocol(
    id="stargate",
    name="Stargate v1",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        bridge={
            1: "0x296F55F8Fb28E498B858d0BcDA06D955B2Cb3f97",
            10: "0x701a95707A0290AC8B90b3719e8EE5b210360883",
            56: "0x6694340fc020c5E6B96567843da2df01b2CE1eb6",
            137: "0x9d1B1669c73b033DFe47ae5a0164Ab96df25B944",
            8453: "0xAF54BE5B6eEc24d6BFACf1cce4eaF680A8239398",
            42161: "0x352d8275AAE3e0c2404d9f68f6cEE084B5bEB3DD",
            43114: "0x9d1B1669c73b033DFe47ae5a0164Ab96df25B944",
        },
        node={
            **everywhere("0x4D73AdB72bC3DD368966edD0f0b2148401A178E2", 1, 10, 56, 137, 42161, 43114),
            8453: "0x38dE71124f7a447a01D67945a51eDcE9FF491251",
        },
    ),
    events={"node": (PACKET, PACKET_RECEIVED)},
    topics_anywhere=(SWAP, SWAP_REMOTE),
    decode=decode,
    deposit=Window(usual=4 * 3_600, fee_ppm=10_000),
)
