"""The invented world: owners, their everyday transactions, and moves of every hard kind.

The truth is written before noise. Sizes and latencies follow what real pairs showed: seconds for intents, minutes for
burns, a week and more for claimed withdrawals.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.bridges.synthetic import bridges, native, swaps
from tests.bridges.synthetic.encode import log
from tests.bridges.synthetic.kinds import KINDS, Kind
from tests.bridges.synthetic.ledger import START, Truth, Tx, World
from tests.bridges.synthetic.money import CHAINS, ETHER_CHAINS, FAKE, USDC, WETH, usdc_decimals
from tests.bridges.synthetic.move import RELAYER, Move

_MONTHS_24 = 730 * 86_400
_STRANGER = "0x" + "57" * 20
_EXCHANGE = "0x" + "ec" * 20


class Builder:
    """Writes one world from a seed. `scale` multiplies how many of each case there are (1: 300 and more)."""

    def __init__(self, seed: int, *, owners: int = 200, moves: int = 40, scale: float = 1.0) -> None:
        rng = Random(seed)
        self.rng = rng
        wallets = [[self._account() for _ in range(rng.randint(1, 4))] for _ in range(owners)]
        self.world = World(rng, wallets)
        self.moves = moves
        self.scale = scale
        self.number = seed * 10**9

    def build(self) -> World:
        """Every case, then the noise."""
        for owner in range(len(self.world.owners)):
            for _ in range(self.moves):
                self._plain(owner, "plain")
        cases: list[Callable[[int], None]] = [
            self._same, self._same_hidden, self._crossing, self._other_token, self._split, self._batch,
            self._second_wallet, self._third_party, self._forwarded, self._refund, self._missing, self._forged,
            self._same_id_two_origins, self._identical_burns, self._aggregated, self._no_logs, self._decoys, self._dead,
        ]  # fmt: skip
        for case in cases:
            for _ in range(max(1, round(300 * self.scale))):
                case(self.rng.randrange(len(self.world.owners)))
        self._background()
        return self.world

    def _account(self) -> str:
        return f"0x{self.rng.getrandbits(160):040x}"

    def _wallet(self, owner: int) -> str:
        return self.rng.choice(self.world.owners[owner])

    def _when(self) -> float:
        return START + self.rng.random() * _MONTHS_24

    def _latency(self, kind: Kind) -> float:
        middle, late = kind.latency
        return middle * math.exp(self.rng.gauss(0, 1) * math.log(late / middle) / 2.326) + 1

    def _move(self, owner: int, kind: Kind, **fixed: Any) -> Move:
        source = self.rng.choice(kind.sources)
        targets = [chain for chain in kind.targets if chain != source]
        self.number += 10
        wallet = self._wallet(owner)
        ether = kind.ether
        amount = (
            self.rng.randint(10**16, 5 * 10**18) if ether else self.rng.randint(20 * 10**6, 50_000 * 10**6)
        )
        if self.rng.random() < 0.3:  # people like round numbers, and that is what collides
            amount = self.rng.choice([1, 2, 5, 10]) * (10**17 if ether else 10**8)
        made = Move(
            wallet, wallet, source, self.rng.choice(targets), amount, self._when(), self.number,
            self.rng.randint(*kind.fees_ppm),
        )  # fmt: skip
        return replace(made, **fixed)

    def _write(self, owner: int, tag: str, name: str, move: Move, *, arrives: bool = True) -> tuple[str, Tx]:
        kind = KINDS[name]
        left, arrived = kind.write(self.world, move)
        source = self.world.add(left)
        arrived.seconds = move.leaves + self._latency(kind)
        arrival = self.world.add(arrived) if arrives else None
        recipient = move.sender if name == "orbiter" else move.recipient
        self.world.truths.append(Truth(tag, name, owner, source, arrival, recipient))
        return source, arrived

    def _plain(self, owner: int, tag: str) -> None:
        name = self.rng.choice([one for one in KINDS if one != "lifi_across"])
        self._write(owner, tag, name, self._move(owner, KINDS[name]))

    def _repeat(self, owner: int, tag: str, names: list[str]) -> None:
        name = self.rng.choice(names)
        first = self._move(owner, KINDS[name])
        twin = int(first.leaves) + 600_000
        for _ in range(self.rng.randint(2, 6)):
            self.number += 10
            leaves = first.leaves + self.rng.random() * 3_600
            self._write(owner, tag, name, replace(first, leaves=leaves, number=self.number, twin=twin))

    def _same(self, owner: int) -> None:
        self._repeat(owner, "same amount, id present", ["across", "cctp", "celer", "multichain"])

    def _same_hidden(self, owner: int) -> None:
        self._repeat(owner, "same amount, id hidden", ["hop", "portal"])

    def _identical_burns(self, owner: int) -> None:
        self._repeat(owner, "identical burns (CCTP v2)", ["cctp2"])

    def _crossing(self, owner: int) -> None:
        name = self.rng.choice(["across", "celer", "cctp2"])
        there = self._move(owner, KINDS[name], fee_ppm=0)
        self.number += 10
        back = replace(there, source=there.target, target=there.source, number=self.number)
        for move in (there, back):
            self._write(owner, "crossing A to B and B to A", name, move)

    def _other_token(self, owner: int) -> None:
        name = self.rng.choice(["dln", "thorchain", "across"])
        move = self._move(owner, KINDS[name])
        if name != "across":
            self._write(owner, "different token on arrival", name, move)
            return
        left, arrived = bridges.across_wrapped(self.world, move)
        source = self.world.add(left)
        arrived.seconds = move.leaves + self._latency(KINDS[name])
        arrival = self.world.add(arrived)
        self.world.truths.append(
            Truth("different token on arrival", name, owner, source, arrival, move.recipient)
        )

    def _split(self, owner: int) -> None:
        """One deposit of Across v2, paid out in two to four parts."""
        move = self._move(owner, KINDS["across"])
        spoke, away = bridges.SPOKES[move.source], bridges.SPOKES[move.target]
        move = replace(move, source=1, target=10) if 56 in {move.source, move.target} else move
        spoke, away = bridges.SPOKES[move.source], bridges.SPOKES[move.target]
        left = Tx(move.source, move.leaves, move.sender, spoke)
        left.token(USDC[move.source], move.sender, spoke, move.amount)
        left.emit(log(
            spoke,
            "FundsDeposited(uint256,uint256,uint256,int64,uint32,uint32,address,address,address,bytes)",
            [move.target, move.number % 2**32, move.sender],
            ["uint256", "uint256", "int64", "uint32", "address", "address", "bytes"],
            [move.amount, move.source, 10**15, int(move.leaves), USDC[move.source], move.recipient, b""],
        ))  # fmt: skip
        source = self.world.add(left)
        parts, filled, first = self.rng.randint(2, 4), 0, None
        for number in range(parts):
            part = move.amount - filled if number == parts - 1 else move.amount // parts
            filled += part
            came = part * (10**18 - 10**15 - 10**14) // 10**18
            arrived = Tx(move.target, move.leaves + 60 * (number + 1), RELAYER, away)
            arrived.token(USDC[move.target], RELAYER, move.recipient, came)
            arrived.emit(log(
                away,
                "FilledRelay(uint256,uint256,uint256,uint256,uint256,uint256,int64,int64,uint32,address,address,address,"
                "address,bytes,(address,bytes,int64,bool,int256))",
                [move.source, move.number % 2**32, move.sender],
                ["uint256", "uint256", "uint256", "uint256", "uint256", "int64", "int64", "address", "address",
                 "address", "bytes", "(address,bytes,int64,bool,int256)"],
                [move.amount, filled, part, 1, move.target, 10**15, 10**14, USDC[move.target], RELAYER,
                 move.recipient, b"", (move.recipient, b"", 10**15, False, 0)],
            ))  # fmt: skip
            arrival = self.world.add(arrived)
            first = first or arrival
        self.world.truths.append(
            Truth("one deposit, several fills", "across", owner, source, first, move.recipient)
        )

    def _batch(self, owner: int) -> None:
        """One transaction mints for many: the owner's is one of them."""
        move = self._move(owner, KINDS["cctp"])
        left, arrived = bridges.cctp(self.world, move)
        for _ in range(self.rng.randint(1, 9)):
            self.number += 10
            amount = self.rng.choice([move.amount, self.rng.randint(10**7, 10**10)])
            other = replace(move, recipient=self._account(), number=self.number, amount=amount)
            _, theirs = bridges.cctp(self.world, other)
            arrived.logs += theirs.logs
            arrived.moves += theirs.moves
        source = self.world.add(left)
        arrived.seconds = move.leaves + self._latency(KINDS["cctp"])
        arrival = self.world.add(arrived)
        self.world.truths.append(
            Truth("one transaction pays many", "cctp", owner, source, arrival, move.recipient)
        )

    def _second_wallet(self, owner: int) -> None:
        name = self.rng.choice(["across", "cctp", "cctp2", "celer", "dln"])
        recipient = self._wallet(owner)
        self._write(owner, "own second wallet", name, self._move(owner, KINDS[name], recipient=recipient))

    def _third_party(self, owner: int) -> None:
        """The arrival is somebody else's: for the owner the departure stays open."""
        name = self.rng.choice(["across", "cctp", "celer"])
        recipient = self.rng.choice([_EXCHANGE, self._account()])
        move = self._move(owner, KINDS[name], recipient=recipient)
        left, arrived = KINDS[name].write(self.world, move)
        source = self.world.add(left)
        arrived.seconds = move.leaves + self._latency(KINDS[name])
        self.world.add(arrived)
        self.world.truths.append(Truth("third party recipient", name, owner, source, None))

    def _forwarded(self, owner: int) -> None:
        """A contract receives and passes on within the transaction, with a little less."""
        contract = self._account()
        move = self._move(owner, KINDS["across"], recipient=contract)
        left, arrived = bridges.across(self.world, move)
        wallet = move.sender
        came = arrived.moves[-1][3]
        arrived.token(USDC[move.target], contract, wallet, came - came // 1000)
        source = self.world.add(left)
        arrived.seconds = move.leaves + self._latency(KINDS["across"])
        arrival = self.world.add(arrived)
        self.world.truths.append(Truth("contract that forwards", "across", owner, source, arrival, wallet))

    def _refund(self, owner: int) -> None:
        name = self.rng.choice(["across", "celer", "dln", "thorchain"])
        move = self._move(owner, KINDS[name])
        left, _ = KINDS[name].write(self.world, move)
        source = self.world.add(left)
        back = {
            "across": lambda: bridges.across_refund(self.world, move),
            "celer": lambda: bridges.celer_refund(self.world, move),
            "dln": lambda: swaps.dln_refund(self.world, move),
            "thorchain": lambda: swaps.thorchain_refund(self.world, move, source),
        }[name]()
        back.seconds = move.leaves + self.rng.uniform(2 * 3_600, 5 * 86_400)
        arrival = self.world.add(back)
        self.world.truths.append(Truth("refund", name, owner, source, arrival, move.sender, refund=True))

    def _missing(self, owner: int) -> None:
        name = self.rng.choice([one for one in KINDS if one != "lifi_across"])
        move = self._move(owner, KINDS[name])
        left, arrived = KINDS[name].write(self.world, move)
        if self.rng.random() < 0.5:
            source = self.world.add(left)
            self.world.truths.append(Truth("half missing", name, owner, source, None))
        else:
            arrived.seconds = move.leaves + self._latency(KINDS[name])
            arrival = self.world.add(arrived)
            self.world.truths.append(Truth("half missing", name, owner, None, arrival, move.recipient))

    def _dead(self, owner: int) -> None:
        move = self._move(
            owner, KINDS["multichain"], leaves=START + 200 * 86_400 + self.rng.random() * 86_400 * 400
        )
        left, _ = bridges.multichain(self.world, move)
        self.world.truths.append(Truth("dead bridge", "multichain", owner, self.world.add(left), None))

    def _forged(self, owner: int) -> None:
        """A stranger's contract repeats the arrival's event, before the true one comes."""
        move = self._move(owner, KINDS["across"])
        left, arrived = bridges.across(self.world, move)
        _, copied = bridges.across(self.world, move)
        faker = self._account()
        fake = Tx(move.target, move.leaves + 2, faker, faker)
        fake.token(FAKE[move.target], faker, move.recipient, move.amount)
        fake.emit(*(replace(one, address=faker) for one in copied.logs[-1:]))
        source = self.world.add(left)
        self.world.add(fake)
        arrived.seconds = move.leaves + 3 + self._latency(KINDS["across"])
        arrival = self.world.add(arrived)
        self.world.truths.append(Truth("forged event", "across", owner, source, arrival, move.recipient))

    def _same_id_two_origins(self, owner: int) -> None:
        one = self._move(owner, KINDS["across"], source=1, target=10)
        other = replace(one, source=137, leaves=one.leaves + self.rng.random() * 600)
        for move in (one, other):
            self._write(owner, "one id, two origins", "across", move)

    def _aggregated(self, owner: int) -> None:
        self._write(owner, "aggregator over a bridge", "lifi_across", self._move(owner, KINDS["lifi_across"]))

    def _no_logs(self, owner: int) -> None:
        name = self.rng.choice(["portal", "arbitrum_in", "orbiter"])
        self._write(owner, "native legs without logs", name, self._move(owner, KINDS[name]))

    def _decoys(self, owner: int) -> None:
        """Things that look like halves: nothing here is one."""
        wallet, when = self._wallet(owner), self._when()
        amount = self.rng.choice([1, 2, 5]) * 10**17
        chain, other = self.rng.sample(ETHER_CHAINS, 2)
        kind = self.rng.randrange(4)
        if kind == 0 and len(self.world.owners[owner]) > 1:
            to = self.rng.choice([one for one in self.world.owners[owner] if one != wallet])
            self.world.add(Tx(chain, when, wallet, to, value=amount).pay(wallet, to, amount))
        elif kind == 1:
            odd = amount + 1234
            self.world.add(Tx(chain, when, wallet, native.MAKER, value=odd).pay(wallet, native.MAKER, odd))
        elif kind == 2:
            self.world.add(Tx(chain, when, wallet, _STRANGER, value=amount).pay(wallet, _STRANGER, amount))
            later = Tx(other, when + 86_400 * self.rng.uniform(8, 60), _EXCHANGE, wallet, value=amount)
            self.world.add(later.pay(_EXCHANGE, wallet, amount))
        else:
            poison = Tx(chain, when, _STRANGER, FAKE[chain]).token(FAKE[chain], _STRANGER, wallet, amount)
            self.world.add(poison)

    def _background(self) -> None:
        """Payments, withdrawals from exchanges, swaps and airdrops."""
        for wallets in self.world.owners:
            for wallet in wallets:
                for _ in range(round(self.rng.randint(50, 400) * self.scale)):
                    self._everyday(wallet)

    def _everyday(self, wallet: str) -> None:
        chain, when, dice = self.rng.choice(CHAINS), self._when(), self.rng.random()
        ether = self.rng.randint(10**15, 10**18)
        dollars = self.rng.randint(10**6, 10**10) * 10 ** (usdc_decimals(chain) - 6)
        if dice < 0.35:
            self.world.add(Tx(chain, when, wallet, _STRANGER, value=ether).pay(wallet, _STRANGER, ether))
        elif dice < 0.6:
            self.world.add(Tx(chain, when, _EXCHANGE, wallet, value=ether).pay(_EXCHANGE, wallet, ether))
        elif dice < 0.75:
            self.world.add(
                Tx(chain, when, wallet, USDC[chain]).token(USDC[chain], wallet, _STRANGER, dollars)
            )
        elif dice < 0.9:
            swap = Tx(chain, when, wallet, _STRANGER).token(USDC[chain], wallet, _STRANGER, dollars)
            self.world.add(swap.token(WETH[chain], _STRANGER, wallet, ether))
        else:
            self.world.add(
                Tx(chain, when, _STRANGER, FAKE[chain]).token(FAKE[chain], _STRANGER, wallet, dollars)
            )
