"""Bridges of which no recorded transaction is at hand: logs encoded by their published ABI decode and link."""

from typing import Any

from eth_abi.abi import encode
from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak

from indexer.bridges.link import link
from indexer.bridges.protocols import decode
from indexer.model.links import LogEntry, Mechanism
from tests.bridges.synthetic.encode import log, transfer, word
from tests.bridges.written import AMOUNT, FAR, RELAYER, TOKEN, USER, ZERO, given, linked, paid, view


def test_synapse_by_the_hash_of_the_hash() -> None:
    tx = "0x" + "12" * 32
    out = log(
        "0x2796317b0fF8538F253012862c06787Adfb8cEb6",
        "TokenDeposit(address,uint256,address,uint256)",
        [USER],
        ["uint256", "address", "uint256"],
        [42161, TOKEN, AMOUNT],
    )
    back = log(
        "0x6F4e8eBa4D337f874Ab57478AcC2Cb5BACdc19c9",
        "TokenMint(address,address,uint256,uint256,bytes32)",
        [USER, keccak(text=tx)],
        ["address", "uint256", "uint256"],
        [FAR, AMOUNT, 50],
    )
    made = linked(view(1, 0, given(), out, tx=tx), view(42161, 5, paid(AMOUNT - 50), back))
    assert (made.protocol, made.fee) == ("synapse", 50)


def test_synapse_intents_by_their_id() -> None:
    router = "0x5523D3c98809DdDB82C686E152F5C58B1B0fB59E"
    asked = log(
        router,
        "BridgeRequested(bytes32,address,bytes,uint32,address,address,uint256,uint256,bool)",
        [word(9), USER],
        ["bytes", "uint32", "address", "address", "uint256", "uint256", "bool"],
        [b"", 10, TOKEN, FAR, AMOUNT, AMOUNT - 7, False],
    )
    done = log(
        router,
        "BridgeRelayed(bytes32,address,address,uint32,address,address,uint256,uint256,uint256)",
        [word(9), RELAYER, USER],
        ["uint32", "address", "address", "uint256", "uint256", "uint256"],
        [1, TOKEN, FAR, AMOUNT, AMOUNT - 7, 0],
    )
    assert linked(view(1, 0, asked), view(10, 1, done)).fee == 7


def test_connext_by_its_transfer_id() -> None:
    kind = "(uint32,uint32,uint32,address,address,bool,bytes,uint256,address,uint256,uint256,uint256,bytes32)"
    params = (6648936, 1869640809, 6648936, USER, USER, False, b"", 30, USER, AMOUNT, AMOUNT, 4, word(1))
    called = log(
        "0x8898B472C54c31894e3B9bb83cEA802a5d0e63C6",
        f"XCalled(bytes32,uint256,bytes32,{kind},address,uint256,address,bytes)",
        [word(77), 4, word(2)],
        [kind, "address", "uint256", "address", "bytes"],
        [params, TOKEN, AMOUNT, TOKEN, b""],
    )
    args = f"({kind},address[],bytes[],address,bytes)"
    executed = log(
        "0x8f7492DE823025b4CfaAB1D34c58963F2af5DEDA",
        f"Executed(bytes32,address,address,{args},address,uint256,address)",
        [word(77), USER, FAR],
        [args, "address", "uint256", "address"],
        [(params, [], [], RELAYER, b""), FAR, AMOUNT - 2_500, RELAYER],
    )
    assert linked(view(1, 0, given(), called), view(10, 4, executed)).fee == 2_500


def test_everclear_by_its_intent() -> None:
    kind = "(bytes32,bytes32,bytes32,bytes32,uint24,uint32,uint64,uint48,uint48,uint256,uint32[],bytes)"
    spoke = "0xa05A3380889115bf313f1Db9d5f335157Be4D816"
    added = log(
        spoke,
        f"IntentAdded(bytes32,uint256,{kind})",
        [word(5)],
        ["uint256", kind],
        [1, (word(USER), word(USER), word(TOKEN), word(FAR), 0, 1, 3, 0, 0, AMOUNT * 10**12, [10], b"")],
    )
    settled = log(
        spoke,
        "Settled(bytes32,address,address,uint256)",
        [word(5)],
        ["address", "address", "uint256"],
        [USER, FAR, AMOUNT - 9],
    )
    assert linked(view(1, 0, given(), added), view(10, 30, settled)).fee == 9


