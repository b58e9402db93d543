"""What endpoints answer about blocks is weighed here before anyone believes it.

A block that fits its own hash and roots is proved, whoever sent it. One that does not is asked again, elsewhere if there
is an elsewhere: a node that lies or leaves something out seldom does so twice in the same way. What several
endpoints, or one of them again and again, tell alike is believed, because some chains put other things under these names;
where a chain does so all the time, the check is switched off with a warning that names both.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from indexer.chains.evm.roots import block_hash, receipts_root, transactions_root
from indexer.chains.evm.whole import fits_bloom

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


class Check(StrEnum):
    """What can be computed anew."""

    BLOCK_HASH = "block hash"
    TRANSACTIONS = "transactions root"
    RECEIPTS = "receipts root"
    BLOOM = "logs bloom"


@dataclass(slots=True)
class _Record:
    """How one check has fared on this chain."""

    fitted: int = 0
    misfits: int = 0
    """Believed misfits since the last fit."""
    off: bool = False


@dataclass(slots=True)
class Door:
    """The state of one chain's checks. `refused` counts answers that were not let in."""

    chain: str
    refused: Counter[str] = field(default_factory=Counter)
    _records: dict[Check, _Record] = field(default_factory=lambda: {check: _Record() for check in Check})
    _told: OrderedDict[tuple[object, ...], list[str]] = field(default_factory=OrderedDict)
    """Who said what does not fit."""
    _believed: OrderedDict[tuple[object, ...], None] = field(default_factory=OrderedDict)
    _roots: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Receipts root by hash, of blocks whose hash was proved."""
    _at: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Hash of the block last seen at a number."""

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
                _keep(self._roots, told, str(block.get("receiptsRoot")).lower())
                _keep(self._at, str(block.get("number")), told)
        full = len(params) > 1 and params[1] is True
        if not full or self._records[Check.TRANSACTIONS].off:
            return None
        root = transactions_root(block.get("transactions") or ())
        fits = None if root is None else root == str(block.get("transactionsRoot")).lower()
        if not self._weigh(Check.TRANSACTIONS, who, endpoints, (told, root), fits=fits):
            return (
                f"block {block.get('number')} does not fit its transactions root: an endpoint left some out"
            )
        return None

    def _receipts(self, who: str, endpoints: int, params: list[Any], receipts: list[Any]) -> str | None:
        first = receipts[0].get("blockHash") if receipts and isinstance(receipts[0], Mapping) else None
        told = str(first).lower() if first else self._at.get(str(params[0]), "")
        expected = self._roots.get(told)
        record = self._records[Check.RECEIPTS]
        if expected is not None and not record.off:
            root = receipts_root(receipts)
            fits = None if root is None else root == expected
            if not self._weigh(Check.RECEIPTS, who, endpoints, (told, root), fits=fits):
                return f"receipts of block {params[0]} do not fit their root: an endpoint left some out"
            if fits:
                return None  # the root covers every log
        for receipt in receipts:
            complaint = self._bloom(who, endpoints, receipt) if isinstance(receipt, Mapping) else None
            if complaint:
                return complaint
        return None

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
        self._believed[key] = None
        if len(self._believed) > REMEMBERED:
            self._believed.popitem(last=False)
        self._believe(check, record, ident)
        return True

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
            log.warning("%s: %s does not fit its %s, but is told so alike", self.chain, ident[0], check.value)


def _keep(memory: OrderedDict[str, str], key: str, value: str) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
