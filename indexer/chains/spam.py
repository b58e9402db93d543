"""Automatic verdicts on assets: is one bait? Reasons are given, nothing is deleted (pure).

A verdict can be reversed by a portfolio's own judgment, and the lists can be extended. The tests look for what
attackers must do to be seen: bear a trusted name, carry a link, or hand a token to a crowd. Transfers that place an
address beside one that is known are judged in `indexer.chains.poison`.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from indexer.chains import identity
from indexer.model.asset import NOT_SPAM, SpamVerdict
from indexer.model.chain import ChainSpec

AIRDROP_RECIPIENTS = 100
"""A stranger's transaction that gives one unknown token to so many addresses is a mass airdrop."""
AIRDROP = "an unknown token given to"
"""How the reason of that verdict begins; what was seen in a transaction is kept when names are judged anew."""

# letters of other scripts that look like Latin ones (Unicode TR39 confusables, the part used in token names)
_DISGUISES = {
    ".": "02f3 2024 3002 ff0e 2027 2219 00b7 2e33 a4f8 0660",
    "A": "0391 0410",
    "B": "0392 0412",
    "C": "0421 a4da 13df",
    "D": "0500 a4d3 13a0",
    "E": "0395 0415 a4f0 13ac",
    "H": "0397 041d a4e7 13bb",
    "I": "0399",
    "K": "039a 041a",
    "M": "039c 041c",
    "N": "039d",
    "O": "039f 041e",
    "P": "03a1 0420",
    "S": "0405 a4e2 13da",
    "T": "03a4 0422 a4d4 13a2",
    "U": "a4f4 054d",
    "X": "03a7 0425",
    "Y": "03a5",
    "Z": "0396",
    "a": "0430",
    "b": "0432",
    "c": "0441",
    "d": "0501",
    "e": "0435",
    "h": "043d",
    "i": "0456",
    "j": "0458",
    "k": "043a",
    "l": "007c",
    "m": "043c",
    "n": "0578",
    "o": "043e 03bf",
    "p": "0440 03c1",
    "s": "0455",
    "t": "0442",
    "u": "057d",
    "v": "03bd",
    "x": "0445",
    "y": "0443",
}
_LOOKALIKES = {int(code, 16): letter for letter, codes in _DISGUISES.items() for code in codes.split()}
"""Code point of the disguise, and the letter it stands for."""

_LINK = re.compile(
    r"(?:https?://|www\.|t\.me/|discord\.gg)"
    r"|(?<![\w.])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|xyz|app|site|info|top|click|link|live|pro|gift|lol|vip|"
    r"claims?|online|store|space|website|cc|gg|events?|promo|rewards?|bio|sbs|shop|ru|biz|win)(?![\w.])",
    re.IGNORECASE,
)
_LURE = re.compile(
    r"\b(?:claim|visit|airdrop|voucher|redeem|free (?:mint|gift|token)s?|get reward|reward at|giveaway|bonus at|"
    r"invitation|whitelist(?:ed)?|access to)\b",
    re.IGNORECASE,
)

_PROTECTED = frozenset(
    {
        "usdc", "usdt", "dai", "weth", "wbtc", "usdc.e", "busd", "tusd", "frax", "steth", "wsteth", "usde", "usds",
        "link", "uni", "aave", "arb", "op", "matic", "pol", "wmatic", "wpol", "wbnb", "wavax", "gno", "cbbtc",
        "cbeth", "reth", "usdt0",
    }
)  # fmt: skip
_COINS = frozenset({"eth", "btc", "bnb", "avax", "xdai", "sol", "hype", "ether", "ethereum", "bitcoin"})
_NAMES = {
    "usdcoin": "usdc",
    "tetherusd": "usdt",
    "daistablecoin": "dai",
    "wrappedether": "weth",
    "wrappedbtc": "wbtc",
    "ether": "eth",
    "ethereum": "eth",
}


@dataclass(frozen=True, slots=True)
class Lists:
    """What the owner of this instance knows of contracts and accounts: (CAIP-2 chain, lower-case address).

    `blocked` gives the reason. A blocked contract is a spam asset, what a blocked account sends is a spam transfer.
    """

    blocked: Mapping[tuple[str, str], str] = field(default_factory=dict)
    trusted: Collection[tuple[str, str]] = frozenset()


NO_LISTS = Lists()


def judge_token(
    spec: ChainSpec,
    contract: str,
    symbol: str,
    name: str,
    *,
    lists: Lists = NO_LISTS,
    airdrop_recipients: int = 0,
) -> SpamVerdict:
    """Verdict on a token contract from its names; `airdrop_recipients` is the widest distribution seen."""
    mark = (spec.id, contract)
    if mark in lists.blocked:
        return SpamVerdict(spam=True, reason=f"on the block list: {lists.blocked[mark]}")
    if mark in lists.trusted:
        return SpamVerdict(spam=False, reason="on the list of trusted contracts")
    if identity.of_token(spec.id, contract) or contract == spec.wrapped_native:
        return NOT_SPAM
    reason = _baits(symbol, name) or _imitates(spec, contract, symbol, name)
    if reason is None and airdrop_recipients >= AIRDROP_RECIPIENTS:
        reason = f"{AIRDROP} {airdrop_recipients} addresses in one transaction"
    return SpamVerdict(spam=True, reason=reason) if reason else NOT_SPAM


def _baits(symbol: str, name: str) -> str | None:
    for text in (fold(symbol), fold(name)):
        if _LINK.search(text):
            return "its name carries a link"
        if _LURE.search(text):
            return "its name invites to claim something"
    return None


def _imitates(spec: ChainSpec, contract: str, symbol: str, name: str) -> str | None:
    bare = re.sub(r"[^a-z0-9.]", "", fold(symbol).casefold())
    disguised = bare != symbol.casefold().strip()
    if bare == spec.native.symbol.casefold():
        return f"it bears the symbol of the chain's coin {spec.native.symbol}"
    if bare in _PROTECTED | _COINS:
        if disguised:
            return f"its symbol is written to look like {bare.upper()}"
        real = identity.contracts_called(spec.id, bare)
        if real and contract not in real:
            return f"it bears the symbol {symbol}, but is not the well-known contract of that name"
    known_as = _NAMES.get(re.sub(r"[^a-z]", "", fold(name).casefold()))
    if known_as and known_as in _PROTECTED:
        real = identity.contracts_called(spec.id, known_as)
        if real and contract not in real and bare != known_as:
            return f"it bears the name of {known_as.upper()}, but is not that contract"
    return None


def fold(text: str) -> str:
    """Write a name the way a hurried eye reads it: compatibility forms, accents, lookalikes, invisible marks."""
    text = unicodedata.normalize("NFKD", text.translate(_LOOKALIKES))
    visible = (c for c in text if unicodedata.category(c) not in {"Mn", "Cf", "Cc", "Me"})
    return "".join(visible).translate(_LOOKALIKES).strip()
