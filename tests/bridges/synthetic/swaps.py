"""What bridges write that take one asset and pay another."""

from tests.bridges.synthetic.encode import log, word
from tests.bridges.synthetic.ledger import Tx, World
from tests.bridges.synthetic.money import USDC, WETH, ZERO
from tests.bridges.synthetic.move import RELAYER, Move, usdc_units

DLN_SOURCE = "0xef4fb24ad0916217251f553c0596f8edc630eb66"
DLN_DESTINATION = "0xe7351fd770a37282b91d153ee690b63579d6dd7f"
THOR = {1: "0xd37bbe5744d730a1d98d8dc97c42f0ca46ad7146", 56: "0xb30ec53f98ff5947ede720d32ac2da7e52a5f56b"}
PORTALS = {
    10: "0xbeb5fc579115071764c7423a4f12edde41f106ed",
    8453: "0x49048044d57e1c92a77f79988d21fa8faf74e97e",
}


_ORDER = "(uint64,bytes,uint256,bytes,uint256,uint256,bytes,uint256,bytes,bytes,bytes,bytes,bytes,bytes)"


def dln(_: World, move: Move) -> tuple[Tx, Tx]:
    """USDC is given, wrapped ether is taken."""
    give, take = USDC[move.source], WETH[move.target]
    out, came = usdc_units(move.source, move.amount), move.amount * 10**12 // 2_500
    raw = [bytes.fromhex(text[2:]) for text in (move.sender, give, take, move.recipient)]
    order = (
        move.number % 2**64,
        raw[0],
        move.source,
        raw[1],
        out,
        move.target,
        raw[2],
        came,
        raw[3],
        raw[0],
        raw[3],
        b"",
        b"",
        b"",
    )
    left = Tx(move.source, move.leaves, move.sender, DLN_SOURCE).token(give, move.sender, DLN_SOURCE, out)
    left.emit(
        log(
            DLN_SOURCE,
            f"CreatedOrder({_ORDER},bytes32,bytes,uint256,uint256,uint32,bytes)",
            [],
            [_ORDER, "bytes32", "bytes", "uint256", "uint256", "uint32", "bytes"],
            [order, word(move.number), b"", 10**15, 0, 0, b""],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, DLN_DESTINATION).token(take, RELAYER, move.recipient, came)
    arrived.emit(
        log(
            DLN_DESTINATION,
            f"FulfilledOrder({_ORDER},bytes32,address,address)",
            [],
            [_ORDER, "bytes32", "address", "address"],
            [order, word(move.number), RELAYER, RELAYER],
        )
    )
    return left, arrived  # fmt: skip


def dln_refund(_: World, move: Move) -> Tx:
    amount = usdc_units(move.source, move.amount)
    back = Tx(move.source, 0, RELAYER, DLN_SOURCE).token(USDC[move.source], DLN_SOURCE, move.sender, amount)
    return back.emit(log(
        DLN_SOURCE,
        "ClaimedOrderCancel(bytes32,address,uint256,address)",
        [],
        ["bytes32", "address", "uint256", "address"],
        [word(move.number), move.sender, amount, USDC[move.source]],
    ))  # fmt: skip


def thorchain(world: World, move: Move) -> tuple[Tx, Tx]:
    """USDC in, the other chain's coin out; joined by the inbound transaction's hash in the memo."""
    router, away = THOR[move.source], THOR[move.target]
    out, came = usdc_units(move.source, move.amount), move.amount * 10**12 // 2_600
    name = {1: "ETH.ETH", 56: "BSC.BNB"}[move.target]
    left = Tx(move.source, move.leaves, move.sender, router).token(
        USDC[move.source], move.sender, router, out
    )
    left.hash = f"0x{world.rng.getrandbits(256):064x}"
    left.emit(
        log(
            router,
            "Deposit(address,address,uint256,string)",
            [RELAYER, USDC[move.source]],
            ["uint256", "string"],
            [out, f"=:{name}:{move.recipient}:0/1/0"],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, away).pay(RELAYER, move.recipient, came, inside=True)
    arrived.emit(
        log(
            away,
            "TransferOut(address,address,address,uint256,string)",
            [RELAYER, move.recipient],
            ["address", "uint256", "string"],
            [ZERO, came, f"OUT:{left.hash[2:].upper()}"],
        )
    )
    return left, arrived  # fmt: skip


def thorchain_refund(_: World, move: Move, inbound: str) -> Tx:
    amount, router = usdc_units(move.source, move.amount), THOR[move.source]
    back = Tx(move.source, 0, RELAYER, router).token(USDC[move.source], router, move.sender, amount)
    return back.emit(log(
        router,
        "TransferOut(address,address,address,uint256,string)",
        [RELAYER, move.sender],
        ["address", "uint256", "string"],
        [USDC[move.source], amount, f"REFUND:{inbound[2:].upper()}"],
    ))  # fmt: skip
