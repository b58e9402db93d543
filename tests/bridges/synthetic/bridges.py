"""What bridges of tokens write on the two sides of one move."""

from tests.bridges.synthetic.encode import log, word
from tests.bridges.synthetic.ledger import Tx, World
from tests.bridges.synthetic.money import USDC, USDC_E, WETH, ZERO
from tests.bridges.synthetic.move import RELAYER, Move, net, usdc_units

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
MULTICHAIN = {
    1: "0x6b7a87899490ece95443e979ca9485cbe7e71522",
    137: "0x4f3aff3a747fcade12598081e80c6605a8be192f",
}
LIFI = "0x1231deb6f5749ef6ce6943a275a1d3e7486f4eae"


def across(
    world: World, move: Move, token_in: str | None = None, token_out: str | None = None
) -> tuple[Tx, Tx]:
    spoke, away = SPOKES[move.source], SPOKES[move.target]
    given, taken = token_in or USDC[move.source], token_out or USDC[move.target]
    out, came = usdc_units(move.source, move.amount), usdc_units(move.target, net(move))
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
    amount = usdc_units(move.source, move.amount)
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
    amount = usdc_units(move.source, move.amount)
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
    bridge, away, least = HOP_USDC[move.source], HOP_USDC[move.target], net(move) - 1
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
    arrived = Tx(move.target, 0, RELAYER, away).token(USDC[move.target], away, move.recipient, net(move))
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
    out, came = usdc_units(move.source, move.amount), usdc_units(move.target, net(move))
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
    amount, pool = usdc_units(move.source, move.amount), CELER[move.source]
    back = Tx(move.source, 0, RELAYER, pool).token(USDC[move.source], pool, move.sender, amount)
    return back.emit(log(
        pool,
        "WithdrawDone(bytes32,uint64,address,address,uint256,bytes32)",
        [],
        ["bytes32", "uint64", "address", "address", "uint256", "bytes32"],
        [word(move.number + 2), 4, move.sender, USDC[move.source], amount, word(move.number)],
    ))  # fmt: skip


def multichain(world: World, move: Move) -> tuple[Tx, Tx]:
    router, away = MULTICHAIN[move.source], MULTICHAIN[move.target]
    came = net(move)
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
