"""Wormhole's own core and token bridge on two chains, with a guardian of the test's: ether out, a wrapped token in."""

from dataclasses import dataclass

import httpx
from eth_abi.abi import decode as decode_abi
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from web3.contract import Contract

from indexer.bridges.link import LinkSettings, link
from indexer.bridges.protocols import decode
from indexer.demo.anvil import AnvilOptions
from indexer.model.links import LinkState, ReasonCode, Tier, TransactionView
from tests.bridges.onchain.chain import Chain, across_build, at, needs_builds, word, wormhole_build
from tests.fixtures.anvil import StartAnvil

pytestmark = needs_builds

GUARDIAN = PrivateKey(b"\x11" * 32)
GOVERNANCE = (4).to_bytes(32, "big")
PUBLISHED = keccak(text="LogMessagePublished(address,uint64,uint32,bytes,uint8)")
ETHER = 10**18
NUMBERS = (9001, 9002)
"""Wormhole's numbers of the two chains: any that no real chain has."""


@dataclass(frozen=True, slots=True)
class Node:
    """One chain with Wormhole deployed under Wormhole's number for it."""

    chain: Chain
    number: int
    core: Contract
    bridge: Contract
    weth: Contract


def signed(number: int, emitter: bytes, sequence: int, payload: bytes, nonce: int = 0) -> bytes:
    """A message as the guardians hand it out (version 1, one signature)."""
    body = (
        bytes(4)
        + nonce.to_bytes(4, "big")
        + number.to_bytes(2, "big")
        + emitter
        + sequence.to_bytes(8, "big")
    ) + (b"\x01" + payload)
    sign = GUARDIAN.sign_msg_hash(keccak(keccak(body)))
    numbers: bytes = sign.r.to_bytes(32, "big") + sign.s.to_bytes(32, "big") + bytes([sign.v])
    return b"\x01" + bytes(4) + b"\x01\x00" + numbers + body


async def deploy(chain: Chain, number: int) -> Node:
    code, setup = (
        await chain.deploy(wormhole_build("Implementation")),
        await chain.deploy(wormhole_build("Setup")),
    )
    guardians = [GUARDIAN.public_key.to_checksum_address()]
    start = setup.encode_abi("setup", args=[code.address, guardians, number, 1, GOVERNANCE, chain.id])
    core = await chain.deploy(wormhole_build("Wormhole"), setup.address, start)
    weth = await chain.deploy(across_build("WETH9"))
    token, logic = (
        await chain.deploy(wormhole_build("TokenImplementation")),
        await chain.deploy(wormhole_build("BridgeImplementation")),
    )
    bridge_setup = await chain.deploy(wormhole_build("BridgeSetup"))
    start = bridge_setup.encode_abi(
        "setup",
        args=[logic.address, number, core.address, 1, GOVERNANCE, token.address, weth.address, 1, chain.id],
    )
    bridge = await chain.deploy(wormhole_build("TokenBridge"), bridge_setup.address, start)
    return Node(
        chain, number, at(wormhole_build("Implementation"), core.address),
        at(wormhole_build("BridgeImplementation"), bridge.address), weth,
    )  # fmt: skip


async def introduce(node: Node, other: Node, sequence: int) -> None:
    """Let one bridge know the other's address."""
    payload = (
        b"TokenBridge".rjust(32, b"\0")
        + b"\x01"
        + bytes(2)
        + other.number.to_bytes(2, "big")
        + word(other.bridge.address)
    )
    await node.chain.call(
        node.chain.accounts[0], node.bridge, "registerChain", signed(1, GOVERNANCE, sequence, payload)
    )


def published(view: TransactionView) -> tuple[int, bytes]:
    """Sequence and payload of the message that the transaction published."""
    (log,) = [log for log in view.logs if log.topics[0] == PUBLISHED]
    sequence, _, payload, _ = decode_abi(["uint64", "uint32", "bytes", "uint8"], log.data)
    return sequence, payload


async def test_ether_over_wormhole_becomes_a_wrapped_token(anvil: StartAnvil) -> None:
    options = [AnvilOptions(chain_id=chain, extra=("--code-size-limit", "60000")) for chain in (31337, 31338)]
    urls = [await anvil(one) for one in options]
    async with httpx.AsyncClient() as client:
        chains = [await Chain.open(url, client) for url in urls]
        home, away = [await deploy(chain, number) for chain, number in zip(chains, NUMBERS, strict=True)]
        await introduce(home, away, 100)
        await introduce(away, home, 101)
        user, anybody = home.chain.accounts[1], away.chain.accounts[5]
        told = await home.chain.call(user, home.bridge, "attestToken", home.weth.address, 0)
        sequence, payload = published(told)
        emitter = word(home.bridge.address)
        await away.chain.call(
            anybody, away.bridge, "createWrapped", signed(NUMBERS[0], emitter, sequence, payload)
        )
        sent = await home.chain.call(
            user, home.bridge, "wrapAndTransferETH", NUMBERS[1], word(user), 0, 7, value=ETHER + 123
        )
        sequence, payload = published(sent)
        redeemed = await away.chain.call(
            anybody, away.bridge, "completeTransfer", signed(NUMBERS[0], emitter, sequence, payload, nonce=7)
        )
    known = {
        f"eip155:{node.chain.id}": frozenset({node.core.address.lower(), node.bridge.address.lower()})
        for node in (home, away)
    }
    legs = [leg for view in (sent, redeemed) for leg in decode(view, extra={"wormhole": known})]
    (made,) = link(legs, LinkSettings(own=frozenset({user.lower()}))).links
    assert made.source is not None
    assert made.destination is not None
    assert made.source.amount == ETHER, "what 8 decimals cannot carry is given back"
    assert made.source.asset == "eip155:31337/slip44:60"
    assert made.destination.wallet == user.lower()
    assert made.destination.asset.startswith("eip155:31338/erc20:0x")
    assert made.destination.amount == ETHER
    assert made.tier is Tier.EXACT_ID
    assert made.state is LinkState.CONFIRMED
    assert made.reasons[0] is ReasonCode.WRAPPED_REPRESENTATION