def test_nomad_by_origin_and_number() -> None:
    sent = log(
        "0x88A69B4E698A4B090DF6CF5Bd7B2D47325Ad30A3",
        "Send(address,address,uint32,bytes32,uint256,bool)",
        [TOKEN, USER, 1650811245],
        ["bytes32", "uint256", "bool"],
        [word(USER), AMOUNT, False],
    )
    dispatched = log(
        "0x92d3404a7e6c91455bbd81475cd9fad96acff4c8",
        "Dispatch(bytes32,uint256,uint64,bytes32,bytes)",
        [word(1), 2, (1650811245 << 32) + 8],
        ["bytes32", "bytes"],
        [word(3), b""],
    )
    received = log(
        "0xD3dfD3eDe74E0DCEBC1AA685e151332857efCe2d",
        "Receive(uint64,address,address,address,uint256)",
        [(6648936 << 32) + 8, FAR, USER],
        ["address", "uint256"],
        [ZERO, AMOUNT],
    )
    made = linked(view(1, 0, given(), dispatched, sent), view(1284, 40, received))
    assert made.source is not None
    assert made.source.mechanism is Mechanism.WRAPPED


def test_ronin_both_versions() -> None:
    requested = log(
        "0xE35D62EBE18413D96ca2A2f7cF215bB21a406b4b",
        "TokenWithdrew(uint256,address,address,address,uint32,uint256)",
        [31, USER, TOKEN],
        ["address", "uint32", "uint256"],
        [FAR, 20, AMOUNT],
    )
    released = log(
        "0x1A2a1c938CE3eC39b6D47113c7955bAa9DD454F2",
        "TokenWithdrew(uint256,address,address,uint256)",
        [31, USER, FAR],
        ["uint256"],
        [AMOUNT],
    )
    assert linked(view(2020, 0, requested), view(1, 60 * 24 * 643, released)).confidence > 0.99

    kind = "(uint256,uint8,(address,address,uint256),(address,address,uint256),(uint8,uint256,uint256))"
    receipt = (8, 0, (USER, TOKEN, 1), (USER, FAR, 2020), (0, 0, AMOUNT))
    asked = log(
        "0x64192819Ac13Ef72bF6b5AE239AC672B43a9AF08",
        f"DepositRequested(bytes32,{kind})",
        [],
        ["bytes32", kind],
        [word(1), receipt],
    )
    done = log(
        "0x0CF8fF40a508bdBc39fBe1Bb679dCBa64E65C7Df",
        f"Deposited(bytes32,{kind})",
        [],
        ["bytes32", kind],
        [word(1), receipt],
    )
    assert linked(view(1, 0, asked), view(2020, 2, done)).fee == 0


def test_avalanche_by_the_transaction_it_names() -> None:
    tx, bridged = "0x" + "34" * 32, "0xA7D7079b0FEaD91F3e65f86E8915Cb59c1a4C664"
    out = transfer(TOKEN, USER, "0x8EB8a3b98659Cce290402893d0123abb75E3ab28", AMOUNT)
    minted = log(
        bridged,
        "Mint(address,uint256,address,uint256,bytes32)",
        [],
        ["address", "uint256", "address", "uint256", "bytes32"],
        [USER, AMOUNT - 30, RELAYER, 30, bytes.fromhex(tx[2:])],
    )
    assert linked(view(1, 0, out, tx=tx), view(43114, 12, minted)).fee == 30


