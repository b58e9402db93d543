"""What endpoints answer about blocks is weighed here before anyone believes it.

A block that fits its own hash and roots is proved, whoever sent it. One that does not is asked again, elsewhere if there
is an elsewhere: a node that lies or leaves something out seldom does so twice in the same way. What several
endpoints, or one of them again and again, tell alike is believed, because some chains put other things under these names;
where a chain does so all the time, the check is switched off with a warning that names both.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from indexer.chains.evm.raw_log import RawLog
from indexer.chains.evm.roots import block_hash, receipts_root, transactions_root
from indexer.chains.evm.whole import bloom_bits, fits_bloom

log = logging.getLogger(__name__)

ALIKE_BY_ONE = 3
"""So often must one endpoint repeat what does not fit before it is believed."""
ALIKE_BY_SEVERAL = 2
"""As many endpoints must say it where there are several."""
OFF_AFTER = 3
"""Believed misfits in a row after which a check that never fitted is switched off."""
OFF_AFTER_PROOF = 30
"""The same for a check that has fitted before: a fork may have changed what is hashed."""
REMEMBERED = 4_096
UNLIKELY = 0.01
"""A bloom that answers a query by chance more often than this is no evidence that logs were left out."""


class _Sight(NamedTuple):
    """What is kept of a block whose hash was proved."""

    hash: str
    receipts_root: str
    bloom: int


class Check(StrEnum):
    """What can be computed anew."""

    BLOCK_HASH = "block hash"
    TRANSACTIONS = "transactions root"
    RECEIPTS = "receipts root"
    BLOOM = "logs bloom"
    LOGS = "header's logs bloom"


@dataclass(slots=True)
class _Record:
    """How one check has fared on this chain."""

    fitted: int = 0
    misfits: int = 0
    """Believed misfits since the last fit."""
    off: bool = False
    told: bool = False
    """Whether it was said that a misfit was believed; the first one is enough for the log."""


@dataclass(slots=True)
class Door:
    """The state of one chain's checks. `refused` counts answers that were not let in."""

    chain: str
    refused: Counter[str] = field(default_factory=Counter)
    _records: dict[Check, _Record] = field(default_factory=lambda: {check: _Record() for check in Check})
    _told: OrderedDict[tuple[object, ...], list[str]] = field(default_factory=OrderedDict)
    """Who said what does not fit."""
    _believed: OrderedDict[tuple[object, ...], None] = field(default_factory=OrderedDict)
    _seen: OrderedDict[str, _Sight] = field(default_factory=OrderedDict)
    """Blocks whose hash was proved, by hash."""
    _at: OrderedDict[str, _Sight] = field(default_factory=OrderedDict)
    """The one last seen at a number."""

    @property
    def off(self) -> tuple[str, ...]:
        """Names of the checks that this chain does not fit."""
        return tuple(check.value for check, record in self._records.items() if record.off)

    def complaint(self, who: str, endpoints: int, method: str, params: list[Any], reply: Any) -> str | None:
        """Why an answer is not believed yet; None lets it in. `endpoints` is how many could be asked."""
        if method == "eth_getBlockByNumber" and isinstance(reply, Mapping):
            return self._block(who, endpoints, params, reply)
        if method == "eth_getBlockReceipts" and isinstance(reply, list):
            return self._receipts(who, endpoints, params, reply)
        if method == "eth_getLogs" and isinstance(reply, list) and params:
            return self._logs(who, endpoints, params[0], reply)
        if method == "eth_getTransactionReceipt" and isinstance(reply, Mapping):
            return self._bloom(who, endpoints, reply)
        return None

    def _block(self, who: str, endpoints: int, params: list[Any], block: Mapping[str, Any]) -> str | None:
        told = str(block.get("hash")).lower()
        if not self._records[Check.BLOCK_HASH].off:
            found = block_hash(block)
            fits = None if found is None else found == told
            if not self._weigh(Check.BLOCK_HASH, who, endpoints, (told, found), fits=fits):
                return f"block {block.get('number')} does not fit its hash"
            if fits:
                sight = _Sight(told, str(block["receiptsRoot"]).lower(), int(block["logsBloom"], 16))
                _keep(self._seen, told, sight)
                _keep(self._at, str(block["number"]), sight)
        full = len(params) > 1 and params[1] is True
        if not full or self._records[Check.TRANSACTIONS].off:
            return None
        expected = str(block.get("transactionsRoot")).lower()
        root, fits = _rooted(block.get("transactions") or (), expected, transactions_root, "gas")
        if not self._weigh(Check.TRANSACTIONS, who, endpoints, (told, root), fits=fits):
            return (
                f"block {block.get('number')} does not fit its transactions root: an endpoint left some out"
            )
        return None

    def _receipts(self, who: str, endpoints: int, params: list[Any], receipts: list[Any]) -> str | None:
        first = receipts[0].get("blockHash") if receipts and isinstance(receipts[0], Mapping) else None
        sight = self._seen.get(str(first).lower()) if first else self._at.get(str(params[0]))
        record = self._records[Check.RECEIPTS]
        if sight is not None and not record.off:
            root, fits = _rooted(receipts, sight.receipts_root, receipts_root, "gasUsed")
            if not self._weigh(Check.RECEIPTS, who, endpoints, (sight.hash, root), fits=fits):
                return f"receipts of block {params[0]} do not fit their root: an endpoint left some out"
            if fits:
                return None  # the root covers every log
        for receipt in receipts:
            complaint = self._bloom(who, endpoints, receipt) if isinstance(receipt, Mapping) else None
            if complaint:
                return complaint
        return None

    def _logs(self, who: str, endpoints: int, query: Any, logs: list[Any]) -> str | None:
        """Compare the logs of a range's last block with its header, where that header is at hand."""
        sight = self._at.get(str(query.get("toBlock"))) if isinstance(query, Mapping) else None
        if sight is None or not sight.bloom or self._records[Check.LOGS].off:
            return None
        here = _of_block(logs, query["toBlock"])
        if not here:
            return None
        fits = all(log.block_hash.lower() == sight.hash and _in(sight.bloom, log) for log in here)
        ident = (sight.hash, repr(query.get("topics"))[:512], len(here))
        if self._weigh(Check.LOGS, who, endpoints, ident, fits=fits):
            return None
        return f"the logs of block {query['toBlock']} do not fit its header"

    def silent(self, queries: Sequence[Mapping[str, Any]], replies: Sequence[list[Any]]) -> bool:
        """Whether queries of one range have found no logs in its last block, although its bloom names what they seek.

        A bloom knows neither places nor pairs: who approves a spender in a block where others trade is named as well.
        So this is a reason to ask once more, not a complaint; the second silence is believed.
        """
        end = str(queries[0].get("toBlock"))
        sight = self._at.get(end)
        if sight is None or any(_of_block(logs, end) for logs in replies):
            return False
        if not any(_tells(sight.bloom, query.get("topics") or ()) for query in queries):
            return False
        key = (Check.LOGS, sight.hash, repr([query.get("topics") for query in queries])[:512])
        if key in self._believed:
            return False
        self._trust(key)
        self.refused[Check.LOGS.value] += 1
        return True

    def _bloom(self, who: str, endpoints: int, receipt: Mapping[str, Any]) -> str | None:
        if self._records[Check.BLOOM].off:
            return None
        logs = receipt.get("logs")
        ident = (receipt.get("transactionHash"), len(logs) if isinstance(logs, list) else -1)
        if self._weigh(Check.BLOOM, who, endpoints, ident, fits=fits_bloom(receipt)):
            return None
        return (
            f"the bloom of transaction {ident[0]} does not fit its {ident[1]} logs: an endpoint left some out"
        )

    def _weigh(
        self, check: Check, who: str, endpoints: int, ident: tuple[object, ...], *, fits: bool | None
    ) -> bool:
        """Whether an answer is let in. `fits` is None where nothing can be computed."""
        if fits is None:
            return True
        record = self._records[check]
        if fits:
            record.fitted += 1
            record.misfits = 0
            return True
        key = (check, *ident)
        if key in self._believed:
            return True
        said = self._told.setdefault(key, [])
        said.append(who)
        alike = len(set(said)) >= ALIKE_BY_SEVERAL if endpoints > 1 else False
        if not alike and len(said) < ALIKE_BY_ONE:
            self.refused[check.value] += 1
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return False
        del self._told[key]
        self._trust(key)
        self._believe(check, record, ident)
        return True

    def _trust(self, key: tuple[object, ...]) -> None:
        self._believed[key] = None
        if len(self._believed) > REMEMBERED:
            self._believed.popitem(last=False)

    def _believe(self, check: Check, record: _Record, ident: tuple[object, ...]) -> None:
        record.misfits += 1
        if record.misfits >= (OFF_AFTER_PROOF if record.fitted else OFF_AFTER):
            record.off = True
            log.warning(
                "%s: no block fits its %s here; endpoints are believed about it from now on",
                self.chain,
                check.value,
            )
        elif record.fitted:
            level = logging.WARNING if not record.told else logging.DEBUG
            record.told = True
            log.log(
                level, "%s: %s does not fit its %s, but is told so alike", self.chain, ident[0], check.value
            )


