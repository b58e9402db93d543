"""A token that one transaction of a stranger hands to a crowd is spam; what its holder hands out is not."""

import pytest

from indexer.chains.evm.crowds import crowds
from indexer.chains.evm.decode import TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE
from indexer.model.asset import Asset
from tests.chains.node import LocalNode, read, reader_of, word
from tests.fixtures.anvil import StartAnvil

LOG = "337f" + TRANSFER[2:] + "60206000a3"
"""Logs a transfer of word 0 of memory from the caller to what lies on the stack."""


def shower(recipients: int) -> str:
    """Runtime code that logs transfers of 5 to addresses 1 to `recipients` and to the one in the calldata."""
    loop = f"60{recipients:02x}5b80" + LOG + "6001900380600757"
    return "6005600052" + loop + "600035" + LOG + "00"


@pytest.mark.parametrize(
    ("recipients", "own", "spam"), [(120, False, True), (98, False, False), (120, True, False)]
)
async def test_a_mass_airdrop(anvil: StartAnvil, recipients: int, own: bool, spam: bool) -> None:
    node = await LocalNode(await anvil()).ready()
    sender, me = node.accounts[:2]
    token = await node.deploy(shower(recipients))
    await node.send(me if own else sender, token, data="0x" + word(me))
    reader = reader_of(node.url)
    try:
        book = await read(reader, me)
    finally:
        await reader.close()
    asset: Asset = next(a for a in book.assets.values() if a.contract == token)
    assert asset.spam.spam is spam
    if spam:
        assert asset.spam.reason == f"an unknown token given to {recipients + 1} addresses in one transaction"


def test_recipients_are_counted_once_and_in_their_place() -> None:
    def log(kind: str, to: int) -> dict[str, object]:
        place = f"0x{to:064x}"
        topics = [kind, "0x0", place] if kind == TRANSFER else [kind, "0x0", "0x0", place]
        return {"address": "0xA", "topics": topics}

    for kind in (TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH):
        assert crowds([log(kind, n) for n in range(100)]) == {"0xa": 100}
        assert crowds([log(kind, n % 99) for n in range(300)]) == {}
    assert crowds([{"address": "0xa", "topics": []}] * 100) == {}
