"""Proof: what the ledger sums to, compared with what the node says at the same block."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.chains.evm.endpoint import Call, Failure
from indexer.chains.evm.node import Node
from indexer.model.asset import Asset, AssetKind
from indexer.model.facts import BlockRef, Gap, GapCode
from indexer.model.ports import BalanceCheck

SOURCE = "balance-check"
BALANCE_OF = "0x70a08231"
OWNER_OF = "0x6352211e"
BALANCE_OF_ITEM = "0x00fdd58e"
REBASING = frozenset(
    {
        "eip155:1/erc20:0xae7ab96520de3a18e5e111b5eaab095312d7fe84",  # stETH
        "eip155:1/erc20:0xd46ba6d942050d489dbd938a2c909a5d5039a161",  # AMPL
    }
)


@dataclass(frozen=True, slots=True)
class _Where:
    node: Node
    address: str
    block: BlockRef


async def verify(node: Node, address: str, block: BlockRef, sums: Sequence[BalanceCheck]) -> list[Gap]:
    """Compare every sum with the balance at `block`; differences and refusals come back as gaps."""
    if not sums:
        return []
    replies = await node.pool.ask([_question(check.asset, address, block.number) for check in sums])
    where = _Where(node, address, block)
    gaps: list[Gap] = []
    unknown: list[tuple[BalanceCheck, str]] = []
    for check, reply in zip(sums, replies, strict=True):
        found = _balance(check.asset, address, reply)
        if found is None:
            unknown.append((check, reply.message if isinstance(reply, Failure) else "no number was answered"))
        elif found != check.ledger_sum:
            gaps.append(_mismatch(where, check, found))
    if unknown and len(unknown) == len(sums):
        gaps.append(
            _gap(
                where,
                GapCode.BALANCE_UNVERIFIED,
                "all",
                f"No endpoint tells balances at block {block.number} ({unknown[0][1]}): the ledger is not proved. "
                "Add an archive endpoint to the chains file.",
            )
        )
    else:
        gaps += [
            _gap(
                where,
                GapCode.BALANCE_UNVERIFIED,
                check.asset,
                f"The balance of this asset at block {block.number} is not served ({words}).",
            )
            for check, words in unknown
        ]
    return gaps


def _question(asset: str, address: str, number: int) -> Call:
    tag = hex(number)
    kind = Asset(asset, "", None).kind
    contract, holder = Asset(asset, "", None).contract, address[2:].rjust(64, "0")
    if kind is AssetKind.NATIVE or contract is None:
        return Call("eth_getBalance", [address, tag])
    item = asset.rpartition("/")[2]
    if kind is AssetKind.ERC721:
        return Call("eth_call", [{"to": contract, "data": f"{OWNER_OF}{int(item):064x}"}, tag])
    if kind is AssetKind.ERC1155:
        return Call("eth_call", [{"to": contract, "data": f"{BALANCE_OF_ITEM}{holder}{int(item):064x}"}, tag])
    return Call("eth_call", [{"to": contract, "data": f"{BALANCE_OF}{holder}"}, tag])


def _balance(asset: str, address: str, reply: object) -> int | None:
    if not isinstance(reply, str):
        return None
    try:
        number = int(reply[:66], 16)
    except ValueError:
        return None  # an empty answer: no contract lives there at that block
    if Asset(asset, "", None).kind is AssetKind.ERC721:
        return int(number == int(address, 16))
    return number


def _mismatch(where: _Where, check: BalanceCheck, found: int) -> Gap:
    difference = found - check.ledger_sum
    word = "more" if difference > 0 else "less"
    return _gap(
        where,
        GapCode.BALANCE_MISMATCH,
        check.asset,
        f"The node reports {found} base units at block {where.block.number}, {abs(difference)} {word} than the ledger's "
        f"{check.ledger_sum}. {_cause(where.node, check, difference)}",
    )


def _cause(node: Node, check: BalanceCheck, difference: int) -> str:
    if check.asset == node.spec.native_id:
        if check.ledger_sum < 0 or difference > 0:
            return (
                "Likely cause: coins received inside contract calls or from a block, which no source listed."
            )
        return "Likely cause: coins sent inside contract calls or fees that no source told."
    if check.asset in REBASING:
        return "Likely cause: the token changes balances without transfers (rebasing)."
    if difference > 0:
        return "Likely cause: a rebasing token, or transfers without a standard Transfer log."
    return "Likely cause: a fee-on-transfer or rebasing token, or transfers without a standard Transfer log."


def _gap(where: _Where, code: GapCode, subject: str, detail: str) -> Gap:
    spec = where.node.spec
    return Gap(spec.id, where.address, code, SOURCE, subject, detail, spec.start_block, where.block.number)
