"""Read and validate `chains.yaml`. The format is written down in `docs/chains.md`."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from indexer.chains.document import Entry, read
from indexer.chains.known import KNOWN_CHAINS, UNKNOWN_CHAIN
from indexer.model.chain import (
    ChainSpec,
    Explorer,
    ExplorerStyle,
    Family,
    Finality,
    FinalityRule,
    NativeAsset,
    Quirk,
    UniswapV2,
)
from indexer.model.errors import ConfigError

log = logging.getLogger(__name__)

CAIP2 = re.compile(r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")
"""https://chainagnostic.org/CAIPs/caip-2"""
ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
LOG_WINDOW = 2_000
POLL_SECONDS = 60
FOLLOW_FROM = 50
STREAM_SCHEMES = {"ws", "wss"}
PRICE_ID = re.compile(r"^[^\s:]+:\S+$")

_CHAIN_KEYS = (
    "name",
    "endpoints",
    "explorers",
    "native",
    "wrapped_native",
    "native_token_contract",
    "finality",
    "log_window",
    "start_block",
    "poll_seconds",
    "follow_from",
    "quirks",
    "price_platform",
    "dex",
)


def load(path: Path, environ: Mapping[str, str]) -> dict[str, ChainSpec]:
    """Return every chain of the file by CAIP-2 id.

    `GLEANER_RPC_<ID>` (the id in capitals, every other character an underscore: `GLEANER_RPC_EIP155_1`)
    replaces a chain's endpoints by a comma-separated list, `GLEANER_EXPLORER_<ID>` its explorers by `style=url`
    pairs (or `none`). `${NAME}` inside a URL or an explorer key is
    replaced from the environment; a URL whose variable is not set is left out with a warning.

    Raises:
        ConfigError: the file cannot be read or a value is wrong; the text names the file and the line, and
            a variable by its name alone.
    """
    top = read(path).fields(("chains",))
    if "chains" not in top:
        raise ConfigError(f"{path}, line 1: the top level needs a `chains:` mapping")
    surroundings = _Surroundings(environ)
    chains = {
        chain: _chain(chain, entry, surroundings)
        for chain, entry in top["chains"].fields().items()
        if _checked_id(chain, entry)
    }
    if not chains:
        raise top["chains"].error("at least one chain is needed")
    if surroundings.unset:
        log.warning("%s: %s", path, surroundings.summary())
    return chains


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The environment, and which of its variables were asked for in vain by what."""

    environ: Mapping[str, str]
    unset: dict[str, Counter[str]] = field(default_factory=dict)

    def interpolate(self, text: str) -> tuple[str, list[str]]:
        """The text with its variables replaced, or the names of those that are not set."""
        unset = [name for name in VARIABLE.findall(text) if not self.environ.get(name)]
        if unset:
            return "", unset
        return VARIABLE.sub(lambda match: self.environ[match[1]], text), []

    def miss(self, names: list[str], thing: str) -> None:
        """Note that something (an endpoint, an explorer) of one chain is left out."""
        for name in set(names):
            self.unset.setdefault(name, Counter())[thing] += 1

    def summary(self) -> str:
        """One line for people: what is left out for want of which variable."""
        parts = []
        for name, things in sorted(self.unset.items()):
            counts = ", ".join(
                f"{count} {thing}{'s' * (count > 1)}" for thing, count in sorted(things.items())
            )
            parts.append(f"{name} ({counts})")
        return f"left out because a variable is not set: {'; '.join(parts)}"


def variable_of(chain: str) -> str:
    """Name of the environment variable that overrides a chain's endpoints."""
    return "GLEANER_RPC_" + re.sub(r"[^A-Za-z0-9]", "_", chain).upper()


def _checked_id(chain: str, entry: Entry) -> bool:
    if not CAIP2.match(chain):
        raise entry.error(f"{chain!r} is not a CAIP-2 id such as eip155:1")
    namespace, _, reference = chain.partition(":")
    if namespace not in {family.value for family in Family}:
        families = ", ".join(family.value for family in Family)
        raise entry.error(f"unknown family {namespace!r}: known are {families}")
    if namespace == Family.EVM.value and not reference.isdecimal():
        raise entry.error(f"{chain!r}: an EVM chain id is a decimal number, for example eip155:8453")
    return True


