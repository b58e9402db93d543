"""What each bridge's contracts write on the two sides of one move."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bridges.synthetic.encode import arbitrum_deposit_hash, log, word
from tests.bridges.synthetic.ledger import Tx, World
from tests.bridges.synthetic.money import ETHER_CHAINS, USDC, USDC_E, WETH, ZERO, usdc_decimals

SPOKES = {
    1: "0x5c7bcd6e7de5423a257d81b442095a1a6ced35c5", 10: "0x6f26bf09b1c792e3228e5467807a900a503c0281",
    56: "0x4e8e101924ede233c13e2d8622dc8aed2872d505", 137: "0x9295ee1d8c5b022be115a2ad3c30c72e34e7f096",
    8453: "0x09aea4b2242abc8bb4bb78d537a67a245a7bec64", 42161: "0xe35e9842fceaca96570b734083f4a58e8f7c5f2a",
}  # fmt: skip
MESSENGERS = {
    1: "0xbd3fa81b58ba92a82136038b25adec7066af3155", 10: "0x2b4069517957735be00cee0fadae88a26365528f",
    137: "0x9daf8c91aefae50b9c0e69629d3f6ca40ca3b3fe", 8453: "0x1682ae6375c4e4a97e4b583bc394c861a46d8962",
    42161: "0x19330d10d9cc8751218eaf51e8885d058642e08a", 43114: "0x6b25532e1060ce10cc3b0a99e5683b91bfde6982",
}  # fmt: skip
TRANSMITTERS = {
    1: "0x0a992d191deec32afe36203ad87d7d289a738f81", 10: "0x4d41f22c5a0e5c74090899e5a8fb597a8842b3e8",
    137: "0xf3be9355363857f3e001be68856a2f96b4c39ba9", 8453: "0xad09780d193884d503182ad4588450c416d6f9d4",
    42161: "0xc30362313fbba5cf9163f0bb16a0e01f01a896ca", 43114: "0x8186359af5f57fbb40c6b14a588d2a59c0c29880",
}  # fmt: skip
DOMAINS = {1: 0, 43114: 1, 10: 2, 42161: 3, 8453: 6, 137: 7}
MESSENGER_2 = "0x28b5a0e9c621a5badaa536219b3a228c8168cf5d"
TRANSMITTER_2 = "0x81d40f21f12a8f0e3252bccb954d722d4c464b64"
HOP_USDC = {
    1: "0x3666f603cc164936c1b87e207f36beba4ac5f18a", 10: "0xa81d244a1814468c734e5b4101f7b9c0c577a8fc",
    42161: "0x0e0e3d2c5c292161999474247956ef542cabf8dd", 137: "0x25d8039bb044dc227f741a9e381ca4cea2e6ae8",
    100: "0x25d8039bb044dc227f741a9e381ca4cea2e6ae8",
}  # fmt: skip
CELER = {
    1: "0x5427fefa711eff984124bfbb1ab6fbf5e3da1820", 10: "0x9d39fc627a6d9d9f8c831c16995b209548cc3401",
    56: "0xdd90e5e87a2081dcf0391920868ebc2ffb81a1af", 137: "0x88dcdc47d2f83a99cf0000fdf667a468bb958a78",
    42161: "0x1619de6b6b20ed217a58d00f37b9d47c7663feca", 43114: "0xef3c714c9425a8f3697a9c969dc1af30ba82e5d4",
}  # fmt: skip
DLN_SOURCE = "0xef4fb24ad0916217251f553c0596f8edc630eb66"
DLN_DESTINATION = "0xe7351fd770a37282b91d153ee690b63579d6dd7f"
THOR = {1: "0xd37bbe5744d730a1d98d8dc97c42f0ca46ad7146", 56: "0xb30ec53f98ff5947ede720d32ac2da7e52a5f56b"}
PORTALS = {
    10: "0xbeb5fc579115071764c7423a4f12edde41f106ed",
    8453: "0x49048044d57e1c92a77f79988d21fa8faf74e97e",
}
ARBITRUM_INBOX = "0x4dbd4fc535ac27206064b68ffcf827b0a60bab3f"
ARBITRUM_BRIDGE = "0x8315177ab297ba92a06054ce80a67ed4dbd7ed3a"
ARBITRUM_OUTBOX = "0x0b9857ae2d4a3dbe74ffe1d7df045bb7f96e4840"
ARBSYS = "0x0000000000000000000000000000000000000064"
MULTICHAIN = {
    1: "0x6b7a87899490ece95443e979ca9485cbe7e71522",
    137: "0x4f3aff3a747fcade12598081e80c6605a8be192f",
}
MAKER = "0x80c67432656d59144ceff962e8faf8926599bcf8"
ORBITER = {1: 9001, 42161: 9002, 137: 9006, 10: 9007, 8453: 9021}
LIFI = "0x1231deb6f5749ef6ce6943a275a1d3e7486f4eae"
RELAYER = "0x" + "4e" * 20


@dataclass(slots=True)
class Move:
    """One move before it is written. Amounts are in the source token's units."""

    sender: str
    recipient: str
    source: int
    target: int
    amount: int
    """USDC at 6 decimals, ether at 18."""
    leaves: float
    number: int
    """Unique; bridges derive their ids from it."""
    fee_ppm: int = 0
    twin: int = 0
    """Equal for moves that must be told apart by nothing (the bridge has no id)."""


