"""Circle's Cross-Chain Transfer Protocol, versions 1 and 2: USDC is burned here and minted there.

Version 1 numbers its burns; the mint's message carries (source domain, nonce). Version 2 gives the nonce off chain, so
that a key is computed from what both sides show: two equal burns share it.
Source: circlefin/evm-cctp-contracts (TokenMessenger, MessageTransmitter, BurnMessage, BurnMessageV2); on Solana
circlefin/solana-cctp-contracts (events of both programs) and developers.circle.com/cctp/references/solana-programs.
"""

from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from indexer.bridges.abi import address_of, base58, event
from indexer.bridges.chains import CCTP_DOMAINS, SOLANA
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere
from indexer.bridges.solana import Borsh, SolanaView, events, owner_of, solana_leg, spl
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

BURNED = event(
    "DepositForBurn(uint64 indexed nonce, address indexed burnToken, uint256 amount, address indexed depositor, "
    "bytes32 mintRecipient, uint32 destinationDomain, bytes32 destinationTokenMessenger, bytes32 destinationCaller)"
)
BURNED_V2 = event(
    "DepositForBurn(address indexed burnToken, uint256 amount, address indexed depositor, bytes32 mintRecipient, "
    "uint32 destinationDomain, bytes32 destinationTokenMessenger, bytes32 destinationCaller, uint256 maxFee, "
    "uint32 indexed minFinalityThreshold, bytes hookData)"
)
RECEIVED = event(
    "MessageReceived(address indexed caller, uint32 sourceDomain, uint64 indexed nonce, bytes32 sender, bytes messageBody)"
)
RECEIVED_V2 = event(
    "MessageReceived(address indexed caller, uint32 sourceDomain, bytes32 indexed nonce, bytes32 sender, "
    "uint32 indexed finalityThresholdExecuted, bytes messageBody)"
)
MINTED = event("MintAndWithdraw(address indexed mintRecipient, uint256 amount, address indexed mintToken)")
MINTED_V2 = event(
    "MintAndWithdraw(address indexed mintRecipient, uint256 amount, address indexed mintToken, uint256 feeCollected)"
)