def _chain(chain: str, entry: Entry, around: _Surroundings) -> ChainSpec:
    fields = entry.fields(_CHAIN_KEYS)
    for required in ("name", "native"):
        if required not in fields:
            raise entry.error(f"{required!r} is missing")
    known = KNOWN_CHAINS.get(chain, UNKNOWN_CHAIN)
    mirror = _address(fields["native_token_contract"]) if "native_token_contract" in fields else None
    if "native_token_contract" not in fields:
        mirror = known.native_token_contract
    quirks = known.quirks
    if "quirks" in fields:
        quirks = frozenset(
            Quirk(item.choice(quirk.value for quirk in Quirk)) for item in _items(fields["quirks"])
        )
        if Quirk.NATIVE_TRANSFER_LOGS in quirks and mirror is None:
            raise fields["quirks"].error("native_transfer_logs needs native_token_contract")
    wrapped = known.wrapped_native
    if "wrapped_native" in fields:
        wrapped = _address(fields["wrapped_native"])
    log_window = fields.get("log_window")
    poll = fields.get("poll_seconds")
    follow = fields.get("follow_from")
    start = fields.get("start_block")
    platform = fields.get("price_platform")
    dex = fields.get("dex")
    endpoints, streams = _endpoints(chain, entry, fields.get("endpoints"), around)
    return ChainSpec(
        id=chain,
        name=fields["name"].text(),
        family=Family(chain.partition(":")[0]),
        endpoints=endpoints,
        native=_native(fields["native"]),
        finality=_finality(fields.get("finality")),
        wrapped_native=wrapped,
        native_token_contract=mirror,
        explorers=_explorers(chain, fields.get("explorers"), around),
        log_window=log_window.integer(1, 1 << 40) if log_window else LOG_WINDOW,
        start_block=start.integer() if start else 0,
        poll_seconds=poll.integer(1, 86_400) if poll else POLL_SECONDS,
        follow_from=follow.integer(1, 1 << 40) if follow else FOLLOW_FROM,
        quirks=quirks,
        price_platform=platform.text() if platform and not platform.is_null else None,
        dex=_dex(dex) if dex and not dex.is_null else None,
        streams=streams,
    )


def _items(entry: Entry | None) -> list[Entry]:
    return [] if entry is None or entry.is_null else entry.items()


def _address(entry: Entry | None) -> str | None:
    if entry is None or entry.is_null:
        return None
    text = entry.text()
    if not ADDRESS.match(text):
        raise entry.error(
            f"{text!r} is not an address: 0x and 40 hexadecimal digits (quote it if YAML eats the 0x)"
        )
    return text.lower()


def _native(entry: Entry) -> NativeAsset:
    fields = entry.fields(("symbol", "decimals", "slip44", "price_id"))
    for required in ("symbol", "decimals", "slip44"):
        if required not in fields:
            raise entry.error(f"{required!r} is missing")
    price_id = None
    if "price_id" in fields and not fields["price_id"].is_null:
        price_id = fields["price_id"].text()
        if not PRICE_ID.match(price_id):
            raise fields["price_id"].error(f"{price_id!r} is not a price id such as coingecko:ethereum")
    return NativeAsset(
        symbol=fields["symbol"].text(),
        decimals=fields["decimals"].integer(0, 36),
        slip44=fields["slip44"].integer(0, 2**31),
        price_id=price_id,
    )


def _finality(entry: Entry | None) -> Finality:
    if entry is None or entry.is_null:
        return Finality(FinalityRule.TAG, 64)
    fields = entry.fields(("rule", "depth"))
    if "rule" not in fields:
        raise entry.error("'rule' is missing: tag or depth")
    rule = FinalityRule(fields["rule"].choice(rule.value for rule in FinalityRule))
    if rule is FinalityRule.DEPTH and "depth" not in fields:
        raise entry.error("rule depth needs 'depth', a number of blocks")
    return Finality(rule, fields["depth"].integer(0, 10_000_000) if "depth" in fields else 64)


def _dex(entry: Entry) -> UniswapV2:
    fields = entry.fields(("factory", "quote_token", "quote_decimals", "quote_currency"))
    for required in ("factory", "quote_token", "quote_decimals"):
        if required not in fields:
            raise entry.error(f"{required!r} is missing")
    factory, token = _address(fields["factory"]), _address(fields["quote_token"])
    if factory is None or token is None:
        raise entry.error("'factory' and 'quote_token' are addresses")
    currency = fields["quote_currency"].text() if "quote_currency" in fields else "USD"
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise fields["quote_currency"].error(f"{currency!r} is not an ISO 4217 code such as USD")
    return UniswapV2(factory, token, fields["quote_decimals"].integer(0, 36), currency)


