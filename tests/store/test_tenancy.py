"""One tenant never sees another's rows, whatever both watch and whatever they ask with."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.facts import Transfer
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.profile import TaxProfile
from indexer.model.stored import ApiKey, KeyScope, TransferFilter
from tests.store.examples import ALICE, BOB, CAROL, CHAIN, NOW, STRANGER, World, page, transfer
from tests.store.test_derived import link, snapshot

CHAINS = (CHAIN, "eip155:10")
ADDRESSES = (ALICE, BOB, CAROL, STRANGER)
rounds = count()

watched = st.dictionaries(
    st.sampled_from(ADDRESSES[:3]), st.sets(st.sampled_from(CHAINS), min_size=1), max_size=3
)
moves = st.lists(
    st.tuples(st.sampled_from(CHAINS), st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES)), max_size=15
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tenants=st.tuples(watched, watched, watched), moves=moves)
async def test_a_portfolio_sees_the_transfers_of_its_wallets_on_their_chains_and_no_others(
    world: World, tenants: tuple[dict[str, set[str]], ...], moves: list[tuple[str, str, str]]
) -> None:
    mark = next(rounds)
    facts = [
        transfer(n, tx=f"0x{mark:032x}{n:032x}", chain=chain, sender=sender, recipient=recipient)
        for n, (chain, sender, recipient) in enumerate(moves)
    ]
    names = [f"p{mark}-{n}" for n in range(len(tenants))]
    for name, wallets in zip(names, tenants, strict=True):
        async with world.ledger.write() as work:
            await work.tenants.ensure_portfolio(name, NOW)
        for address, chains in wallets.items():
            await world.watch(address, *sorted(chains), portfolio=name)
    for fact in facts:
        for address in {fact.sender, fact.recipient}:
            await world.collect(page([fact], address=address, chain=fact.chain))
    for name, wallets in zip(names, tenants, strict=True):

        def mine(fact: Transfer, wallets: dict[str, set[str]] = wallets) -> bool:
            return any(fact.chain in wallets.get(party, ()) for party in (fact.sender, fact.recipient))

        def of_round(found: list[Transfer]) -> list[Transfer]:
            return [fact for fact in found if fact.tx.startswith(f"0x{mark:032x}")]

        expected = [fact for fact in facts if mine(fact)]
        assert of_round(await world.transfers(name)) == expected
        assert of_round([row.transfer for row in await world.listed(name, limit=3)]) == expected
        async with world.ledger.read() as work:
            for chain in CHAINS:
                where = TransferFilter(addresses=ADDRESSES, chain=chain)
                found = await work.facts.transfers(name, where, None, 500)
                assert of_round([row.transfer for row in found.items]) == [
                    f for f in expected if f.chain == chain
                ]
            assert set(await work.facts.portfolio_assets(name)) == {
                fact.asset for fact in await world.transfers(name)
            }


async def test_nothing_of_one_portfolio_is_reached_through_another(world: World) -> None:
    for name in ("a", "b"):
        wallet = await world.watch(ALICE, portfolio=name, wallet_id="w_same")
        async with world.ledger.write() as work:
            await work.tenants.add_key(ApiKey("k_same", name, name, f"digest-{name}", KeyScope.ADMIN, NOW))
            await work.tenants.set_profile(name, TaxProfile(currency={"a": "EUR", "b": "GBP"}[name]))
            await work.judgments.add(Judgment("j_same", name, JudgmentKind.SPAM, name, {}, name, NOW))
            await work.links.replace(name, [link("l_same", evidence=(name,))])
            await work.books.save(snapshot(name))
        assert wallet.portfolio == name
    async with world.ledger.write() as work:
        assert await work.wallets.remove("a", "w_same")
        assert await work.tenants.revoke_key("a", "k_same", NOW)
        await work.links.replace("a", [])
    async with world.ledger.read() as work:
        assert await work.wallets.get("a", "w_same") is None
        assert await work.wallets.by_address("a", ALICE) is None
        kept = await work.wallets.get("b", "w_same")
        assert kept is not None
        assert kept.portfolio == "b"
        assert [key.portfolio for key in await work.tenants.keys("b")] == ["b"]
        assert await work.tenants.key_by_digest("digest-b") is not None
        assert await work.tenants.key_by_digest("digest-a") is None
        assert (await work.tenants.profile("b"))[0].currency == "GBP"
        assert [judgment.who for judgment in await work.judgments.all("b")] == ["b"]
        assert [found.evidence for found in await work.links.all("b")] == [("b",)]
        book = await work.books.load("b")
        assert book is not None
        assert book.portfolio == "b"
        for empty in (await work.links.all("c"), await work.judgments.all("c"), await work.wallets.all("c")):
            assert empty == ()
        assert await work.books.load("c") is None
