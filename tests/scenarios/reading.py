"""Reads a scenario: a few lines about who did what, and what the books must say then.

    UK, GBP, pooled                                    country, money, method [, per wallet] [, window applies] [, zone]
    pool A/X follows hifo                              a standing order for an asset, a wallet, or a wallet's asset
    one X was worth 140000 on 2027-07-01               what only the owner can supply (Australia)
    consumer prices from 2028-01-01 stand at 102.04
    2020-07-31 12:00 s1: sells 30000 X for 150000      [fee 5] [in A] [portfolio worth 1200] [swap g] [lots a:1 b:2]
    2020-07-31 m: moves 5 X from A to B
    2024-01-02 i: earns 1 X worth 50
    then
    sale s1 from b: quantity 10000, cost 45000, gain 5000, term short, rule same_day
    lot b in A: quantity 3, cost 100, held from 2020-01-01
    pool X: quantity 10, cost 100
    income 50
    gap sold_more_than_held at s1
    year 2025: taxable 100, carried out 5
    notice says the minimum tax of 30 %

A line that begins with `#` is for the reader; the first ones name the source.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

HEAD = re.compile(
    r"(?P<country>[A-Z]{2}|-), (?P<money>[A-Z]{3}), (?P<method>[a-z-]+)(?P<wallet>, per wallet)?"
    r"(?P<window>, window applies)?(, (?P<zone>\S+/\S+))?$"
)
ACT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)( (?P<hour>\d\d:\d\d))? (?P<id>\S+): (?P<verb>buys|sells|earns|moves|gives|is given|loses) "
    r"(?P<qty>\S+) (?P<asset>\S+)( (for|worth) (?P<gross>\S+))?( fee (?P<fee>\S+))?"
    r"( (in|from) (?P<wallet>\S+))?( to (?P<to_wallet>\S+))?( portfolio worth (?P<portfolio_value>\S+))?"
    r"( swap (?P<group>\S+))?( lots (?P<lots>.+))?( acquired (?P<acquired>\S+))?$"
)
TYPES = {
    "buys": "buy",
    "sells": "sell",
    "earns": "income",
    "moves": "transfer",
    "gives": "gift_out",
    "is given": "gift_in",
    "loses": "lost",
}
ORDER = re.compile(r"pool (?P<pool>\S+) follows (?P<method>[a-z-]+)$")
WORTH = re.compile(r"one (?P<asset>\S+) was worth (?P<worth>\S+) on 2027-07-01$")
PRICES = re.compile(r"consumer prices from (?P<day>\S+) stand at (?P<number>\S+)$")
FIELDS = {
    "deferred long": "deferred_long",
    "long gains": "long_gains",
    "minimum base": "minimum_base",
    "quantity": "qty",
    "carried out": "carried_out_short",
    "taxable long": "taxable_long",
    "taxable": "taxable_short",
}


@dataclass
class Scenario:
    document: dict[str, Any]
    claims: list[str] = field(default_factory=list)


def read(text: str) -> Scenario:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    head = HEAD.match(lines[0])
    assert head, f"not a heading: {lines[0]}"
    split = lines.index("then")
    document: dict[str, Any] = {
        "jurisdiction": head["country"],
        "currency": head["money"],
        "method": head["method"],
        "scope": "wallet" if head["wallet"] else "universal",
        "wash_sales": True if head["window"] else None,
        "timezone": head["zone"],
        "methods_by_pool": {},
        "market_values": {},
        "index_numbers": {},
        "transactions": [],
    }
    for line in lines[1:split]:
        if order := ORDER.match(line):
            document["methods_by_pool"][order["pool"]] = order["method"]
        elif worth := WORTH.match(line):
            document["market_values"][worth["asset"]] = worth["worth"]
        elif prices := PRICES.match(line):
            document["index_numbers"][prices["day"]] = prices["number"]
        else:
            document["transactions"].append(_act(line))
    if document["wash_sales"] is None:
        del document["wash_sales"]
    return Scenario(document, lines[split + 1 :])


def _act(line: str) -> dict[str, Any]:
    act = ACT.match(line)
    assert act, f"not an act: {line}"
    row = {
        "id": act["id"],
        "time": f"{act['day']}T{act['hour'] or '00:00'}:00Z",
        "type": TYPES[act["verb"]],
        "asset": act["asset"],
        "qty": act["qty"],
    }
    for name in ("gross", "fee", "wallet", "to_wallet", "portfolio_value", "group", "acquired"):
        if act[name]:
            row[name] = act[name]
    if act["lots"]:
        row["lots"] = [
            dict(zip(("lot", "qty"), part.split(":"), strict=True)) for part in act["lots"].split()
        ]
    return row


def check(claim: str, answer: dict[str, Any]) -> list[str]:
    """What a claim and the answer disagree about."""
    what, _, figures = claim.partition(": ")
    words = what.split()
    if words[0] == "income":
        return _compare(claim, {"income": answer["income"]}, {"income": words[1]})
    if words[0] == "gap":
        found = [gap for gap in answer["gaps"] if (gap["code"], gap["movement"]) == (words[1], words[3])]
        return [] if found else [f"{claim}: there are {answer['gaps']}"]
    if words[0] == "notice":
        return _noticed(claim, answer)
    if words[:2] == ["no", "gaps"]:
        return [f"{claim}: {answer['gaps']}"] if answer["gaps"] else []
    rows = {"sale": _sales, "lot": _lots, "pool": _pool, "year": _year}[words[0]](words, answer)
    if not rows:
        return [f"{claim}: there is none"]
    wanted = {}
    for part in figures.split(", "):
        name, _, value = part.rpartition(" ")
        wanted[FIELDS.get(name, name)] = value
    text = {name for name in wanted if name in ("term", "rule", "held from")}
    errors = []
    for name in text:
        key = "holding_from" if name == "held from" else name
        if {row[key] for row in rows} != {wanted[name]}:
            errors.append(f"{claim}: {name} is {[row[key] for row in rows]}")
    totals = {name: str(sum(Fraction(row[name]) for row in rows)) for name in wanted if name not in text}
    return errors + _compare(claim, totals, {name: wanted[name] for name in totals})


def _noticed(claim: str, answer: dict[str, Any]) -> list[str]:
    _, _, said = claim.partition(" says ")
    found = [notice for notice in answer["notices"] if said in notice["detail"]]
    return [] if found else [f"{claim}: there are {answer['notices']}"]


def _sales(words: list[str], answer: dict[str, Any]) -> list[dict[str, Any]]:
    matched = words[3] if len(words) > 3 else None
    return [
        row
        for row in answer["disposals"]
        if row["disposal"] == words[1] and matched in (None, row["matched"] or row["rule"])
    ]


def _lots(words: list[str], answer: dict[str, Any]) -> list[dict[str, Any]]:
    wallet = words[3] if len(words) > 3 else None
    return [row for row in answer["open_lots"] if row["lot"] == words[1] and wallet in (None, row["wallet"])]


def _pool(words: list[str], answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [answer["pools"][words[1]]] if words[1] in answer["pools"] else []


def _year(words: list[str], answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in answer["years"] if row["year"] == words[1]]


def _compare(claim: str, got: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return [
        f"{claim}: {name} is {float(Fraction(got[name]))}"
        for name in wanted
        if abs(Fraction(got[name]) - Fraction(wanted[name])) > Fraction(1, 10**12)
    ]