def test_stargate_by_the_number_of_its_packet() -> None:
    bridge, far_bridge = (
        "0x296F55F8Fb28E498B858d0BcDA06D955B2Cb3f97",
        "0x352d8275AAE3e0c2404d9f68f6cEE084B5bEB3DD",
    )
    node = "0x4D73AdB72bC3DD368966edD0f0b2148401A178E2"
    body = encode(
        ["uint8", "uint256", "uint256", "uint256", "(uint256,uint256)", "(uint256,uint256,uint256,uint256,uint256,uint256)", "bytes", "bytes"],
        [1, 1, 1, 0, (0, 0), (AMOUNT, 1, 0, 1, 1, 0), bytes.fromhex(USER[2:]), b""],
    )  # fmt: skip
    payload = encode_packed(
        ["uint64", "uint16", "address", "uint16", "address", "bytes"], [6, 101, bridge, 110, far_bridge, body]
    )
    swap = log(
        RELAYER,
        "Swap(uint16,uint256,address,uint256,uint256,uint256,uint256,uint256)",
        [],
        ["uint16", "uint256", "address", "uint256", "uint256", "uint256", "uint256", "uint256"],
        [110, 1, USER, AMOUNT - 3, 0, 1, 1, 1],
    )
    packet = log(node, "Packet(bytes)", [], ["bytes"], [payload])
    delivered = log(
        node,
        "PacketReceived(uint16,bytes,address,uint64,bytes32)",
        [101, far_bridge],
        ["bytes", "uint64", "bytes32"],
        [bytes.fromhex(bridge[2:]), 6, word(1)],
    )
    remote = log(
        RELAYER, "SwapRemote(address,uint256,uint256,uint256)", [],
        ["address", "uint256", "uint256", "uint256"], [USER, AMOUNT - 3, 1, 1],
    )  # fmt: skip
    made = linked(view(1, 0, given(), swap, packet), view(42161, 3, paid(AMOUNT - 3), remote, delivered))
    assert (made.protocol, made.fee) == ("stargate", 3)


def test_an_oft_needs_the_endpoints_word_for_it() -> None:
    endpoint, guid = "0x1a44076050125825900e736c501f859c50fE728c", b"\x9a" * 32
    packet = encode_packed(
        ["uint8", "uint64", "uint32", "bytes32", "uint32", "bytes32", "bytes32", "bytes"],
        [1, 3, 30101, word(TOKEN), 30110, word(FAR), guid, word(USER) + bytes(8)],
    )
    sent = log(
        TOKEN, "OFTSent(bytes32,uint32,address,uint256,uint256)", [guid, USER],
        ["uint32", "uint256", "uint256"], [30110, AMOUNT, AMOUNT - 1],
    )  # fmt: skip
    told = log(
        endpoint, "PacketSent(bytes,bytes,address)", [], ["bytes", "bytes", "address"], [packet, b"", RELAYER]
    )
    came = log(
        FAR,
        "OFTReceived(bytes32,uint32,address,uint256)",
        [guid, USER],
        ["uint32", "uint256"],
        [30101, AMOUNT - 1],
    )
    delivered = log(
        endpoint, "PacketDelivered((uint32,bytes32,uint64),address)", [],
        ["(uint32,bytes32,uint64)", "address"], [(30101, word(TOKEN), 3), FAR],
    )  # fmt: skip
    made = linked(view(1, 0, given(), told, sent), view(42161, 3, paid(AMOUNT - 1), came, delivered))
    assert made.source is not None
    assert made.source.recipient == USER
    assert made.source.mechanism is Mechanism.BURN_MINT
    assert decode(view(1, 0, given(), sent)) == []
    assert decode(view(42161, 3, paid(AMOUNT - 1), came)) == []


def test_the_bus_is_met_by_recipient_and_amount() -> None:
    pool, far_pool = (
        "0xc026395860Db2d07ee33e05fE50ed7bD583189C7",
        "0xe8CDF27AcD73a434D661C84887215F7598e7d0d3",
    )
    rode = log(
        "0x6d6620eFa72948C5f68A3C8646d58C00d3f4A980",
        "BusRode(uint32,uint72,uint80,bytes)",
        [],
        ["uint32", "uint72", "uint80", "bytes"],
        [30110, 12, 5, (1).to_bytes(2, "big") + word(USER) + AMOUNT.to_bytes(8, "big") + b"\0"],
    )
    sent = log(
        pool, "OFTSent(bytes32,uint32,address,uint256,uint256)", [bytes(32), USER],
        ["uint32", "uint256", "uint256"], [30110, AMOUNT, AMOUNT],
    )  # fmt: skip
    came = log(
        far_pool,
        "OFTReceived(bytes32,uint32,address,uint256)",
        [b"\x01" * 32, USER],
        ["uint32", "uint256"],
        [30101, AMOUNT],
    )
    made = linked(view(1, 0, given(), rode, sent), view(42161, 55, paid(), came))
    assert made.tier == "recipient"


