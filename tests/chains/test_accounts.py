"""Accounts that are contracts, delegated or carried by others, and what makes and ends contracts: books add up."""

from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from indexer.demo.anvil import AnvilOptions
from indexer.demo.artifacts import call_data
from indexer.model.facts import TransferKind
from tests.chains.contracts import ACCOUNTS, OPENZEPPELIN, SAFE, Town, books_of
from tests.chains.node import LocalNode, read, reader_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil

ETHER = 10**18
NOBODY = "0x" + "0" * 40
CHAIN = 31337
PACKED_OP = "(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)"
MAKER = "6000600034f000"
"""Makes an empty contract that holds what came with the call."""


async def town_of(anvil: StartAnvil, hardfork: str = "cancun") -> Town:
    return Town(await LocalNode(await anvil(AnvilOptions(hardfork=hardfork))).ready())


async def test_a_safe_moves_what_its_owners_decide(anvil: StartAnvil) -> None:
    town = await town_of(anvil)
    boss, ann, bob = town.node.accounts[:3]
    singleton = await town.deploy(f"{SAFE}/SafeL2.sol/SafeL2")
    factory = await town.deploy(f"{SAFE}/proxies/SafeProxyFactory.sol/SafeProxyFactory")
    multisend = await town.deploy(f"{SAFE}/libraries/MultiSend.sol/MultiSend")
    handler = await town.deploy(
        f"{SAFE}/handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler"
    )
    coin = await town.deploy(f"{OPENZEPPELIN}/ERC20PresetMinterPauser", ["string", "string"], "Coin", "CO")
    setup = call_data(
        "setup(address[],uint256,address,bytes,address,address,uint256,address)",
        *([ann], 1, NOBODY, b"", handler, NOBODY, 0, NOBODY),
    )
    made = await town.call(boss, factory, "createProxyWithNonce(address,bytes,uint256)", singleton, setup, 1)
    safe = str(made["logs"][-1]["topics"][1])
    safe = "0x" + safe[-40:]
    town.join(safe)
    await town.call(boss, coin, "mint(address,uint256)", safe, 100)
    await town.node.send(bob, safe, 5 * ETHER, "0x")

    async def execute(to: str, value: int, data: bytes, operation: int, price: int = 0) -> None:
        approved = bytes.fromhex(word(ann) + word(0)) + b"\1"
        await town.call(
            ann,
            safe,
            "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
            *(to, value, data, operation, 100_000 if price else 0, 21_000, price, NOBODY, NOBODY, approved),
        )

    send = call_data("transfer(address,uint256)", bob, 40)
    await execute(bob, ETHER, b"", 0)
    await execute(coin, 0, send, 0, price=10**9)  # the Safe refunds the gas to the owner who sent it
    parts = [(bob, 7, b""), (coin, 0, send), (ann, 9, b"")]
    packed = b"".join(
        b"\0" + bytes.fromhex(to[2:]) + value.to_bytes(32) + len(data).to_bytes(32) + data
        for to, value, data in parts
    )
    await execute(multisend, 0, call_data("multiSend(bytes)", packed), 1)
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    assert books[safe].sums[f"{reader.spec.id}/erc20:{coin}"] == 20
    assert books[safe].kinds == {"erc20": 3, "internal": 4, "native": 1}
    assert books[safe].kinds["gas"] == 0  # the owner pays it


@dataclass(frozen=True)
class Operation:
    """An ERC-4337 user operation, as far as the test chooses it."""

    sender: str
    nonce: int
    data: bytes
    init: bytes = b""

    def packed(self, signature: bytes = b"") -> tuple[object, ...]:
        limits = (1_500_000).to_bytes(16) + (500_000).to_bytes(16)
        fees = (10**9).to_bytes(16) + (10**10).to_bytes(16)
        return (self.sender, self.nonce, self.init, self.data, limits, 60_000, fees, b"", signature)