_MESSENGER, _TRANSMITTER = "TokenMessenger", "MessageTransmitter"
_MESSENGER_V2, _TRANSMITTER_V2 = "TokenMessengerV2", "MessageTransmitterV2"
_DOMAIN_OF = {chain: domain for domain, chain in CCTP_DOMAINS.items()}
_BODY_V1, _BODY_V2 = 132, 228
_V2_CHAINS = (1, 10, 130, 137, 143, 146, 480, 999, 1329, 8453, 42161, 43114, 59144)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Burns and mints of both versions."""
    domain = _DOMAIN_OF.get(scope.view.chain, -1)
    for log, values in scope.logs(BURNED, _MESSENGER):
        yield _burn(scope, log, values, f"{domain}:{values['nonce']}", derived=False)
    for log, values in scope.logs(BURNED_V2, _MESSENGER_V2):
        words = (
            _word(values["burnToken"]),
            values["mintRecipient"],
            values["amount"].to_bytes(32, "big"),
            _word(values["depositor"]),
            values["maxFee"].to_bytes(32, "big"),
            values["hookData"],
        )
        key = _key_v2(domain, values["destinationDomain"], words)
        yield _burn(scope, log, values, key, derived=True)
    for log, values in scope.logs(RECEIVED, _TRANSMITTER):
        minted = scope.neighbour(log, MINTED, _MESSENGER, before=True)
        if minted is not None and len(values["messageBody"]) == _BODY_V1:
            yield _mint(scope, log, values, minted, f"{values['sourceDomain']}:{values['nonce']}")
    for log, values in scope.logs(RECEIVED_V2, _TRANSMITTER_V2):
        minted = scope.neighbour(log, MINTED_V2, _MESSENGER_V2, before=True)
        if minted is not None and len(values["messageBody"]) >= _BODY_V2:
            yield _mint_v2(scope, log, values, minted, domain)


def _burn(scope: Scope, log: LogEntry, values: dict[str, Any], key: str, *, derived: bool) -> BridgeLeg:
    target = CCTP_DOMAINS.get(values["destinationDomain"])
    return scope.leg(
        Side.SOURCE,
        log,
        asset=scope.token(values["burnToken"]),
        amount=values["amount"],
        wallet=values["depositor"],
        # on Solana the recipient is a token account, not the wallet that owns it
        recipient=None if target in {None, SOLANA} else address_of(values["mintRecipient"]),
        other_chain=target,
        expected_amount=None if derived else values["amount"],
        join_key=key,
        derived=derived,
        event="DepositForBurn",
    )


def _mint(scope: Scope, log: LogEntry, values: dict[str, Any], minted: dict[str, Any], key: str) -> BridgeLeg:
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=scope.token(minted["mintToken"]),
        amount=minted["amount"],
        wallet=minted["mintRecipient"],
        other_chain=CCTP_DOMAINS.get(values["sourceDomain"]),
        join_key=key,
        event="MessageReceived and MintAndWithdraw",
    )


def _mint_v2(
    scope: Scope, log: LogEntry, values: dict[str, Any], minted: dict[str, Any], domain: int
) -> BridgeLeg:
    body = values["messageBody"]
    token, recipient, amount, sender, max_fee, fee = (body[at : at + 32] for at in range(4, 196, 32))
    key = _key_v2(
        values["sourceDomain"], domain, (token, recipient, amount, sender, max_fee, body[_BODY_V2:])
    )
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=scope.token(minted["mintToken"]),
        amount=int.from_bytes(amount, "big") - int.from_bytes(fee, "big"),
        wallet=address_of(recipient),
        other_chain=CCTP_DOMAINS.get(values["sourceDomain"]),
        join_key=key,
        derived=True,
        event="MessageReceived and MintAndWithdraw",
    )


_PROGRAMS = (
    ("CCTPiPYPc6AsJuwueEnWgSgucamXDZwBd53dQ11YiKX3", "CCTPmbSD7gX1bxKPAmg77w8oFzNFpaQiQUWD43TKaecd"),
    ("CCTPV2vPZJS2u2BBsUoscuikbYjnpFmbFsvVuJdgUMQe", "CCTPV2Sm4AdWt5296sk4P66VBZ7bEhcARwFaaS9YPbeC"),
)
"""TokenMessengerMinter and MessageTransmitter of versions 1 and 2."""
_ON_SOLANA = _DOMAIN_OF[SOLANA]


def decode_solana(view: SolanaView) -> Iterator[BridgeLeg]:
    """Burns and mints of both versions on Solana. A mint and its message are written one after the other."""
    for number, burnt in enumerate(_burnt(view)):
        target = CCTP_DOMAINS.get(burnt["domain"])
        yield solana_leg(
            view, "cctp", Side.SOURCE, number, Mechanism.BURN_MINT,
            asset=spl(base58(burnt["token"])),
            amount=burnt["amount"],
            wallet=base58(burnt["depositor"]),
            recipient=None if target in {None, SOLANA} else address_of(burnt["recipient"]),
            other_chain=target,
            expected_amount=None if burnt["derived"] else burnt["amount"],
            join_key=burnt["key"],
            derived=burnt["derived"],
            event="DepositForBurn",
        )  # fmt: skip
    number = 0
    for version, (minter, transmitter) in enumerate(_PROGRAMS, start=1):
        minted = list(events(view, minter, "MintAndWithdraw"))
        received = list(events(view, transmitter, "MessageReceived"))
        for mint, message in zip(minted, received, strict=False) if len(minted) == len(received) else ():
            account, amount, token = mint.key(), mint.number(8), mint.key()
            origin, key = _received(message, version)
            yield solana_leg(
                view, "cctp", Side.DESTINATION, number, Mechanism.BURN_MINT,
                asset=spl(token),
                amount=amount,
                wallet=owner_of(view, account),
                recipient=account,
                other_chain=CCTP_DOMAINS.get(origin),
                join_key=key,
                derived=version == 2,
                event="MessageReceived and MintAndWithdraw",
            )  # fmt: skip
            number += 1


def _burnt(view: SolanaView) -> Iterator[dict[str, Any]]:
    for fields in events(view, _PROGRAMS[0][0], "DepositForBurn"):
        nonce = fields.number(8)
        yield {"key": f"{_ON_SOLANA}:{nonce}", "derived": False, **_common(fields)}
    for fields in events(view, _PROGRAMS[1][0], "DepositForBurn"):
        said = _common(fields)
        fields.take(64)  # the messenger over there, and who may call it
        fee = fields.number(8)
        fields.take(4)  # the finality asked for
        words = (
            said["token"],
            said["recipient"],
            said["amount"].to_bytes(32, "big"),
            said["depositor"],
            fee.to_bytes(32, "big"),
            fields.vector(),
        )
        yield {"key": _key_v2(_ON_SOLANA, said["domain"], words), "derived": True, **said}


def _common(fields: Borsh) -> dict[str, Any]:
    return {
        "token": fields.take(32),
        "amount": fields.number(8),
        "depositor": fields.take(32),
        "recipient": fields.take(32),
        "domain": fields.number(4),
    }


def _received(message: Borsh, version: int) -> tuple[int, str]:
    """The domain that a message came from, and its key."""
    message.take(32)  # who called
    origin = message.number(4)
    if version == 1:
        return origin, f"{origin}:{message.number(8)}"
    message.take(32 + 32 + 4)  # the number given off chain, the sender over there, the finality
    body = message.vector()
    token, recipient, amount, sender, fee = (body[at : at + 32] for at in range(4, 164, 32))
    return origin, _key_v2(origin, _ON_SOLANA, (token, recipient, amount, sender, fee, body[_BODY_V2:]))


def _key_v2(source: int, target: int, words: tuple[bytes, ...]) -> str:
    """Hash of what the burn and the mint message both show; fee and expiry are filled in between."""
    return f"v2:{source}:{target}:{keccak(b''.join(words)).hex()}"


def _word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


PROTOCOL = Protocol(
    id="cctp",
    name="Circle CCTP",
    mechanism=Mechanism.BURN_MINT,
    contracts=contracts(
        TokenMessenger={
            1: "0xBd3fa81B58Ba92a82136038B25aDec7066af3155",
            10: "0x2B4069517957735bE00ceE0fadAE88a26365528f",
            137: "0x9daF8c91AEFAE50b9c0E69629D3F6Ca40cA3B3FE",
            8453: "0x1682Ae6375C4E4A97e4B583BC394c861A46D8962",
            42161: "0x19330d10D9Cc8751218eaf51E8885D058642E08A",
            43114: "0x6B25532e1060CE10cc3B0A99e5683b91BFDe6982",
        },
        MessageTransmitter={
            1: "0x0a992d191DEeC32aFe36203Ad87D7d289a738F81",
            10: "0x4D41f22c5a0e5c74090899E5a8Fb597a8842b3e8",
            137: "0xF3be9355363857F3e001be68856A2f96b4C39Ba9",
            8453: "0xAD09780d193884d503182aD4588450C416D6F9D4",
            42161: "0xC30362313FBBA5cf9163F0bb16a0e01f01A896ca",
            43114: "0x8186359aF5F57FbB40c6b14A588d2A59C0C29880",
        },
        TokenMessengerV2=everywhere("0x28b5a0e9C621a5BadaA536219b3a228C8168cf5d", *_V2_CHAINS),
        MessageTransmitterV2=everywhere("0x81D40F21F12A8F0E3252Bccb954D722d4c464B64", *_V2_CHAINS),
    ),
    events={
        _MESSENGER: (BURNED, MINTED),
        _TRANSMITTER: (RECEIVED,),
        _MESSENGER_V2: (BURNED_V2, MINTED_V2),
        _TRANSMITTER_V2: (RECEIVED_V2,),
    },
    decode=decode,
    solana=decode_solana,
    deposit=Window(usual=3 * 3_600, fee_ppm=2_000),
)