def _rooted(
    items: Sequence[Any], expected: str, compute: Callable[[Sequence[Any]], str | None], gas: str
) -> tuple[str | None, bool | None]:
    """A root and whether it is the expected one.

    Some chains list notes of their own that no machine ran and no root covers (Polygon's state syncs): without gas.
    """
    root = compute(items)
    if root is None or root == expected:
        return root, None if root is None else True
    ran = [item for item in items if not (isinstance(item, Mapping) and item.get(gas) == "0x0")]
    return root, len(ran) < len(items) and compute(ran) == expected


def _of_block(logs: list[Any], tag: str) -> list[RawLog]:
    return [log for log in logs if isinstance(log, RawLog) and log.block_number == tag]


def _in(bloom: int, log: RawLog) -> bool:
    try:
        parts = (log.address, *log.topics)
        return all(bits & bloom == bits for bits in (bloom_bits(part.lower()) for part in parts))
    except ValueError:
        return False


def _tells(bloom: int, topics: Sequence[Any]) -> bool:
    """Whether a bloom says that a block holds logs of a query, and would hardly say so by chance."""
    filled = bloom.bit_count() / 2048
    chance = 1.0
    for wanted in topics:
        if wanted is None:
            continue
        options = wanted if isinstance(wanted, list) else [wanted]
        chance *= min(1.0, len(options) * filled**3)
        if not any(bits & bloom == bits for bits in map(bloom_bits, options)):
            return False
    return chance < UNLIKELY


def _keep(memory: OrderedDict[str, _Sight], key: str, value: _Sight) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