async def carry(town: Town, entry_point: str, bundler: str, owner: LocalAccount, op: Operation) -> None:
    """Sign an operation and let the bundler carry it to the entry point."""
    digest = await town.view(entry_point, f"getUserOpHash({PACKED_OP})", op.packed(), returns=["bytes32"])
    signature = bytes(owner.unsafe_sign_hash(digest).signature)
    done = await town.call(
        bundler, entry_point, f"handleOps({PACKED_OP}[],address)", [op.packed(signature)], bundler
    )
    outcome = done["logs"][-1]["data"]
    assert int(outcome[2 + 64 : 2 + 128], 16) == 1, "the operation failed inside"


async def test_an_account_that_bundlers_carry(anvil: StartAnvil) -> None:
    town = await town_of(anvil)
    boss, bundler, bob = town.node.accounts[:3]
    entry_point = await town.deploy(f"{ACCOUNTS}/EntryPoint")
    factory = await town.deploy(f"{ACCOUNTS}/SimpleAccountFactory", ["address"], entry_point)
    coin = await town.deploy(f"{OPENZEPPELIN}/ERC20PresetMinterPauser", ["string", "string"], "Coin", "CO")
    owner: LocalAccount = Account.from_key("0x" + "11" * 32)
    account = str(
        await town.view(factory, "getAddress(address,uint256)", owner.address, 7, returns=["address"])
    )
    town.join(account, owner.address)
    await town.node.send(bob, account, ETHER)  # before the account's contract exists
    await town.call(boss, coin, "mint(address,uint256)", account, 50)
    init = bytes.fromhex(factory[2:]) + call_data("createAccount(address,uint256)", owner.address, 7)
    pay = call_data("execute(address,uint256,bytes)", bob, 123, b"")
    await carry(town, entry_point, bundler, owner, Operation(account, 0, pay, init))
    give = call_data(
        "execute(address,uint256,bytes)", coin, 0, call_data("transfer(address,uint256)", bob, 20)
    )
    await carry(town, entry_point, bundler, owner, Operation(account, 1, give))
    await town.call(boss, entry_point, "depositTo(address)", account, value=ETHER)
    several = call_data(
        "executeBatch((address,uint256,bytes)[])", [(bob, 5, b""), (coin, 0, call_data("burn(uint256)", 1))]
    )
    await carry(town, entry_point, bundler, owner, Operation(account, 2, several))
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    mine = books[account]
    assert mine.kinds["gas"] == 0
    assert mine.sums[f"{reader.spec.id}/erc20:{coin}"] == 29
    prefunds = [t for t in mine.transfers.values() if t.recipient == entry_point]
    assert prefunds
    assert {t.kind for t in prefunds} == {TransferKind.INTERNAL}
    assert not books[owner.address.lower()].transfers
    assert books[bundler].kinds["gas"] == 3


FEES: dict[str, Any] = {
    "chainId": CHAIN,
    "gas": 500_000,
    "maxFeePerGas": 10**10,
    "maxPriorityFeePerGas": 10**9,
}


async def test_a_delegated_account(anvil: StartAnvil) -> None:
    town = await town_of(anvil, "prague")
    boss, relayer, bob = town.node.accounts[:3]
    code = await town.deploy(f"{ACCOUNTS}/Simple7702Account")
    ann: LocalAccount = Account.from_key("0x" + "22" * 32)
    town.join(ann.address)
    await town.node.send(boss, ann.address, 10 * ETHER)
    batch = call_data("executeBatch((address,uint256,bytes)[])", [(bob, 11, b""), (boss, 12, b"")])
    own = {**FEES, "type": 4, "nonce": 0, "to": ann.address, "value": 0, "data": batch}
    own["authorizationList"] = [
        ann.sign_authorization({"chainId": CHAIN, "address": bytes.fromhex(code[2:]), "nonce": 1})
    ]
    await town.raw(bytes(ann.sign_transaction(own).raw_transaction))
    again = {**FEES, "type": 2, "nonce": 2, "to": ann.address, "value": 0, "data": batch}
    await town.raw(bytes(ann.sign_transaction(again).raw_transaction))
    await town.node.send(relayer, ann.address, 5)  # runs the account's code
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    assert books[ann.address.lower()].kinds == {"native": 2, "internal": 4, "gas": 2}


