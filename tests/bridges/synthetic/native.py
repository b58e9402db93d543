"""Moves of coin: into and out of rollups, and between plain accounts. Most arrivals leave no log."""

from tests.bridges.synthetic.encode import arbitrum_deposit_hash, log, word
from tests.bridges.synthetic.ledger import Tx, World
from tests.bridges.synthetic.money import ZERO
from tests.bridges.synthetic.move import Move

PORTALS = {
    10: "0xbeb5fc579115071764c7423a4f12edde41f106ed",
    8453: "0x49048044d57e1c92a77f79988d21fa8faf74e97e",
}
ARBITRUM_INBOX = "0x4dbd4fc535ac27206064b68ffcf827b0a60bab3f"
ARBITRUM_BRIDGE = "0x8315177ab297ba92a06054ce80a67ed4dbd7ed3a"
ARBITRUM_OUTBOX = "0x0b9857ae2d4a3dbe74ffe1d7df045bb7f96e4840"
ARBSYS = "0x0000000000000000000000000000000000000064"
MAKER = "0x80c67432656d59144ceff962e8faf8926599bcf8"
ORBITER = {1: 9001, 42161: 9002, 137: 9006, 10: 9007, 8453: 9021}


def portal(_: World, move: Move) -> tuple[Tx, Tx]:
    """Ether into an OP stack portal: the arrival leaves no log at all."""
    gate = PORTALS[move.target]
    left = Tx(1, move.leaves, move.sender, gate, value=move.amount).pay(move.sender, gate, move.amount)
    opaque = word(move.amount) + word(move.amount) + (100_000).to_bytes(8, "big") + b"\0"
    left.emit(
        log(
            gate,
            "TransactionDeposited(address,address,uint256,bytes)",
            [move.sender, move.recipient, 0],
            ["bytes"],
            [opaque],
        )
    )
    arrived = Tx(move.target, 0, move.sender, move.recipient, value=move.amount)
    return left, arrived.pay(ZERO, move.recipient, move.amount, inside=True)


def arbitrum_in(_: World, move: Move) -> tuple[Tx, Tx]:
    """Ether into Arbitrum's inbox: no log on the other side, but its transaction's hash is fixed."""
    number = move.number % 2**48
    left = Tx(1, move.leaves, move.sender, ARBITRUM_INBOX, value=move.amount)
    left.pay(move.sender, ARBITRUM_INBOX, move.amount)
    left.emit(
        log(
            ARBITRUM_BRIDGE,
            "MessageDelivered(uint256,bytes32,address,uint8,address,bytes32,uint256,uint64)",
            [number, word(1)],
            ["address", "uint8", "address", "bytes32", "uint256", "uint64"],
            [ARBITRUM_INBOX, 12, move.sender, word(2), 1, int(move.leaves)],
        ),
        log(
            ARBITRUM_INBOX,
            "InboxMessageDelivered(uint256,bytes)",
            [number],
            ["bytes"],
            [bytes.fromhex(move.recipient[2:]) + word(move.amount)],
        ),
    )
    arrived = Tx(42161, 0, move.sender, move.recipient, value=move.amount)
    arrived.hash = arbitrum_deposit_hash(number, move.sender, move.recipient, move.amount)
    return left, arrived.pay(
        move.sender, move.recipient, move.amount
    ) if move.sender != move.recipient else arrived.pay(ZERO, move.recipient, move.amount, inside=True)


def arbitrum_out(_: World, move: Move) -> tuple[Tx, Tx]:
    """Ether out of Arbitrum: claimed by hand a week or more later."""
    number = move.number % 2**48
    left = Tx(42161, move.leaves, move.sender, ARBSYS, value=move.amount).pay(
        move.sender, ARBSYS, move.amount
    )
    left.emit(
        log(
            ARBSYS,
            "L2ToL1Tx(address,address,uint256,uint256,uint256,uint256,uint256,uint256,bytes)",
            [move.recipient, number * 7, number],
            ["address", "uint256", "uint256", "uint256", "uint256", "bytes"],
            [move.sender, 1, 2, int(move.leaves), move.amount, b""],
        )
    )
    arrived = Tx(1, 0, move.recipient, ARBITRUM_OUTBOX).pay(
        ARBITRUM_BRIDGE, move.recipient, move.amount, inside=True
    )
    arrived.emit(
        log(
            ARBITRUM_OUTBOX,
            "OutBoxTransactionExecuted(address,address,uint256,uint256)",
            [move.recipient, move.sender, 0],
            ["uint256"],
            [number],
        ),
        log(
            ARBITRUM_BRIDGE,
            "BridgeCallTriggered(address,address,uint256,bytes)",
            [ARBITRUM_OUTBOX, move.recipient],
            ["uint256", "bytes"],
            [move.amount, b""],
        ),
    )
    return left, arrived  # fmt: skip


def orbiter(_: World, move: Move) -> tuple[Tx, Tx]:
    """Payments to and from a maker; the amount's last digits name the destination."""
    amount = move.amount // 10_000 * 10_000 + ORBITER[move.target]
    came = (amount - amount * move.fee_ppm // 1_000_000) // 10_000 * 10_000 + move.number % 9000
    left = Tx(move.source, move.leaves, move.sender, MAKER, value=amount).pay(move.sender, MAKER, amount)
    arrived = Tx(move.target, 0, MAKER, move.sender, value=came).pay(MAKER, move.sender, came)
    return left, arrived
