"""Across's own SpokePool on two chains: a real deposit and a real fill, collected, linked, flagged, booked."""

from pathlib import Path

import httpx
from web3.contract import Contract

from indexer.bridges.protocols import examine
from indexer.demo.anvil import AnvilOptions
from indexer.model.links import LinkState, ReasonCode, Tier, TransactionView
from indexer.model.money import FIAT_ONE
from tests.bridges.onchain.chain import Chain, across_build, at, needs_builds, word
from tests.bridges.onchain.service import BOUGHT, COST, FUNDS, OWNER, collected, funded
from tests.fixtures.anvil import StartAnvil

pytestmark = needs_builds

AMOUNT = 10**18
FEE = 2 * 10**14
HOUR = 3_600


async def spoke_pool(chain: Chain) -> tuple[Contract, Contract]:
    """A pool behind its proxy, and the chain's wrapped ether."""
    weth = await chain.deploy(across_build("WETH9"))
    build = across_build("Ethereum_SpokePool")
    code = await chain.deploy(build, weth.address, HOUR, 9 * HOUR, chain.accounts[9])
    start = code.encode_abi("initialize", args=[0, chain.accounts[0]])
    proxy = await chain.deploy(across_build("ERC1967Proxy"), code.address, start)
    return at(build, proxy.address), weth


async def bridged(
    home: Chain, away: Chain, user: str
) -> tuple[list[TransactionView], dict[str, frozenset[str]]]:
    """Ether is deposited on one chain and filled on the other; returns both transactions and the pools."""
    (pool, weth), (far_pool, far_weth) = await spoke_pool(home), await spoke_pool(away)
    relayer = away.accounts[2]
    now = int((await home.rpc("eth_getBlockByNumber", "latest", False))["timestamp"], 16)
    common = (word(user), word(user), word(weth.address), word(far_weth.address), AMOUNT, AMOUNT - FEE)
    sent = await home.call(
        user, pool, "deposit", *common, away.id, bytes(32), now, now + HOUR, 0, b"", value=AMOUNT
    )
    await away.call(relayer, far_weth, "deposit", value=2 * AMOUNT)
    await away.call(relayer, far_weth, "approve", far_pool.address, 2**255)
    relay = (word(user), word(user), bytes(32), *common[2:], home.id, 0, now + HOUR, 0, b"")
    filled = await away.call(relayer, far_pool, "fillRelay", relay, home.id, word(relayer))
    pools = {
        f"eip155:{chain.id}": frozenset({contract.address.lower()})
        for chain, contract in ((home, pool), (away, far_pool))
    }
    return [sent, filled], pools


async def test_a_real_deposit_and_its_fill_are_collected_linked_and_booked(
    anvil: StartAnvil, tmp_path: Path
) -> None:
    urls = [await anvil(AnvilOptions(chain_id=chain)) for chain in (31337, 31338)]
    async with httpx.AsyncClient() as client:
        home, away = [await Chain.open(url, client) for url in urls]
        funding = await funded(home)
        views, pools = await bridged(home, away, OWNER)
        ledger = f"sqlite:///{tmp_path}/ledger.db"
        async with collected([home, away], {"across": pools}, ledger, funding) as portfolio:
            made, book = await portfolio.link(), await portfolio.book()
            readings = await portfolio.outcomes()
    assert [(leg.tx, leg.asset, leg.amount, leg.wallet) for leg in made.halves] == [
        (views[0].tx, "eip155:31337/slip44:60", AMOUNT, OWNER),
        (views[1].tx, "eip155:31338/slip44:60", AMOUNT - FEE, OWNER),
    ]
    assert (made.tier, made.state, made.fee) == (Tier.EXACT_ID, LinkState.CONFIRMED, FEE)
    assert made.reasons == (ReasonCode.LIQUIDITY_SAME_SYMBOL, ReasonCode.FEE_LOST)
    assert made.is_open, "a possible taxable event waits for the owner"

    (lot,) = [lot for lot in book.lots if lot.chain == "eip155:31338"]
    assert (lot.acquired_at, lot.basis_known) == (BOUGHT, True)
    assert lot.cost * FUNDS == COST * FIAT_ONE * (AMOUNT - FEE), "the cost of what arrived went along"
    assert readings.if_disposal is not None
    assert readings.if_not is not None
    assert readings.if_not.basis == lot.cost
    assert [part.acquired_at for part in readings.if_not.parts] == [BOUGHT]
    assert readings.if_disposal.gain is None, "no source prices local chains: unknown is not zero"
    assert readings.if_disposal.unknown

    strangers = [examine(view) for view in views]
    assert not any(found.legs for found in strangers), "an unknown contract is no bridge"
    assert all("not Across's SpokePool" in found.forgeries[0].reason for found in strangers)