Writer = Callable[[World, Move], tuple[Tx, Tx]]


def _usdc(chain: int, amount: int) -> int:
    """From 6 decimals to the chain's."""
    return amount * (10**12 if usdc_decimals(chain) == 18 else 1)


def _net(move: Move) -> int:
    return move.amount - move.amount * move.fee_ppm // 1_000_000


def across(
    world: World, move: Move, token_in: str | None = None, token_out: str | None = None
) -> tuple[Tx, Tx]:
    spoke, away = SPOKES[move.source], SPOKES[move.target]
    given, taken = token_in or USDC[move.source], token_out or USDC[move.target]
    out, came = _usdc(move.source, move.amount), _usdc(move.target, _net(move))
    deadline = int(move.leaves) + 7200
    left = Tx(move.source, move.leaves, move.sender, spoke).token(given, move.sender, spoke, out)
    left.emit(
        log(
            spoke,
            "FundsDeposited(bytes32,bytes32,uint256,uint256,uint256,uint256,uint32,uint32,uint32,bytes32,bytes32,bytes32,bytes)",
            [move.target, move.number, move.sender],
            [
                "bytes32",
                "bytes32",
                "uint256",
                "uint256",
                "uint32",
                "uint32",
                "uint32",
                "bytes32",
                "bytes32",
                "bytes",
            ],
            [
                word(given),
                word(taken),
                out,
                came,
                int(move.leaves),
                deadline,
                0,
                word(move.recipient),
                word(0),
                b"",
            ],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, away).token(taken, RELAYER, move.recipient, came)
    arrived.emit(
        log(
            away,
            "FilledRelay(bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint32,uint32,bytes32,bytes32,bytes32,"
            "bytes32,bytes32,(bytes32,bytes32,uint256,uint8))",
            [move.source, move.number, RELAYER],
            [
                "bytes32",
                "bytes32",
                "uint256",
                "uint256",
                "uint256",
                "uint32",
                "uint32",
                "bytes32",
                "bytes32",
                "bytes32",
                "bytes32",
                "(bytes32,bytes32,uint256,uint8)",
            ],
            [
                word(given),
                word(taken),
                out,
                came,
                1,
                deadline,
                0,
                word(0),
                word(move.sender),
                word(move.recipient),
                word(0),
                (word(move.recipient), word(0), came, 0),
            ],
        )
    )
    return left, arrived  # fmt: skip


def across_wrapped(world: World, move: Move) -> tuple[Tx, Tx]:
    """USDC leaves, the bridged token arrives."""
    return across(world, move, token_out=USDC_E[move.target])


def across_refund(world: World, move: Move) -> Tx:
    """The batch in which an expired deposit comes back."""
    amount = _usdc(move.source, move.amount)
    spoke, token = SPOKES[move.source], USDC[move.source]
    back = Tx(move.source, 0, RELAYER, spoke).token(token, spoke, move.sender, amount)
    others = [world.account(), move.sender, world.account()]
    return back.emit(log(
        spoke,
        "ExecutedRelayerRefundRoot(uint256,uint256,uint256[],uint32,uint32,address,address[],bool,address)",
        [move.source, 7, 3],
        ["uint256", "uint256[]", "address", "address[]", "bool", "address"],
        [0, [5, amount, 9], token, others, False, RELAYER],
    ))  # fmt: skip


def lifi_across(world: World, move: Move) -> tuple[Tx, Tx]:
    """The aggregator calls the bridge and writes an event of its own."""
    left, arrived = across(world, move)
    left.recipient = LIFI
    amount = _usdc(move.source, move.amount)
    left.emit(
        log(
            LIFI,
            "LiFiTransferStarted((bytes32,string,string,address,address,address,uint256,uint256,bool,bool))",
            [],
            ["(bytes32,string,string,address,address,address,uint256,uint256,bool,bool)"],
            [
                (
                    word(move.number),
                    "across",
                    "app",
                    ZERO,
                    USDC[move.source],
                    move.recipient,
                    amount,
                    move.target,
                    False,
                    False,
                )
            ],
        )
    )
    return left, arrived  # fmt: skip


def cctp(_: World, move: Move) -> tuple[Tx, Tx]:
    messenger, away = MESSENGERS[move.source], MESSENGERS[move.target]
    left = Tx(move.source, move.leaves, move.sender, messenger)
    left.token(USDC[move.source], move.sender, messenger, move.amount)
    left.emit(
        log(
            messenger,
            "DepositForBurn(uint64,address,uint256,address,bytes32,uint32,bytes32,bytes32)",
            [move.number, USDC[move.source], move.sender],
            ["uint256", "bytes32", "uint32", "bytes32", "bytes32"],
            [move.amount, word(move.recipient), DOMAINS[move.target], word(away), word(0)],
        )
    )
    body = (
        (0).to_bytes(4, "big")
        + word(USDC[move.source])
        + word(move.recipient)
        + word(move.amount)
        + word(move.sender)
    )
    arrived = Tx(move.target, 0, RELAYER, TRANSMITTERS[move.target])
    arrived.token(USDC[move.target], ZERO, move.recipient, move.amount)
    arrived.emit(
        log(
            away,
            "MintAndWithdraw(address,uint256,address)",
            [move.recipient, USDC[move.target]],
            ["uint256"],
            [move.amount],
        ),
        log(
            TRANSMITTERS[move.target],
            "MessageReceived(address,uint32,uint64,bytes32,bytes)",
            [RELAYER, move.number],
            ["uint32", "bytes32", "bytes"],
            [DOMAINS[move.source], word(messenger), body],
        ),
    )
    return left, arrived  # fmt: skip


def cctp2(_: World, move: Move) -> tuple[Tx, Tx]:
    """No number on chain: equal burns are told apart by nothing."""
    fee = move.amount * move.fee_ppm // 1_000_000
    max_fee = fee + 10
    left = Tx(move.source, move.leaves, move.sender, MESSENGER_2)
    left.token(USDC[move.source], move.sender, MESSENGER_2, move.amount)
    left.emit(
        log(
            MESSENGER_2,
            "DepositForBurn(address,uint256,address,bytes32,uint32,bytes32,bytes32,uint256,uint32,bytes)",
            [USDC[move.source], move.sender, 1000],
            ["uint256", "bytes32", "uint32", "bytes32", "bytes32", "uint256", "bytes"],
            [
                move.amount,
                word(move.recipient),
                DOMAINS[move.target],
                word(MESSENGER_2),
                word(0),
                max_fee,
                b"",
            ],
        )
    )
    body = (1).to_bytes(4, "big") + b"".join(
        word(part)
        for part in (
            USDC[move.source],
            move.recipient,
            move.amount,
            move.sender,
            max_fee,
            fee,
            int(move.leaves),
        )
    )
    arrived = Tx(move.target, 0, RELAYER, TRANSMITTER_2)
    arrived.token(USDC[move.target], ZERO, move.recipient, move.amount - fee)
    arrived.emit(
        log(
            MESSENGER_2,
            "MintAndWithdraw(address,uint256,address,uint256)",
            [move.recipient, USDC[move.target]],
            ["uint256", "uint256"],
            [move.amount - fee, fee],
        ),
        log(
            TRANSMITTER_2,
            "MessageReceived(address,uint32,bytes32,bytes32,uint32,bytes)",
            [RELAYER, word(move.number), 1000],
            ["uint32", "bytes32", "bytes"],
            [DOMAINS[move.source], word(MESSENGER_2), body],
        ),
    )
    return left, arrived  # fmt: skip


def hop(_: World, move: Move) -> tuple[Tx, Tx]:
    """From Ethereum: nothing but the repeated content joins the sides."""
    bridge, away, least = HOP_USDC[move.source], HOP_USDC[move.target], _net(move) - 1
    deadline = move.twin or int(move.leaves) + 600_000
    left = Tx(1, move.leaves, move.sender, bridge).token(USDC[1], move.sender, bridge, move.amount)
    left.emit(
        log(
            bridge,
            "TransferSentToL2(uint256,address,uint256,uint256,uint256,address,uint256)",
            [move.target, move.recipient, RELAYER],
            ["uint256", "uint256", "uint256", "uint256"],
            [move.amount, least, deadline, 0],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, away).token(USDC[move.target], away, move.recipient, _net(move))
    arrived.emit(
        log(
            away,
            "TransferFromL1Completed(address,uint256,uint256,uint256,address,uint256)",
            [move.recipient, RELAYER],
            ["uint256", "uint256", "uint256", "uint256"],
            [move.amount, least, deadline, 0],
        )
    )
    return left, arrived  # fmt: skip


def celer(_: World, move: Move) -> tuple[Tx, Tx]:
    pool, away = CELER[move.source], CELER[move.target]
    out, came = _usdc(move.source, move.amount), _usdc(move.target, _net(move))
    left = Tx(move.source, move.leaves, move.sender, pool).token(USDC[move.source], move.sender, pool, out)
    left.emit(
        log(
            pool,
            "Send(bytes32,address,address,address,uint256,uint64,uint64,uint32)",
            [],
            ["bytes32", "address", "address", "address", "uint256", "uint64", "uint64", "uint32"],
            [
                word(move.number),
                move.sender,
                move.recipient,
                USDC[move.source],
                out,
                move.target,
                move.number % 2**32,
                5000,
            ],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, away).token(USDC[move.target], away, move.recipient, came)
    arrived.emit(
        log(
            away,
            "Relay(bytes32,address,address,address,uint256,uint64,bytes32)",
            [],
            ["bytes32", "address", "address", "address", "uint256", "uint64", "bytes32"],
            [
                word(move.number + 1),
                move.sender,
                move.recipient,
                USDC[move.target],
                came,
                move.source,
                word(move.number),
            ],
        )
    )
    return left, arrived  # fmt: skip


def celer_refund(_: World, move: Move) -> Tx:
    amount, pool = _usdc(move.source, move.amount), CELER[move.source]
    back = Tx(move.source, 0, RELAYER, pool).token(USDC[move.source], pool, move.sender, amount)
    return back.emit(log(
        pool,
        "WithdrawDone(bytes32,uint64,address,address,uint256,bytes32)",
        [],
        ["bytes32", "uint64", "address", "address", "uint256", "bytes32"],
        [word(move.number + 2), 4, move.sender, USDC[move.source], amount, word(move.number)],
    ))  # fmt: skip


_ORDER = "(uint64,bytes,uint256,bytes,uint256,uint256,bytes,uint256,bytes,bytes,bytes,bytes,bytes,bytes)"


def dln(_: World, move: Move) -> tuple[Tx, Tx]:
    """USDC is given, wrapped ether is taken."""
    give, take = USDC[move.source], WETH[move.target]
    out, came = _usdc(move.source, move.amount), move.amount * 10**12 // 2_500
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
    amount = _usdc(move.source, move.amount)
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
    out, came = _usdc(move.source, move.amount), move.amount * 10**12 // 2_600
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
    amount, router = _usdc(move.source, move.amount), THOR[move.source]
    back = Tx(move.source, 0, RELAYER, router).token(USDC[move.source], router, move.sender, amount)
    return back.emit(log(
        router,
        "TransferOut(address,address,address,uint256,string)",
        [RELAYER, move.sender],
        ["address", "uint256", "string"],
        [USDC[move.source], amount, f"REFUND:{inbound[2:].upper()}"],
    ))  # fmt: skip


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


def multichain(world: World, move: Move) -> tuple[Tx, Tx]:
    router, away = MULTICHAIN[move.source], MULTICHAIN[move.target]
    came = _net(move)
    left = Tx(move.source, move.leaves, move.sender, router).token(
        USDC[move.source], move.sender, router, move.amount
    )
    left.hash = f"0x{world.rng.getrandbits(256):064x}"
    left.emit(
        log(
            router,
            "LogAnySwapOut(address,address,address,uint256,uint256,uint256)",
            [WETH[move.source], move.sender, move.recipient],
            ["uint256", "uint256", "uint256"],
            [move.amount, move.source, move.target],
        )
    )
    arrived = Tx(move.target, 0, RELAYER, away).token(USDC[move.target], away, move.recipient, came)
    arrived.emit(
        log(
            away,
            "LogAnySwapIn(bytes32,address,address,uint256,uint256,uint256)",
            [bytes.fromhex(left.hash[2:]), WETH[move.target], move.recipient],
            ["uint256", "uint256", "uint256"],
            [came, move.source, move.target],
        )
    )
    return left, arrived  # fmt: skip


def orbiter(_: World, move: Move) -> tuple[Tx, Tx]:
    """Payments to and from a maker; the amount's last digits name the destination."""
    amount = move.amount // 10_000 * 10_000 + ORBITER[move.target]
    came = (amount - amount * move.fee_ppm // 1_000_000) // 10_000 * 10_000 + move.number % 9000
    left = Tx(move.source, move.leaves, move.sender, MAKER, value=amount).pay(move.sender, MAKER, amount)
    arrived = Tx(move.target, 0, MAKER, move.sender, value=came).pay(MAKER, move.sender, came)
    return left, arrived


@dataclass(frozen=True, slots=True)
class Kind:
    """A bridge with where it runs, how long it takes (seconds at the median and the 99th of 100) and its fees."""

    write: Writer
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    latency: tuple[float, float]
    fees_ppm: tuple[int, int] = (0, 0)
    ether: bool = False
    has_id: bool = True


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
KINDS = {
    "across": Kind(across, tuple(SPOKES), tuple(SPOKES), (8, 10 * _MINUTE), (200, 3000)),
    "cctp": Kind(cctp, tuple(DOMAINS), tuple(DOMAINS), (16 * _MINUTE, _HOUR)),
    "cctp2": Kind(cctp2, tuple(DOMAINS), tuple(DOMAINS), (30, 20 * _MINUTE), (0, 200), has_id=False),
    "hop": Kind(hop, (1,), (10, 42161), (5 * _MINUTE, 30 * _MINUTE), (200, 3000), has_id=False),
    "celer": Kind(celer, tuple(CELER), tuple(CELER), (8 * _MINUTE, _HOUR), (200, 3000)),
    "dln": Kind(dln, (1, 10, 137, 8453), (56, 42161, 43114), (8, 10 * _MINUTE)),
    "thorchain": Kind(thorchain, (1, 56), (1, 56), (5 * _MINUTE, _HOUR)),
    "portal": Kind(portal, (1,), tuple(PORTALS), (2 * _MINUTE, 10 * _MINUTE), ether=True, has_id=False),
    "arbitrum_in": Kind(arbitrum_in, (1,), (42161,), (10 * _MINUTE, 40 * _MINUTE), ether=True),
    "arbitrum_out": Kind(arbitrum_out, (42161,), (1,), (7.1 * _DAY, 60 * _DAY), ether=True),
    "multichain": Kind(
        multichain, tuple(MULTICHAIN), tuple(MULTICHAIN), (20 * _MINUTE, 3 * _HOUR), (500, 40_000)
    ),
    "orbiter": Kind(
        orbiter, ETHER_CHAINS, ETHER_CHAINS, (40, 20 * _MINUTE), (500, 8000), ether=True, has_id=False
    ),
    "lifi_across": Kind(lifi_across, tuple(SPOKES), tuple(SPOKES), (8, 10 * _MINUTE), (200, 3000)),
}
