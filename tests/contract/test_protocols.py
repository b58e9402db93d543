"""Laws that every discovered bridge protocol obeys."""

import string
from datetime import UTC, datetime

import pytest

from indexer.bridges.protocol import Protocol
from indexer.bridges.protocols import all_protocols, by_name, decode, examine
from indexer.model.links import LogEntry, Mechanism, TransactionView

PROTOCOLS = all_protocols()
STRANGER = "0x" + "66" * 20
HEX = set(string.hexdigits.lower())


@pytest.fixture(params=PROTOCOLS, ids=lambda protocol: protocol.id)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.param
    return found


def view(*logs: LogEntry, chain: str = "eip155:1") -> TransactionView:
    return TransactionView(
        chain=chain,
        tx="0x" + "ab" * 32,
        time=datetime(2024, 1, 1, tzinfo=UTC),
        sender=STRANGER,
        recipient="0x" + "77" * 20,
        value=0,
        input=b"",
        logs=logs,
    )


def test_every_protocol_of_the_books_is_found() -> None:
    assert {
        "across", "arbitrum", "avalanche", "cctp", "celer", "connext", "debridge", "everclear", "gnosis", "hop",
        "layerzero", "lifi", "multichain", "nomad", "opstack", "orbiter", "polygon", "relay", "ronin", "scroll",
        "socket", "stargate", "synapse", "thorchain", "wormhole", "zksync",
    } <= {protocol.id for protocol in PROTOCOLS}  # fmt: skip
    assert by_name()["celer-cbridge"].id == "celer"


def test_it_says_what_it_is(protocol: Protocol) -> None:
    assert set(protocol.id) <= set(string.ascii_lowercase + string.digits)
    assert protocol.name
    assert isinstance(protocol.mechanism, Mechanism)
    assert protocol.decode.__doc__


def test_addresses_are_lower_case_and_whole(protocol: Protocol) -> None:
    for by_chain in protocol.contracts.values():
        for chain, addresses in by_chain.items():
            assert chain.startswith("eip155:")
            for address in addresses:
                assert address.startswith("0x")
                assert len(address) == 42
                assert set(address[2:]) <= HEX


def test_it_declares_the_logs_it_needs(protocol: Protocol) -> None:
    assert set(protocol.events) <= set(protocol.contracts)
    assert protocol.watched or protocol.plain
    for log in protocol.watched:
        assert len(log.topic0) == 32
        assert log.chain.startswith("eip155:")


def test_windows_are_told_for_both_ways(protocol: Protocol) -> None:
    for way in (None, "eip155:1", "eip155:10"):
        window = protocol.window(way)
        assert window.usual > 0
        assert 0 <= window.fee_ppm < 1_000_000


def test_a_forged_or_broken_log_is_no_move_and_raises_nothing(protocol: Protocol) -> None:
    for items in (*protocol.events.values(), protocol.topics_anywhere):
        for item in items:
            topics = (item.topic, *(b"\x01" * 32 for param in item.params if param.indexed))
            for data in (b"", b"\xff" * 31, bytes(32 * 24)):
                assert decode(view(LogEntry(STRANGER, topics, data, 0))) == []
                assert decode(view(LogEntry(STRANGER, topics[:1], data, 0))) == []


def test_a_known_contract_with_broken_data_is_reported(protocol: Protocol) -> None:
    for role, items in protocol.events.items():
        for chain, addresses in protocol.contracts[role].items():
            for item in items:
                if not any(param.indexed for param in item.params):
                    continue
                log = LogEntry(min(addresses), (item.topic,), b"\x00", 0)
                found = examine(view(log, chain=chain))
                assert found.legs == ()


def test_nothing_is_found_in_nothing(protocol: Protocol) -> None:
    assert decode(view()) == []
    assert protocol.id in by_name()