def test_an_aggregator_over_an_unknown_bridge_still_departs() -> None:
    started = log(
        "0x1231DEB6f5749EF6cE6943a275A1D3E7486F4EaE",
        "LiFiTransferStarted((bytes32,string,string,address,address,address,uint256,uint256,bool,bool))",
        [],
        ["(bytes32,string,string,address,address,address,uint256,uint256,bool,bool)"],
        [(word(4), "unheard", "app", ZERO, TOKEN, USER, AMOUNT, 10, False, False)],
    )
    bridged = log(
        "0x3a23F943181408EAC424116Af7b7790c94Cb97a5",
        "SocketBridge(uint256,address,uint256,bytes32,address,address,bytes32)",
        [],
        ["uint256", "address", "uint256", "bytes32", "address", "address", "bytes32"],
        [AMOUNT, TOKEN, 10, word(1), USER, USER, word(2)],
    )
    (leg,) = decode(view(1, 0, given(), started, bridged))
    assert (leg.protocol, leg.via, leg.other_chain, leg.recipient) == ("lifi", ("socket",), "eip155:10", USER)


def test_a_relay_payment_counts_only_with_its_deposit() -> None:
    order = b"\x31" * 32
    deposit = log(
        "0x4cD00E387622C35bDDB9b4c962C136462338BC31",
        "RelayErc20Deposit(address,address,uint256,bytes32)",
        [],
        ["address", "address", "uint256", "bytes32"],
        [USER, TOKEN, AMOUNT, order],
    )
    payment = view(10, 1, sender=RELAYER, recipient=USER, value=10**15, input=order)
    made = linked(view(1, 0, given(), deposit), payment)
    assert made.state == "proposed", "an unknown payer may copy an id"
    assert not link(decode(payment)).flags


VAULT, PEG = "0x7510792A3B1969F9307F3845CE88e39578f2bAE1", "0x26c76F7FeF00e02a5DD4B5Cc8a0f717eB61e1E4b"
IDENT, OTHER = b"\x07" * 32, b"\x08" * 32


def gone(name: str, signature: str, values: list[Any], address: str = VAULT) -> LogEntry:
    """An event of Celer's vaults and pegs: none of their values is indexed."""
    return log(address, f"{name}({signature})", [], signature.split(","), values)


def test_celer_locks_in_a_vault_and_mints_a_peg() -> None:
    deposited = gone(
        "Deposited",
        "bytes32,address,address,uint256,uint64,address,uint64",
        [IDENT, USER, TOKEN, AMOUNT, 56, USER, 1],
    )
    minted = gone(
        "Mint",
        "bytes32,address,address,uint256,uint64,bytes32,address",
        [OTHER, FAR, USER, AMOUNT, 1, IDENT, USER],
        PEG,
    )
    made = linked(view(1, 0, given(), deposited), view(56, 9, paid(), minted))
    assert made.tier == "exact_id"
    assert made.reasons[0] == "WRAPPED_REPRESENTATION"


def test_celer_burns_a_peg_and_pays_out_of_the_vault_or_gives_back() -> None:
    burnt = gone(
        "Burn",
        "bytes32,address,address,uint256,uint64,address,uint64",
        [IDENT, FAR, USER, AMOUNT, 1, USER, 1],
        PEG,
    )
    paid_out = gone(
        "Withdrawn",
        "bytes32,address,address,uint256,uint64,bytes32,address",
        [OTHER, USER, TOKEN, AMOUNT, 56, IDENT, USER],
    )
    departure = view(56, 0, burnt)
    assert linked(departure, view(1, 9, paid_out)).tier == "exact_id"
    back = gone(
        "Mint",
        "bytes32,address,address,uint256,uint64,bytes32,address",
        [OTHER, FAR, USER, AMOUNT, 56, IDENT, USER],
        PEG,
    )
    legs = [leg for one in (departure, view(56, 30, back)) for leg in decode(one)]
    result = link(legs)
    assert not result.links
    assert [made.reasons for made in result.refunds] == [("REFUND",)]
