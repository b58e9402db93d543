"""Circle's Cross-Chain Transfer Protocol, versions 1 and 2: USDC is burned here and minted there.

Version 1 numbers its burns; the mint's message carries (source domain, nonce). Version 2 gives the nonce off chain, so
that a key is computed from what both sides show: two equal burns share it.
Source: circlefin/evm-cctp-contracts (TokenMessenger, MessageTransmitter, BurnMessage, BurnMessageV2).
"""

from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from indexer.bridges.abi import address_of, event
from indexer.bridges.chains import CCTP_DOMAINS, SOLANA
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere
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
    deposit=Window(usual=3 * 3_600, fee_ppm=2_000),
)