@pytest.mark.long  # the signing library reads its trusted setup for ten seconds
async def test_the_fee_of_blobs(anvil: StartAnvil) -> None:
    town = await town_of(anvil)
    boss, bob = town.node.accounts[:2]
    ann: LocalAccount = Account.from_key("0x" + "22" * 32)
    town.join(ann.address)
    await town.node.send(boss, ann.address, 10 * ETHER)
    blobs = {**FEES, "type": 3, "nonce": 0, "to": to_checksum_address(bob), "value": 1, "data": b""}
    signed = ann.sign_transaction({**blobs, "maxFeePerBlobGas": 10**10}, blobs=[b"\0" * 131_072])
    receipt = await town.raw(bytes(signed.raw_transaction))
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    fee = next(t for t in books[ann.address.lower()].transfers.values() if t.position == "gas")
    execution = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert fee.amount == execution + 131_072 * int(receipt["blobGasPrice"], 16)


async def test_contracts_that_are_made_and_ended_and_a_proposer(anvil: StartAnvil) -> None:
    town = await town_of(anvil)
    ann, bob, proposer = town.node.accounts[1:4]
    await town.node.ask("anvil_setCoinbase", proposer)
    maker = await town.node.deploy(MAKER)
    made = await town.node.send(ann, maker, 9)
    trace = await town.node.ask("debug_traceTransaction", made, {"tracer": "callTracer"})
    child = str(trace["calls"][0]["to"])
    await town.node.send(ann, None, 7, "0x73" + bob[2:] + "ff")  # ends while it is made, its coins go to bob
    doomed = await town.node.deploy("73" + ann[2:] + "ff")
    await town.node.send(bob, doomed, 5)
    await town.node.send(bob, doomed)
    town.join(maker, child, doomed)
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    assert books[child].sums[reader.spec.native_id] == 9
    assert books[bob].kinds["internal"] == 1
    came = [
        t for t in books[ann].transfers.values() if t.recipient == ann and t.kind is TransferKind.INTERNAL
    ]
    assert [t.amount for t in came] == [5]
    assert [t for t in books[proposer].transfers.values() if t.tx.startswith("fees:")]


def test_the_words_of_an_operation_are_packed_as_the_standard_says() -> None:
    """https://eips.ethereum.org/EIPS/eip-4337: two 128-bit limits in one word, the first of them higher."""
    limits = Operation(NOBODY, 0, b"").packed()[4]
    assert isinstance(limits, bytes)
    assert encode(["uint128", "uint128"], [1_500_000, 500_000]) == limits[:16].rjust(32, b"\0") + limits[
        16:
    ].rjust(32, b"\0")


async def test_the_reward_of_a_block_is_a_credit_with_a_name_of_its_own(anvil: StartAnvil) -> None:
    """https://openethereum.github.io/JSONRPC-trace-module: a reward is a trace without a transaction."""
    town = await town_of(anvil)
    ann, miner = town.node.accounts[1], "0x" + "3" * 40
    await town.node.send(ann, miner, 1)

    def rewarded(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "trace_block" or not reply.get("result"):
            return reply
        place = {key: reply["result"][0][key] for key in ("blockHash", "blockNumber")}
        both = [
            {"type": "reward", "traceAddress": [], "subtraces": 0, "result": None, **place,
             "action": {"author": miner, "rewardType": kind, "value": hex(amount)}}
            for kind, amount in (("block", 2 * ETHER), ("uncle", 7))
        ]  # fmt: skip
        return {**reply, "result": [*reply["result"], *both]}

    async with proxy(town.node.url) as middle:
        middle.twist = rewarded
        reader = reader_of(middle.url)
        try:
            book = await read(reader, miner)
        finally:
            await reader.close()
    assert {(t.tx, t.amount) for t in book.transfers.values() if not t.tx.startswith("0x")} == {
        ("reward:block:1", 2 * ETHER), (f"reward:uncle:1:{miner}", 7),
    }  # fmt: skip
