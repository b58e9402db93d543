"""Wormhole's token bridge (Portal): locked here, a wrapped token minted there, redeemed by anybody at any time.

The message's emitter and sequence stand in both events. The redeeming event names neither token nor recipient; they
are read from the message in the call, else from the transfer in the transaction.
Source: wormhole-foundation/wormhole ethereum contracts (Implementation, BridgeImplementation), message format 1 and 3;
on Solana the instructions of @certusone/wormhole-sdk (solana/tokenBridge: numbers, data, accounts).

On Solana the redeeming transaction names the message by an account alone, which an earlier transaction filled: such an
arrival has no id and is found by owner and amount.
"""

from collections.abc import Iterator

from indexer.bridges.abi import address_of, event
from indexer.bridges.chains import SOLANA, WORMHOLE
from indexer.bridges.protocol import ZERO_ADDRESS, Protocol, Scope, Window, contracts
from indexer.bridges.solana import Borsh, SolanaView, owner_of, solana_leg, spl
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

PUBLISHED = event(
    "LogMessagePublished(address indexed sender, uint64 sequence, uint32 nonce, bytes payload, uint8 consistencyLevel)"
)
REDEEMED = event(
    "TransferRedeemed(uint16 indexed emitterChainId, bytes32 indexed emitterAddress, uint64 indexed sequence)"
)

