"""A local server that answers in the documented shapes of every keyless and keyed price API.

All of them quote one invented market, `truth`, so that one law can hold for every source: a quote is the market's
price at the quote's own time. `fault` makes the server misbehave.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from tests.prices.world import NOW

HOUR = 3600
BASE = {"ETH": 3000, "BTC": 60_000, "USDC": 1, "USDT": 1, "SOL": 150, "FERN": 7}
GECKO = {"ethereum": "ETH", "bitcoin": "BTC", "usd-coin": "USDC", "tether": "USDT", "solana": "SOL"}
FERN = "0x00000000000000000000000000000000000fe124"
SOL_MINT = "So11111111111111111111111111111111111111112"
KEY = "a-secret-key"
PYTH_IDS = {"ETH": "ff61" + "0" * 60, "BTC": "e62d" + "0" * 60}


def truth(symbol: str, stamp: float) -> Decimal:
    """The market's price at a Unix time: another one every minute, exact as a float."""
    return Decimal(BASE[symbol]) * (1 + Decimal(int(stamp) // 60 % 61) / 64)


STATE: web.AppKey["Upstreams"] = web.AppKey("state")

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def too_many(_request: web.Request) -> web.Response:
    return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": "40"})


async def bad_gateway(_request: web.Request) -> web.Response:
    return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")


async def forbidden(_request: web.Request) -> web.Response:
    return web.json_response({"error": "your plan does not cover this"}, status=403)


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def truncated(_request: web.Request) -> web.Response:
    return web.Response(body=b'{"coins": {"coingecko:ethereum": {"pri', content_type="application/json")


async def wrong_shape(_request: web.Request) -> web.Response:
    return web.json_response("maintenance")


async def empty(_request: web.Request) -> web.Response:
    return web.json_response({})


@dataclass
class Upstreams:
    """The running server."""

    url: str = ""
    fault: Fault | None = None
    seen: list[web.Request] = field(default_factory=list)
    now: datetime = NOW
    """The market's present: it knows no later price."""
    premium: float = 1.0
    """What Coinbase's prices are multiplied with, to make it disagree."""

    def base_urls(self) -> dict[str, str]:
        """By source name, as the settings want them."""
        names = ("defillama", "coingecko", "kraken", "coinbase", "binance", "pyth", "jupiter", "ecb")
        return {name: f"{self.url}/{name}" for name in names}


@asynccontextmanager
async def upstreams() -> AsyncIterator[Upstreams]:
    """Serve on a free loopback port."""
    state = Upstreams()

    @web.middleware
    async def misbehave(request: web.Request, handler: Any) -> web.StreamResponse:
        state.seen.append(request)
        if state.fault is not None:
            return await state.fault(request)
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[misbehave])
    app[STATE] = state
    for path, handler in ROUTES.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    state.url = f"http://{host}:{port}"
    try:
        yield state
    finally:
        await runner.cleanup()


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _now(request: web.Request) -> float:
    return request.app[STATE].now.timestamp()


def _hours(now: float, first: float, last: float, step: int = HOUR) -> range:
    return range(int(first) // step * step, min(int(last), int(now)) + 1, step)


# --- DefiLlama


def _llama_symbol(coin: str) -> str | None:
    if coin.startswith("coingecko:"):
        return GECKO.get(coin.removeprefix("coingecko:"))
    return {f"ethereum:{FERN}": "FERN", "ethereum:0x" + "0" * 40: "ETH"}.get(coin)


async def llama_current(request: web.Request) -> web.Response:
    stamp = int(_now(request)) - 45
    coins = {}
    for coin in request.match_info["coins"].split(","):
        symbol = _llama_symbol(coin)
        if symbol is not None:
            coins[coin] = {
                "decimals": 18, "symbol": symbol, "price": float(truth(symbol, stamp)),
                "timestamp": stamp, "confidence": 0.99,
            }  # fmt: skip
    return _json({"coins": coins})


async def llama_batch(request: web.Request) -> web.Response:
    assert len(str(request.rel_url)) < 8000
    width = int(request.query["searchWidth"])
    coins = {}
    for coin, stamps in orjson.loads(request.query["coins"]).items():
        symbol = _llama_symbol(coin)
        if symbol is None:
            continue
        points = []
        for stamp in reversed(stamps):  # the order of an answer means nothing
            near = round(stamp / HOUR) * HOUR
            if abs(near - stamp) <= width and near <= _now(request):
                points.append({"timestamp": near, "price": float(truth(symbol, near)), "confidence": 0.99})
        coins[coin] = {"symbol": symbol, "prices": points}
    return _json({"coins": coins})


# --- CoinGecko


async def gecko_simple(request: web.Request) -> web.Response:
    stamp = int(_now(request)) - 90
    answer = {}
    for name in request.query["ids"].split(","):
        if name in GECKO:
            answer[name] = {"usd": float(truth(GECKO[name], stamp)), "last_updated_at": stamp}
    return _json(answer)


async def gecko_token(request: web.Request) -> web.Response:
    stamp = int(_now(request)) - 90
    answer = {}
    for address in request.query["contract_addresses"].split(","):
        if address == FERN:
            answer[address] = {"usd": float(truth("FERN", stamp)), "last_updated_at": stamp}
    return _json(answer)


async def gecko_history(request: web.Request) -> web.Response:
    coin = request.match_info["id"]
    if coin not in GECKO:
        return web.json_response({"error": "coin not found"}, status=404)
    day = datetime.strptime(request.query["date"], "%d-%m-%Y").replace(tzinfo=UTC)
    price = float(truth(GECKO[coin], day.timestamp()))
    return _json({"id": coin, "market_data": {"current_price": {"usd": price, "eur": price * 0.9}}})


async def gecko_range(request: web.Request) -> web.Response:
    coin = request.match_info["id"]
    address = request.match_info.get("address")
    symbol = GECKO.get(coin) if address is None else {FERN: "FERN"}.get(address)
    if symbol is None:
        return web.json_response({"error": "coin not found"}, status=404)
    first, last = float(request.query["from"]), float(request.query["to"])
    step = HOUR if last - first <= 90 * 86400 else 86400
    points = [
        [stamp * 1000, float(truth(symbol, stamp))] for stamp in _hours(_now(request), first, last, step)
    ]
    return _json({"prices": points, "market_caps": [], "total_volumes": []})


# --- exchanges


async def kraken(request: web.Request) -> web.Response:
    symbol = request.query["pair"].removesuffix("USD").replace("XBT", "BTC")
    if symbol not in BASE or symbol == "FERN":
        return _json({"error": ["EQuery:Unknown asset pair"]})
    width = int(request.query["interval"]) * 60
    newest = int(_now(request)) // width * width
    oldest = max(newest - 719 * width, int(request.query["since"]) // width * width)
    rows = [
        [stamp, str(truth(symbol, stamp)), "0", "0", str(truth(symbol, stamp + width)), "0", "1.5", 7]
        for stamp in range(oldest, newest + 1, width)
    ]
    rows[-1][4] = str(truth(symbol, _now(request)))
    return _json({"error": [], "result": {f"X{symbol}ZUSD": rows, "last": newest}})


def _candle_rows(
    now: float, symbol: str, first: float, last: float, width: int
) -> list[tuple[int, Decimal, Decimal]]:
    rows = []
    for stamp in _hours(now, first, last, width):
        close = min(stamp + width, now)
        rows.append((stamp, truth(symbol, stamp), truth(symbol, close)))
    return rows


async def coinbase(request: web.Request) -> web.Response:
    symbol = request.match_info["product"].removesuffix("-USD")
    if symbol not in BASE or symbol == "FERN":
        return web.json_response({"message": "NotFound"}, status=404)
    first, last = (datetime.fromisoformat(request.query[edge]).timestamp() for edge in ("start", "end"))
    width = int(request.query["granularity"])
    premium = request.app[STATE].premium
    assert width in {60, 300, 900, 3600, 21600, 86400}
    if (last - first) / width > 300:
        return web.json_response({"message": "granularity too small"}, status=400)
    rows = [
        [stamp, 0, 10**9, float(opened) * premium, float(closed) * premium, 12.5]
        for stamp, opened, closed in _candle_rows(_now(request), symbol, first, last, width)
    ]
    return _json(rows[::-1])


async def binance(request: web.Request) -> web.Response:
    symbol = request.query["symbol"].removesuffix("USDT")
    if symbol not in BASE or symbol == "FERN":
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
    width = {"1m": 60, "1h": 3600, "1d": 86400}[request.query["interval"]]
    first, last = (int(request.query[edge]) / 1000 for edge in ("startTime", "endTime"))
    rows = [
        [
            stamp * 1000,
            str(opened),
            "0",
            "0",
            str(closed),
            "9",
            (stamp + width) * 1000 - 1,
            "0",
            3,
            "0",
            "0",
            "0",
        ]
        for stamp, opened, closed in _candle_rows(_now(request), symbol, first, last, width)
    ][:1000]
    return _json(rows)


# --- Pyth, Jupiter


async def pyth_feeds(_request: web.Request) -> web.Response:
    rows = [
        {"id": feed, "attributes": {"symbol": f"Crypto.{coin}/USD", "asset_type": "Crypto", "base": coin}}
        for coin, feed in PYTH_IDS.items()
    ]
    return _json([*rows, {"id": "ab" * 32, "attributes": {"symbol": "Crypto.ETH/BTC"}}])


async def pyth_prices(request: web.Request) -> web.Response:
    when = request.match_info["when"]
    stamp = int(_now(request)) if when == "latest" else int(when)
    parsed = []
    for wanted in request.query.getall("ids[]"):
        symbol = next((coin for coin, feed in PYTH_IDS.items() if feed == wanted), None)
        if symbol is not None:
            price = {
                "price": str(int(truth(symbol, stamp) * 10**8)),
                "conf": "5000",
                "expo": -8,
                "publish_time": stamp,
            }
            parsed.append({"id": wanted, "price": price, "ema_price": price})
    return _json({"binary": {"encoding": "hex", "data": []}, "parsed": parsed})


async def jupiter(request: web.Request) -> web.Response:
    if request.headers.get("x-api-key") != KEY:
        return web.json_response({"message": "unauthorized"}, status=401)
    price = {
        "usdPrice": float(truth("SOL", _now(request))),
        "blockId": 348004023,
        "decimals": 9,
        "liquidity": 6e8,
    }
    return _json({mint: price for mint in request.query["ids"].split(",") if mint == SOL_MINT})


# --- ECB

ECB_NEWEST = {"USD": "1.2500", "GBP": "0.8000"}


async def ecb(request: web.Request) -> web.Response:
    newest = (request.app[STATE].now - timedelta(days=1)).date()
    if request.match_info["file"] == "daily":
        text = f"Date, USD, GBP, \n{newest:%d %B %Y}, 1.2500, 0.8000, \n"
    else:
        text = f"Date,USD,GBP,\n{newest.isoformat()},1.2500,0.8000,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("eurofxref.csv", text)
    return web.Response(body=buffer.getvalue(), content_type="application/zip")


ROUTES = {
    "/defillama/prices/current/{coins}": llama_current,
    "/defillama/batchHistorical": llama_batch,
    "/coingecko/simple/price": gecko_simple,
    "/coingecko/simple/token_price/{platform}": gecko_token,
    "/coingecko/coins/{id}/history": gecko_history,
    "/coingecko/coins/{id}/market_chart/range": gecko_range,
    "/coingecko/coins/{id}/contract/{address}/market_chart/range": gecko_range,
    "/kraken/public/OHLC": kraken,
    "/coinbase/products/{product}/candles": coinbase,
    "/binance/api/v3/klines": binance,
    "/pyth/v2/price_feeds": pyth_feeds,
    "/pyth/v2/updates/price/{when}": pyth_prices,
    "/jupiter/price/v3": jupiter,
    "/ecb/eurofxref-{file}.zip": ecb,
}
