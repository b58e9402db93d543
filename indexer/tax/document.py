"""The neutral document: trades without a chain, as JSON or CSV, to movements.

A document is `{currency, jurisdiction, timezone?, method, methods_by_year?, scope?, wash_sales?, transactions}`; a
transaction is `{order?, id, time, type, asset, qty, price | gross, fee?, wallet?, to_wallet?, lots?, group?,
portfolio_value?}` with `type` buy, sell, income, transfer, gift_in, gift_out or lost. Cost is gross + fee, proceeds are
gross - fee. Equal times happen in ascending `order`, which is the position in the list where it is absent.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from indexer.model.errors import InputError
from indexer.model.money import CONTEXT, fiat_from_decimal
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import BasisPolicy, Method, Scope, TaxProfile, WashSales
from indexer.tax.accrual import Figures, Worth, quarter
from indexer.tax.changeover import Allocation, read_allocation
from indexer.tax.rules import jurisdiction

KINDS = {
    "buy": MovementKind.BUY,
    "sell": MovementKind.SELL,
    "income": MovementKind.INCOME,
    "transfer": MovementKind.SELF,
    "gift_in": MovementKind.GIFT_IN,
    "gift_out": MovementKind.GIFT_OUT,
    "lost": MovementKind.LOST,
}
INCOMING = (MovementKind.BUY, MovementKind.INCOME, MovementKind.GIFT_IN)
UNPRICED = (MovementKind.SELF, MovementKind.LOST)
MIN_SCALE = 18
MAX_DECIMALS = 96
FIELDS = frozenset(
    (
        *(
            "order",
            "id",
            "time",
            "type",
            "asset",
            "qty",
            "price",
            "gross",
            "fee",
            "wallet",
            "to_wallet",
            "lots",
        ),
        *("group", "portfolio_value", "acquired", "note", "notes", "comment"),
    )
)


class _Fee(StrEnum):
    """What the fee of a transfer is."""

    DISPOSAL = "disposal"
    BASIS = "basis"


@dataclass(frozen=True, slots=True)
class Document:
    """A document read and checked: movements with quantities at 10**-scale of their asset."""

    profiles: tuple[TaxProfile, ...]
    movements: tuple[Movement, ...]
    scales: Mapping[str, int]
    allocation: Allocation | None = None
    figures: Figures = field(default_factory=Figures)


def read_json(text: str | bytes, options: Mapping[str, Any] | None = None) -> Document:
    """Read a JSON document. Numbers may be strings; they are never read as floats. `options` replace its fields.

    Raises:
        InputError: not JSON, or a row or field that cannot be booked; the text names it.
    """
    try:
        given = json.loads(text, parse_float=Decimal)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"the document is not JSON: {error}") from error
    return read_document({**given, **(options or {})} if isinstance(given, dict) else given)


def read_document(given: Any) -> Document:
    """Read a document that is already parsed."""
    if not isinstance(given, dict):
        raise InputError("the document must be an object with `currency`, `method` and `transactions`")
    rows = given.get("transactions")
    if not isinstance(rows, list):
        raise InputError("the document has no list `transactions`")
    profiles = _profiles(given)
    checked = [_Row(number, row) for number, row in enumerate(rows)]
    seen: dict[str, _Row] = {}
    for row in checked:
        if row.id in seen:
            raise InputError(f"{row.name}: the id {row.id!r} is already that of {seen[row.id].place}")
        seen[row.id] = row
    scales: dict[str, int] = {}
    for row in checked:
        for number in (row.quantity, *(quantity for _, quantity in row.lots)):
            scales[row.asset] = max(scales.get(row.asset, MIN_SCALE), _places(number))
    movements = tuple(row.movement(scales[row.asset]) for row in checked)
    allocation = None
    if given.get("allocation") is not None:
        assets = {row.id: row.asset for row in checked}
        read = read_allocation(given["allocation"], "allocation")
        # The engine counts such units at 18 decimals; a finer asset brings its own scale along.
        units = tuple(
            replace(
                unit,
                quantity=unit.quantity.scaleb(scales.get(assets.get(unit.lot, ""), MIN_SCALE) - MIN_SCALE),
            )
            for unit in read.units
        )
        allocation = replace(read, units=units)
    return Document(profiles, movements, scales, allocation, _figures(given, scales))


def read_csv(text: str, options: Mapping[str, Any]) -> Document:
    """Read trades from CSV: one header line with the field names of a transaction, one line for each.

    `options` are the document's other fields (currency, jurisdiction, method, ...). Named lots are written
    `lot:qty;lot:qty`; an empty cell is a field that is absent.

    Raises:
        InputError: no header, or a row that cannot be booked; the text names it.
    """
    reader = csv.DictReader(io.StringIO(text))
    if not reader.fieldnames:
        raise InputError(
            "the CSV is empty: its first line must name the columns id, time, type, asset, qty, ..."
        )
    rows: list[dict[str, Any]] = []
    for number, cells in enumerate(reader, start=1):
        if None in cells or None in cells.values():
            raise InputError(f"transaction {number}: the line does not have {len(reader.fieldnames)} cells")
        row: dict[str, Any] = {
            name.strip(): cell.strip() for name, cell in cells.items() if cell and cell.strip()
        }
        if "lots" in row:
            parts = [part.rpartition(":") for part in str(row["lots"]).split(";") if part.strip()]
            row["lots"] = [{"lot": lot.strip(), "qty": quantity.strip()} for lot, _, quantity in parts]
        rows.append(row)
    return read_document({**options, "transactions": rows})


def _places(number: Decimal) -> int:
    exponent = number.normalize(CONTEXT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _profiles(given: Mapping[str, Any]) -> tuple[TaxProfile, ...]:
    rules = jurisdiction(_text(given.get("jurisdiction", "-"), "jurisdiction"))
    wash = given.get("wash_sales")
    if wash not in (True, False, None):
        raise InputError("wash_sales must be true or false")
    profile = TaxProfile(
        jurisdiction=rules.code,
        currency=_text(given.get("currency", rules.currency), "currency"),
        timezone=_text(given.get("timezone") or "UTC", "timezone"),
        filing_status=_text(given.get("filing_status", "single"), "filing_status"),
        method=_choice(Method, given.get("method", rules.default_method.value), "method"),
        methods_by_year=_methods_by_year(given.get("methods_by_year") or {}),
        methods_by_pool=_methods_by_pool(given.get("methods_by_pool") or {}),
        scope=Scope.UNIVERSAL,
        wash_sales={True: WashSales.AS_IF, False: WashSales.NEVER, None: WashSales.OFF}[wash],
        unknown_basis=_choice(BasisPolicy, given.get("unknown_basis", "ask"), "unknown_basis"),
        transfer_fee_is_disposal=_choice(_Fee, given.get("transfer_fee", "disposal"), "transfer_fee")
        is _Fee.DISPOSAL,
        since=date(1, 1, 2),
        affiliate_wallets=_names(given.get("affiliate_wallets") or (), "affiliate_wallets"),
    )
    scope = given.get("scope")
    if scope is not None:
        return (replace(profile, scope=_choice(Scope, scope, "scope")),)
    return tuple(
        replace(profile, scope=row.scope, since=max(row.since, date(1, 1, 2))) for row in rules.scopes
    ) or (profile,)


def _figures(given: Mapping[str, Any], scales: Mapping[str, int]) -> Figures:
    """`market_values` by asset for one whole unit, `index_numbers` by the first day of a quarter."""
    values = {
        str(asset): Worth(fiat_from_decimal(value), 10 ** scales.get(str(asset), MIN_SCALE))
        for asset, value in _positive(given.get("market_values") or {}, "market_values").items()
    }
    numbers: dict[date, Decimal] = {}
    for name, value in _positive(given.get("index_numbers") or {}, "index_numbers").items():
        try:
            day = date.fromisoformat(name)
        except ValueError as error:
            raise InputError(
                f"index_numbers: {name!r} is no date: name the quarter's first day, such as 2027-07-01"
            ) from error
        if day != quarter(day):
            raise InputError(f"index_numbers: {name} is not the first day of a quarter")
        numbers[day] = value
    return Figures(values, numbers)


def _positive(given: Any, field: str) -> dict[str, Decimal]:
    if not isinstance(given, dict):
        raise InputError(f"{field} must map names to numbers")
    found = {}
    for name, value in given.items():
        try:
            number = CONTEXT.create_decimal(str(value).strip())
        except InvalidOperation as error:
            raise InputError(f"{field}: {name!r} must be a number, not {value!r}") from error
        if not number.is_finite() or number <= 0:
            raise InputError(f"{field}: {name!r} must be more than zero, not {value!r}")
        found[str(name)] = number
    return found


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{field} must be a text, not {value!r}")
    return value.strip()


def _names(value: Any, field: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise InputError(f"{field} must be a list of names, not {value!r}")
    return tuple(value)


def _choice(kind: Any, value: Any, field: str) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise InputError(f"{field} {value!r} is unknown: use one of {known}") from error


def _methods_by_pool(given: Any) -> dict[str, Method]:
    if not isinstance(given, dict):
        raise InputError("methods_by_pool must map assets, wallets or wallet/asset to methods")
    return {str(name): _choice(Method, method, f"methods_by_pool {name}") for name, method in given.items()}


def _methods_by_year(given: Any) -> dict[int, Method]:
    if not isinstance(given, dict):
        raise InputError("methods_by_year must map years to methods")
    try:
        return {
            int(year): _choice(Method, method, f"methods_by_year {year}") for year, method in given.items()
        }
    except (TypeError, ValueError) as error:
        raise InputError(f"methods_by_year: {error}") from error


class _Row:
    """One transaction, checked field by field; every complaint names the row."""

    def __init__(self, number: int, given: Any) -> None:
        self.number = number
        self.place = f"transaction {number + 1}"
        self.name = self.place
        if not isinstance(given, dict):
            raise InputError(f"{self.place} must be an object")
        self._given = given
        self.id = str(given.get("id", "")).strip()
        if not self.id:
            raise InputError(f"{self.place} has no id")
        self.name = f"{self.place} (id {self.id!r})"
        unknown = sorted(set(given) - FIELDS)
        if unknown:
            raise InputError(
                f"{self.name}: unknown field {unknown[0]!r}; known are {', '.join(sorted(FIELDS))}"
            )
        kind = given.get("type")
        if kind not in KINDS:
            raise InputError(f"{self.name}: type {kind!r} is unknown: use one of {', '.join(KINDS)}")
        self.kind = KINDS[kind]
        self.asset = str(given.get("asset") or "").strip()
        if not self.asset:
            raise InputError(f"{self.name}: asset is missing")
        self.quantity = self._number("qty")
        if self.quantity <= 0:
            raise InputError(f"{self.name}: qty must be more than zero, not {self.quantity}")
        self.order = self._order()
        self.lots = self._lots()
        self.time = self._time("time")

    def _present(self, field: str) -> bool:
        return self._given.get(field) not in (None, "")

    def _number(self, field: str) -> Decimal:
        value = self._given.get(field)
        if value in (None, ""):
            raise InputError(f"{self.name}: {field} is missing")
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise InputError(f"{self.name}: {field} must be a number, not {value!r}")
        try:
            number = CONTEXT.create_decimal(str(value).strip())
        except InvalidOperation as error:
            raise InputError(f"{self.name}: {field} must be a number, not {value!r}") from error
        if not number.is_finite() or _places(number) > MAX_DECIMALS or number.adjusted() > MAX_DECIMALS:
            raise InputError(f"{self.name}: {field} {value!r} is beyond what can be booked exactly")
        return number

    def _money(self, field: str) -> int:
        amount = self._number(field)
        if amount < 0:
            raise InputError(f"{self.name}: {field} must not be negative, it is {amount}")
        return fiat_from_decimal(amount)

    def _order(self) -> int:
        value = self._given.get("order", self.number)
        if isinstance(value, str) and value.strip().lstrip("-").isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{self.name}: order must be a whole number, not {value!r}")
        return value

    def _time(self, field: str) -> datetime:
        text = str(self._given.get(field) or "").strip()
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise InputError(f"{self.name}: {field} {text!r} is no ISO 8601 instant") from error
        if instant.tzinfo is None:
            raise InputError(
                f"{self.name}: {field} {text!r} has no zone: append Z or an offset such as +02:00"
            )
        return instant.astimezone(UTC)

    def _lots(self) -> tuple[tuple[str, Decimal], ...]:
        given = self._given.get("lots") or ()
        if not isinstance(given, (list, tuple)):
            raise InputError(f"{self.name}: lots must be a list of {{lot, qty}}")
        found = []
        for part in given:
            if not isinstance(part, dict) or not part.get("lot"):
                raise InputError(f"{self.name}: lots must be a list of {{lot, qty}}")
            outer, self._given = self._given, part
            quantity = self._number("qty")
            self._given = outer
            if quantity <= 0:
                raise InputError(f"{self.name}: qty of lot {part['lot']!r} must be more than zero")
            found.append((str(part["lot"]), quantity))
        if sum((quantity for _, quantity in found), Decimal(0)) > self.quantity:
            raise InputError(f"{self.name}: the lots named hold more than the qty that is sold")
        return tuple(found)

    def _gross(self) -> int | None:
        if self._present("gross"):
            return self._money("gross")
        if self._present("price"):
            price = self._number("price")
            if price < 0:
                raise InputError(f"{self.name}: price must not be negative, it is {price}")
            return fiat_from_decimal(CONTEXT.multiply(self.quantity, price))
        if self.kind in UNPRICED:
            return None
        raise InputError(f"{self.name}: price or gross is missing")

    def _wallet(self, field: str) -> str:
        return str(self._given.get(field) or "").strip()

    def movement(self, scale: int) -> Movement:
        """The row as a movement with quantities at 10**-scale."""

        def units(number: Decimal) -> int:
            return int(number.scaleb(scale, CONTEXT))

        wallet = self._wallet("wallet")
        leg = Leg(wallet, self.asset, self.asset, units(self.quantity), self._gross())
        out: tuple[Leg, ...] = () if self.kind in INCOMING else (leg,)
        into: tuple[Leg, ...] = (leg,) if self.kind in INCOMING else ()
        if self.kind is MovementKind.SELF:
            if not self._present("to_wallet"):
                raise InputError(f"{self.name}: to_wallet is missing")
            into = (replace(leg, wallet=self._wallet("to_wallet")),)
        return Movement(
            id=self.id,
            time=self.time,
            order=(self.order,),
            kind=self.kind,
            out=out,
            into=into,
            note=self._wallet("note"),
            fee_value=self._money("fee") if self._present("fee") else 0,
            lots=tuple((lot, units(quantity)) for lot, quantity in self.lots),
            acquired_at=self._time("acquired") if self._present("acquired") else None,
            portfolio_value=self._money("portfolio_value") if self._present("portfolio_value") else None,
            group=self._wallet("group") or None,
        )