_SCALE_OF_COIN = 10**10
"""Amounts travel with at most 8 decimals; coins have 18."""


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Transfers out and redemptions."""
    for log, values in scope.logs(PUBLISHED, "core"):
        payload = values["payload"]
        if not scope.known("token_bridge", values["sender"]) or payload[:1] not in {b"\x01", b"\x03"}:
            continue
        asset, amount = _given(scope, int.from_bytes(payload[1:33], "big"))
        target = WORMHOLE.get(int.from_bytes(payload[99:101], "big"))
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=asset,
            amount=amount,
            wallet=scope.view.sender,
            # on Solana it is a token account; with a payload it is the contract that handles it
            recipient=address_of(payload[67:99]) if payload[0] == 1 and target != SOLANA else None,
            other_chain=target,
            join_key=f"{values['sender'][2:]}:{values['sequence']}",
            event=PUBLISHED.name,
        )
    for log, values in scope.logs(REDEEMED, "token_bridge"):
        arrived = _arrived(scope, values["sequence"])
        if arrived is None:
            continue
        wallet, asset, amount = arrived
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=asset,
            amount=amount,
            wallet=wallet,
            other_chain=WORMHOLE.get(values["emitterChainId"]),
            join_key=f"{values['emitterAddress'][12:].hex()}:{values['sequence']}",
            event=REDEEMED.name,
        )


def _given(scope: Scope, normalised: int) -> tuple[str, int]:
    if scope.view.value >= normalised * _SCALE_OF_COIN > 0 and not scope.transfers(sender=scope.view.sender):
        return scope.native(), normalised * _SCALE_OF_COIN
    given = scope.transfers(sender=scope.view.sender)
    if given:
        return scope.token(given[0][0].address), given[0][1]
    return scope.native(), normalised * _SCALE_OF_COIN


def _arrived(scope: Scope, sequence: int) -> tuple[str, str, int] | None:
    """Who received what: by the signed message in the call where it can be found."""
    wallet = _recipient_in(scope.view.input, sequence)
    if wallet is None:
        moved: list[tuple[LogEntry, int]] = scope.transfers(sender=ZERO_ADDRESS) or scope.transfers()
        if not moved:
            return None
        wallet = f"0x{moved[-1][0].topics[2][12:].hex()}"
    came = scope.received(wallet)
    return None if came is None else (wallet, *came)


def _recipient_in(call: bytes, sequence: int) -> str | None:
    """The body of a signed message: ... chain (2), emitter (32), sequence (8), consistency (1), payload."""
    at = call.find(sequence.to_bytes(8, "big"), 4 + 64 + 6)
    while at >= 0:
        payload = call[at + 9 :]
        if payload[:1] in {b"\x01", b"\x03"} and len(payload) >= 101 and not any(payload[67:79]):
            return f"0x{payload[79:99].hex()}"
        at = call.find(sequence.to_bytes(8, "big"), at + 1)
    return None


_CORE = "worm2ZoG2kUd4vFXhvjh93UUH596ayRfgQ2MgjNMTth"
_BRIDGE = "wormDTUJ6AWPNvk59vGQbDvGJmqbDTdgWgAqcLBCgUb"
_EMITTER = "ec7372995d5cc8732397fb0ad35c0121e0eaa90d26f828a534cab54391b3a4f5"
"""The token bridge of Solana, as messages name it."""
_OUT = {4: (4, True), 5: (3, True), 11: (4, False), 12: (3, False)}
"""Instructions that send: which account is the token's mint, and whether a relayer's fee stands in the data."""
_IN = (2, 3, 9, 10)
"""Instructions that redeem; account 5 receives."""
_SEQUENCE = "Program log: Sequence: "


def decode_solana(view: SolanaView) -> Iterator[BridgeLeg]:
    """Transfers out by the number that the core program writes into its log, and redemptions."""
    lines = [line for runs, line in view.logs if runs == _CORE and line.startswith(_SEQUENCE)]
    sent = [
        (call, Borsh(call.data[1:]), *_OUT[call.data[0]])
        for call in view.calls
        if call.program == _BRIDGE and call.data[:1] and call.data[0] in _OUT
    ]
    for at, (call, fields, mint_at, relayed) in enumerate(sent):
        fields.take(4)
        amount = fields.number(8)
        if relayed:
            fields.take(8)
        target, chain = fields.take(32), WORMHOLE.get(fields.number(2))
        known = len(lines) == len(sent)  # other programs post messages of their own
        yield solana_leg(
            view, "wormhole", Side.SOURCE, at, Mechanism.WRAPPED,
            asset=spl(call.accounts[mint_at]),
            amount=amount,
            wallet=owner_of(view, call.accounts[2]),
            recipient=address_of(target) if relayed and chain is not None else None,
            other_chain=chain,
            join_key=f"{_EMITTER[24:]}:{int(lines[at].removeprefix(_SEQUENCE))}" if known else None,
            event="a transfer out",
        )  # fmt: skip
    arrivals = [
        call
        for call in view.calls
        if call.program == _BRIDGE and call.data[:1] and call.data[0] in _IN and len(call.accounts) > 5
    ]
    for at, call in enumerate(arrivals):
        account = call.accounts[5]
        held = view.tokens.get(account)
        if held is not None and held.after > held.before:
            yield solana_leg(
                view, "wormhole", Side.DESTINATION, at, Mechanism.WRAPPED,
                asset=spl(held.mint),
                amount=held.after - held.before,
                wallet=owner_of(view, account),
                recipient=account,
                event="a redemption",
            )  # fmt: skip


PROTOCOL = Protocol(
    id="wormhole",
    name="Wormhole token bridge",
    mechanism=Mechanism.WRAPPED,
    contracts=contracts(
        core={
            1: "0x98f3c9e6E3fAce36bAAd05FE09d375Ef1464288B",
            10: "0xEe91C335eab126dF5fDB3797EA9d6aD93aeC9722",
            56: "0x98f3c9e6E3fAce36bAAd05FE09d375Ef1464288B",
            137: "0x7A4B5a56256163F07b2C80A7cA55aBE66c4ec4d7",
            8453: "0xbebdb6C8ddC678FfA9f8748f85C815C556Dd8ac6",
            42161: "0xa5f208e072434bC67592E4C49C1B991BA79BCA46",
            43114: "0x54a8e5f9c4CbA08F9943965859F6c34eAF03E26c",
        },
        token_bridge={
            1: "0x3ee18B2214AFF97000D974cf647E7C347E8fa585",
            10: "0x1D68124e65faFC907325e3EDbF8c4d84499DAa8b",
            56: "0xB6F6D86a8f9879A9c87f643768d9efc38c1Da6E7",
            137: "0x5a58505a96D1dbf8dF91cB21B54419FC36e93fdE",
            8453: "0x8d2de8d2f73F1F4cAB472AC9A881C9b123C79627",
            42161: "0x0b2402144Bb366A632D14B83F244D2e0e21bD39c",
            43114: "0x0e082F06FF657D94310cB8cE8B0D9a04541d8052",
        },
    ),
    events={"core": (PUBLISHED,), "token_bridge": (REDEEMED,)},
    decode=decode,
    solana=decode_solana,
    deposit=Window(usual=2 * 86_400, fee_ppm=5_000, claim=True),
)