def _endpoints(
    chain: str, block: Entry, entry: Entry | None, around: _Surroundings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """URLs that are asked, and those that announce new heads."""
    variable = variable_of(chain)
    override = around.environ.get(variable, "").strip()
    if override:
        return _endpoints_of(variable, override)
    items = _items(entry)
    if not items:
        raise (entry or block).error(f"{chain} needs 'endpoints', a list of URLs (or set {variable})")
    usable: list[str] = []
    missing: list[str] = []
    for item in items:
        url, unset = around.interpolate(item.text())
        if unset:
            missing.extend(unset)
            around.miss(unset, "endpoint")
            continue
        problem = _url_problem(url, streams=True)
        if problem:
            raise item.error(problem)
        usable.append(url)
    asked, streams = _by_scheme(usable)
    if not asked and missing:
        names = ", ".join(sorted(set(missing)))
        raise (entry or block).error(f"every endpoint of {chain} needs a variable that is not set: {names}")
    if not asked:
        raise (entry or block).error(f"{chain} needs an http:// or https:// endpoint: streams only announce")
    return asked, streams


def _endpoints_of(variable: str, override: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """URLs from the environment."""
    urls = tuple(part.strip() for part in override.split(",") if part.strip())
    for number, url in enumerate(urls, 1):
        problem = _url_problem(url, streams=True)
        if problem:
            # the URL itself may hold a key: it is named by its place in the variable
            raise ConfigError(f"{variable}, entry {number}: {problem}")
    asked, streams = _by_scheme(urls)
    if not asked:
        raise ConfigError(f"{variable} needs at least one http:// or https:// URL: streams only announce")
    return asked, streams


def _by_scheme(urls: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """URLs of endpoints that are asked, and of streams that announce new heads."""
    kept = tuple(urls)
    streams = tuple(url for url in kept if urlsplit(url).scheme in STREAM_SCHEMES)
    return tuple(url for url in kept if url not in streams), streams


def _explorers(chain: str, entry: Entry | None, around: _Surroundings) -> tuple[Explorer, ...]:
    variable = variable_of(chain).replace("GLEANER_RPC_", "GLEANER_EXPLORER_")
    override = around.environ.get(variable, "").strip()
    if override:
        return _explorers_of(variable, override)
    found = []
    for item in _items(entry):
        fields = item.fields(("style", "url", "api_key", "requests_per_second"))
        for required in ("style", "url"):
            if required not in fields:
                raise item.error(f"{required!r} is missing")
        style = ExplorerStyle(fields["style"].choice(style.value for style in ExplorerStyle))
        url, unset = around.interpolate(fields["url"].text())
        key: str | None = None
        if "api_key" in fields and not fields["api_key"].is_null:
            key, missing = around.interpolate(fields["api_key"].text())
            unset += missing
        if unset:
            around.miss(unset, "explorer")
            continue
        problem = _url_problem(url)
        if problem:
            raise fields["url"].error(problem)
        rate = fields.get("requests_per_second")
        found.append(Explorer(style, url, key, rate.integer(1, 1000) if rate else _rate(url)))
    return tuple(found)


def _explorers_of(variable: str, override: str) -> tuple[Explorer, ...]:
    """`style=url` pairs, or `none`, from the environment."""
    if override == "none":
        return ()
    found = []
    for number, part in enumerate(override.split(","), 1):
        style, _, url = part.strip().partition("=")
        if style not in {each.value for each in ExplorerStyle} or _url_problem(url):
            styles = " or ".join(each.value for each in ExplorerStyle)
            raise ConfigError(f"{variable}, entry {number}: write {styles}, then =, then the URL of its API")
        found.append(Explorer(ExplorerStyle(style), url, requests_per_second=_rate(url)))
    return tuple(found)


def _rate(url: str) -> int:
    """Requests per second where the file does not say: free plans allow five, one's own machine needs no limit."""
    return 1000 if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"} else 5


def _url_problem(url: str, *, streams: bool = False) -> str | None:
    """What is wrong with a URL, without repeating it: it may hold a key."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is not a URL"
    if streams and parts.scheme in STREAM_SCHEMES:
        return None if parts.hostname else "the URL has no host"
    if parts.scheme not in {"http", "https"}:
        also = ", or ws:// or wss:// for a stream of heads" if streams else ""
        return f"an endpoint is an http:// or https:// URL{also}"
    return None if parts.hostname else "the URL has no host"
