"""Pages of a list cover it, whatever their size."""

from datetime import timedelta

import httpx

from tests.api.conftest import Instance
from tests.api.test_api_wallets import register


async def test_pages_cover_every_wallet_once(instance: Instance, client: httpx.AsyncClient) -> None:
    ids = []
    for n in range(1, 8):
        ids.append((await register(client, f"0x{n:040x}", "eip155:1")).json()["id"])
        instance.clock.turn(timedelta(milliseconds=1))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/v1/wallets", params={"limit": 3, **cursor})).json()
        assert len(page["data"]) <= 3
        seen += [wallet["id"] for wallet in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ids
