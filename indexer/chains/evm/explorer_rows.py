"""Rows of explorers read into the collector's own values, in whatever dialect they come (pure)."""

from collections.abc import Mapping
from typing import Any

from indexer.chains.evm.decode import Move, Value
from indexer.chains.evm.tokens import MAX_DECIMALS, TokenFacts, clean
from indexer.model.errors import LyingSourceError
from indexer.model.facts import TransferKind

LISTS = ("txlist", "txlistinternal", "tokentx", "tokennfttx", "token1155tx")
TOKEN_LISTS = frozenset({"tokentx", "tokennfttx", "token1155tx"})
GENESIS = "genesis_"
_MOVES_NOTHING = frozenset({"delegatecall", "callcode", "staticcall", "invalid"})


def tx_of(row: Mapping[str, Any]) -> str:
    """Hash of the row's transaction, lower case."""
    return str(row.get("hash") or row.get("transactionHash") or "").lower()


def block_of(row: Mapping[str, Any]) -> int:
    """Block number of a row.

    Raises:
        LyingSourceError: it has none.
    """
    try:
        return int(row["blockNumber"])
    except (KeyError, TypeError, ValueError):
        raise LyingSourceError("an explorer answered a row without a block number") from None


def stamp_of(row: Mapping[str, Any]) -> int | None:
    """The row's Unix time, None when it has none."""
    text = str(row.get("timeStamp") or "")
    return int(text) if text.isdecimal() else None


def hash_of(row: Mapping[str, Any]) -> str | None:
    """The row's block hash, None when the list does not carry it."""
    text = str(row.get("blockHash") or "").lower()
    return text if len(text) == 66 else None


def internal_value(row: Mapping[str, Any]) -> Value | None:
    """The native movement of an internal row, None for calls that move nothing.

    A delegatecall is listed with the value it inherits, a failed call with the value it gave back.
    """
    if str(row.get("isError") or "0") not in {"0", ""} or row.get("errCode"):
        return None
    kinds = {str(row.get("type") or "").lower(), str(row.get("callType") or "").lower()}
    if kinds & _MOVES_NOTHING:
        return None
    try:
        amount = int(row["value"])
    except (KeyError, TypeError, ValueError):
        raise LyingSourceError(f"an internal row of {tx_of(row)} has no value") from None
    recipient = str(row.get("to") or row.get("contractAddress") or "").lower()
    sender = str(row.get("from") or "").lower()
    if not amount or not recipient or not sender:
        return None
    return Value(sender, recipient, amount)


def token_move(action: str, row: Mapping[str, Any]) -> Move | None:
    """The token movement of a row, where the row tells the index of its log: only then has it the name that the node
    would give it. Etherscan leaves the index out, and a batch has one for several items: such rows are not facts.
    """
    index, contract = str(row.get("logIndex") or ""), str(row.get("contractAddress") or "").lower()
    sender, recipient = str(row.get("from") or "").lower(), str(row.get("to") or "").lower()
    if not index.isdecimal() or {len(contract), len(sender), len(recipient)} != {42}:
        return None
    item, amount = str(row.get("tokenID") or ""), str(row.get("value") or "")
    position = f"log:{int(index)}"
    if action == "tokentx" and not item and amount.isdecimal():
        return Move(position, TransferKind.ERC20, contract, None, sender, recipient, int(amount))
    if action == "tokennfttx" and item.isdecimal():
        return Move(position, TransferKind.ERC721, contract, int(item), sender, recipient, 1)
    return None


def token_facts(row: Mapping[str, Any]) -> tuple[str, TokenFacts] | None:
    """What a token row says of its contract, for tokens that do not answer themselves."""
    contract = str(row.get("contractAddress") or "").lower()
    if len(contract) != 42:
        return None
    text = str(row.get("tokenDecimal") or "")
    decimals = int(text) if text.isdecimal() and int(text) <= MAX_DECIMALS else None
    symbol, name = (clean(str(row.get(key) or "")) for key in ("tokenSymbol", "tokenName"))
    return contract, TokenFacts(symbol, name, decimals)
