"""Mass airdrops: tokens that one transaction hands to a crowd (pure)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from indexer.chains.evm.decode import TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE
from indexer.chains.spam import AIRDROP_RECIPIENTS

_RECIPIENT = {TRANSFER: 2, TRANSFER_SINGLE: 3, TRANSFER_BATCH: 3}
"""Where the recipient stands among the topics."""


def crowds(logs: Collection[Mapping[str, Any]]) -> dict[str, int]:
    """How many addresses receive each contract's tokens by the logs of one receipt, where they are a crowd.

    Receipts with fewer logs than a crowd are not looked into at all.
    """
    if len(logs) < AIRDROP_RECIPIENTS:
        return {}
    recipients: defaultdict[str, set[str]] = defaultdict(set)
    for log in logs:
        topics = log["topics"]
        place = _RECIPIENT.get(topics[0].lower()) if topics else None
        if place is not None and place < len(topics):
            recipients[log["address"].lower()].add(topics[place].lower())
    return {contract: len(seen) for contract, seen in recipients.items() if len(seen) >= AIRDROP_RECIPIENTS}
