"""What a node means when it says no. Providers word the same refusal in many ways (pure functions).

A refused `eth_getLogs` may offer a range that works, name a limit in blocks, or only complain; a rate limit may
come as an ordinary JSON-RPC error with HTTP 200.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Refusal(Enum):
    """What the caller should do about a JSON-RPC error."""

    RANGE = "range"
    """Ask for fewer blocks."""
    DENSE = "dense"
    """Too many results or bytes: ask for fewer blocks, the limit in blocks stays unknown."""
    RATE = "rate"
    """Wait and ask again."""
    RETRY = "retry"
    """The node failed; another one or another time may do."""
    LAGGING = "lagging"
    """The node does not have the block yet."""
    DOUBTED = "doubted"
    """The answer does not fit itself; another endpoint, or the same one again, may tell the truth."""
    REVERTED = "reverted"
    """The called contract failed: an answer, not a fault."""
    REFUSED = "refused"
    """The method, the history or the state is not served here."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A classified error. `limit` is in blocks; `offer` is the (first, last) block range said to work.

    Of a rate limit, `per_second` is the calls a second that are said to be allowed, `wait` the seconds to wait.
    """

    refusal: Refusal
    limit: int | None = None
    offer: tuple[int, int] | None = None
    per_second: float | None = None
    wait: float | None = None


_NUMBER = r"(0x[0-9a-f]+|\d[\d,_']*k?)"

_OFFERS = tuple(
    re.compile(pattern.replace("N", _NUMBER))
    for pattern in (
        r"block range should work: ?\[ ?N, ?N ?\]",
        r"try with this block range ?\[ ?N, ?N ?\]",
        r"retry with the range:? ?N ?- ?N",
    )
)

# each names the group order of its number; the first that matches wins
_LIMITS = tuple(
    re.compile(pattern.replace("N", _NUMBER))
    for pattern in (
        r"up to an? N blocks? range",
        r"range N exceeds limit of N",
        r"exceeds the range allowed for your plan \(N > N\)",
        r"limited to an? N",
        r"limited to N block",
        r"blocks distance: ?N",
        r"too wide \(maximum N\)",
        r"max range: ?N",
        r"maximum allowed number of requested blocks is N",
        r"maximum is set to N",
        r"at most N blocks",
        r"maximum block range:? ?N",
        r"narrow your filter: ?N",
        r"too large, max is N blocks",
        r"too large, max is N",
        r"must be smaller than size N",
        r"maximum allowed is N blocks",
        r"exceeds? max block range:? ?N",
        r"block range greater than N max",
        r"block range exceeds N",
        r"ranges over N blocks",
        r"maximum range of N",
        r"range limit of N",
        r"max(?:imum)? (?:block )?range (?:is|of) N",
        r"limit(?:ed)? (?:is|to) N blocks",
    )
)

_DENSE = (
    "query returned more than",
    "query returns too many logs",
    "exceeds max results",
    "logs matched by query exceeds limit",
    "response too large",
    "response is too big",
    "response size",
    "response exceeds",
    "too many results",
    "result set too large",
)
_MORE_LOGS = re.compile(r"more than [\d,]+ (?:logs|results)")

_RANGE = (
    "range is too wide",
    "range too wide",
    "range is too large",
    "range too large",
    "block range limit exceeded",
    "bigger than maxblockrange",
    "block range",
    "requested too many blocks",
    "query exceeds max block",
    "exceeds server limit",
    "narrow your filter",
    "too many blocks",
)
_TIMED_OUT = ("query timeout", "timed out", "timeout", "deadline exceeded", "took too long")

_RATE = (
    "too many requests",
    "rate limit",
    "rate-limit",
    "request limit",
    "requests per second",
    "request rate exceeded",
    "capacity exceeded",
    "compute units per second",
    "throughput",
    "daily request count exceeded",
    "exceeded its compute units",
    "exceeded the quota",
    "credits",
    "max calls per sec",
    "slow down",
    "rps limit",
    "rate exceeded",
    "limit reached for this second",
)

# compute units are no calls: what one costs differs by method
_PER_SECOND = re.compile(
    r"(\d+(?:\.\d+)?) ?(?:requests?|calls?|reqs?|rpc requests?)? ?(?:/|per) ?(?:second|sec|s)\b"
    r"|(\d+(?:\.\d+)?) ?rps\b|allowed_rps (\d+(?:\.\d+)?)"
)
_WAIT = re.compile(
    r"(?:again|retry|wait|backoff)[^.0-9]{0,24}?(\d+(?:\.\d+)?) ?(ms|milliseconds?|m|min|minutes?|s|sec|seconds?)\b"
)

_LAGGING = (
    "unknown block",
    "block not found",
    "header not found",
    "header for hash not found",
    "beyond current head",
    "after last accepted block",
    "exceeds the last block",
    "greater than latest",
    "block is out of range",
    "invalid block range params",
)

_REFUSED = (
    "does not exist",
    "is not available",
    "not supported",
    "unsupported",
    "not found",
    "not available",
    "method not allowed",
    "pruned",
    "missing trie node",
    "historical state",
    "state is not available",
    "archive",
    "unauthorized",
    "forbidden",
    "api key",
    "upgrade",
    "not whitelisted",
)
_PRUNED = ("missing trie node", "missingtrienode")
_FAULTY = (
    "no backend is currently healthy",
    "internal error",
    "upstream",
    "temporarily",
    "try again",
    "overloaded",
)

_LOG_TROUBLE = (
    (_LAGGING, Refusal.LAGGING),
    (_TIMED_OUT, Refusal.DENSE),
    (_FAULTY, Refusal.RETRY),
    (_REFUSED, Refusal.REFUSED),
)


def classify(code: int, message: str, method: str) -> Verdict:
    """Say what an error of `method` means.

    Density is looked for before the range, since Alchemy's text on density also speaks of a range; an offer is
    read from either. For `eth_getLogs` an error nobody knows is taken for a range that is too wide, because
    narrowing is safe: at one block it comes back as a refusal.
    """
    text = message.lower()
    logs = method == "eth_getLogs"
    if any(words in text for words in _RATE) or code == 429 or (code == -32005 and not logs):
        return Verdict(Refusal.RATE, per_second=_per_second(text), wait=_wait(text))
    if logs:
        return _of_logs(code, text)
    if "revert" in text or code == 3 or "invalid opcode" in text or "out of gas" in text:
        return Verdict(Refusal.REVERTED)
    if any(words in text for words in _LAGGING):
        return Verdict(Refusal.LAGGING)
    pruned = any(words in text for words in _PRUNED)  # Nethermind calls that an internal error
    if not pruned and any(words in text for words in (*_FAULTY, *_TIMED_OUT)):
        return Verdict(Refusal.RETRY)
    # what is left will not get better by asking the same node again
    return Verdict(Refusal.REFUSED)


def _of_logs(code: int, text: str) -> Verdict:
    offer = _offer(text)
    if any(words in text for words in _DENSE) or _MORE_LOGS.search(text):
        return Verdict(Refusal.DENSE, offer=offer)
    limit = _limit(text)
    if offer or limit is not None or any(words in text for words in _RANGE):
        return Verdict(Refusal.RANGE, limit=limit, offer=offer)
    for words, refusal in _LOG_TROUBLE:
        if any(word in text for word in words):
            return Verdict(refusal)
    return Verdict(Refusal.REFUSED if code == -32601 else Refusal.DENSE)


def rate_in_words(rate: Mapping[str, object]) -> str:
    """A rate limit that is told as an object beside the message (Infura's `data.rate`)."""
    words = []
    if isinstance(rate.get("allowed_rps"), int | float):
        words.append(f"allowed_rps {rate['allowed_rps']}")
    if isinstance(rate.get("backoff_seconds"), int | float):
        words.append(f"retry in {rate['backoff_seconds']} s")
    return ", ".join(words)


def _per_second(text: str) -> float | None:
    match = _PER_SECOND.search(text)
    value = float(next(group for group in match.groups() if group)) if match else 0.0
    return value or None


def _wait(text: str) -> float | None:
    match = _WAIT.search(text)
    if match is None:
        return None
    unit = match[2]
    scale = 0.001 if unit.startswith("m") and "s" in unit and not unit.startswith("min") else 1.0
    return float(match[1]) * (60.0 if unit == "m" or unit.startswith("min") else scale)


def _offer(text: str) -> tuple[int, int] | None:
    for pattern in _OFFERS:
        match = pattern.search(text)
        if match:
            first, last = _number(match[1]), _number(match[2])
            if last >= first:
                return first, last
    return None


def _limit(text: str) -> int | None:
    for pattern in _LIMITS:
        match = pattern.search(text)
        if match:
            value = _number(match.groups()[-1])  # "range X exceeds limit of N": the last number is the limit
            if value > 0:
                return value
    return None


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text, 16)
    digits = re.sub(r"[,_']", "", text)
    return int(digits[:-1]) * 1000 if digits.endswith("k") else int(digits)
