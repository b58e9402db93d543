"""Wormhole's own core and token bridge on two chains, with a guardian of the test's: ether out, a wrapped token in."""

from dataclasses import dataclass
from pathlib import Path

import httpx
from eth_abi.abi import decode as decode_abi
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from web3.contract import Contract

from indexer.demo.anvil import AnvilOptions
from indexer.model.links import LinkState, ReasonCode, Tier, TransactionView
from indexer.model.money import FIAT_ONE
from tests.bridges.onchain.chain import Chain, across_build, at, needs_builds, word, wormhole_build
from tests.bridges.onchain.service import BOUGHT, COST, FUNDS, OWNER, collected, funded
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


async def bridged(home: Node, away: Node, user: str) -> tuple[TransactionView, TransactionView]:
    """Ether is wrapped and sent, and anybody redeems it for the user; returns both transactions."""
    anybody, emitter = away.chain.accounts[5], word(home.bridge.address)
    told = await home.chain.call(home.chain.accounts[0], home.bridge, "attestToken", home.weth.address, 0)
    message = signed(NUMBERS[0], emitter, *published(told))
    await away.chain.call(anybody, away.bridge, "createWrapped", message)
    sent = await home.chain.call(
        user, home.bridge, "wrapAndTransferETH", NUMBERS[1], word(user), 0, 7, value=ETHER + 123
    )
    message = signed(NUMBERS[0], emitter, *published(sent), nonce=7)
    return sent, await away.chain.call(anybody, away.bridge, "completeTransfer", message)


async def test_ether_over_wormhole_is_collected_linked_and_booked_as_a_wrapped_token(
    anvil: StartAnvil, tmp_path: Path
) -> None:
    options = [AnvilOptions(chain_id=chain, extra=("--code-size-limit", "60000")) for chain in (31337, 31338)]
    urls = [await anvil(one) for one in options]
    async with httpx.AsyncClient() as client:
        chains = [await Chain.open(url, client) for url in urls]
        home, away = [await deploy(chain, number) for chain, number in zip(chains, NUMBERS, strict=True)]
        await introduce(home, away, 100)
        await introduce(away, home, 101)
        funding = await funded(home.chain)
        sent, redeemed = await bridged(home, away, OWNER)
        known = {
            f"eip155:{node.chain.id}": frozenset({node.core.address.lower(), node.bridge.address.lower()})
            for node in (home, away)
        }
        ledger = f"sqlite:///{tmp_path}/ledger.db"
        async with collected(chains, {"wormhole": known}, ledger, funding) as portfolio:
            made, book = await portfolio.link(), await portfolio.book()
            readings = await portfolio.outcomes()
    assert made.source is not None
    assert made.destination is not None
    assert (made.source.tx, made.destination.tx) == (sent.tx, redeemed.tx)
    assert made.source.amount == ETHER, "what 8 decimals cannot carry is given back"
    assert made.source.asset == "eip155:31337/slip44:60"
    assert made.destination.wallet == OWNER
    assert made.destination.asset.startswith("eip155:31338/erc20:0x")
    assert made.destination.amount == ETHER
    assert made.tier is Tier.EXACT_ID
    assert made.state is LinkState.CONFIRMED
    assert made.reasons[0] is ReasonCode.WRAPPED_REPRESENTATION
    assert made.is_open, "a possible taxable event waits for the owner"

    (lot,) = [lot for lot in book.lots if lot.chain == "eip155:31338"]
    assert (lot.quantity, lot.acquired_at, lot.basis_known) == (ETHER, BOUGHT, True)
    assert lot.cost * FUNDS == COST * FIAT_ONE * ETHER, "the cost of what left went along"
    assert readings.if_not is not None
    assert readings.if_not.basis == lot.cost
