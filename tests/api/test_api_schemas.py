"""What answers look like, down to the last digit."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from api.schemas.base import Money, amount, fresh, money, share, shown_address
from api.schemas.links import LinkOut
from api.schemas.losses import LossesOut
from api.schemas.lots import LotOut, LotQuery
from api.schemas.transfers import TransferOut, TransferQuery
from api.schemas.wallets import NewWallet, WalletOut
from indexer.model.facts import TransferKind
from indexer.model.money import MAX_UINT256
from tests.api import values


def written(model: BaseModel) -> dict[str, Any]:
    """The model as a client reads it."""
    body: dict[str, Any] = json.loads(model.model_dump_json(by_alias=True))
    return body


def test_wallet() -> None:
    assert written(WalletOut.of(values.WALLET)) == {
        "id": "w_1",
        "address": values.ALICE_SHOWN,
        "label": "main",
        "group": values.ALICE_SHOWN,
        "created_at": "2026-01-02T03:04:05Z",
        "chains": [
            {
                "chain": "eip155:1",
                "state": "synced",
                "as_of_block": 21_000_000,
                "complete": True,
                "progress": 1.0,
                "error": None,
                "gaps": [],
            },
            {
                "chain": "eip155:10",
                "state": "error",
                "as_of_block": None,
                "complete": False,
                "progress": 0.25,
                "error": "the endpoint serves chain 1; give one of chain 10",
                "gaps": [
                    {
                        "code": "receipt_unavailable",
                        "source": "rpc",
                        "detail": "a receipt is refused",
                        "count": 2,
                        "from_block": 5,
                        "to_block": 9,
                        "transactions": [values.TX],
                        "asset": None,
                    }
                ],
            },
        ],
    }


def test_transfer_of_gas() -> None:
    row = values.transfer(values.ETHER, 21_000 * 10**9 + 5, "gas", TransferKind.GAS)
    assert written(TransferOut.of(row)) == {
        "id": f"eip155:1/{values.TX}/gas",
        "chain": "eip155:1",
        "tx": values.TX,
        "block": 21_000_000,
        "timestamp": "2026-01-02T03:04:05Z",
        "position": "gas",
        "kind": "gas",
        "asset": "eip155:1/slip44:60",
        "symbol": "ETH",
        "token_id": None,
        "from": values.ALICE_SHOWN,
        "to": values.BOB_SHOWN,
        "amount": {"raw": "21000000000005", "decimals": 18, "value": "0.000021000000000005"},
        "execution_fee": "21000000000000",
        "l1_fee": "5",
        "spam": False,
        "spam_reason": None,
    }


def test_transfer_of_an_item_and_of_unknown_decimals() -> None:
    item = written(TransferOut.of(values.transfer(values.PICTURE, 1, "log:3", TransferKind.ERC721)))
    assert (item["token_id"], item["spam"], item["spam_reason"]) == ("77", True, "its name is a web address")
    odd = written(TransferOut.of(values.transfer(values.ODD, MAX_UINT256, "log:4", TransferKind.ERC20)))
    assert odd["amount"] == {"raw": str(MAX_UINT256), "decimals": None, "value": None}
    assert odd["execution_fee"] is odd["l1_fee"] is None


def test_lots() -> None:
    lot = written(LotOut.of(values.LOT, "USD"))
    assert lot["quantity"] == "1.5"
    assert lot["cost"] == {"value": "4500", "currency": "USD"}
    assert lot["price"] == {"value": "2000.1", "currency": "USD"}
    assert lot["unrealized"] == {"value": "-1499.85", "currency": "USD"}
    assert (lot["holding_from"], lot["long_from"]) == ("2026-01-02", "2027-01-03")
    unpriced = written(LotOut.of(values.UNPRICED_LOT, "USD"))
    assert unpriced["price"] is unpriced["value"] is unpriced["unrealized"] is None
    assert (unpriced["price_missing"], unpriced["basis_known"]) == ("unknown", False)


def test_link_with_one_half() -> None:
    link = written(LinkOut.of(values.LINK))
    assert link["destination"] is None
    assert link["source"]["amount"] == {"raw": "1000000", "decimals": 6, "value": "1"}
    assert link["fee"] == {"raw": "250", "decimals": 6, "value": "0.00025"}
    assert (link["state"], link["treatment"], link["tier"]) == ("proposed", "review", "exact_id")
    assert link["reasons"] == ["UNMATCHED_SOURCE"]


def test_losses() -> None:
    body = written(LossesOut.of(values.report((values.row(Decimal("3000.15")),)), "wallet"))
    assert body["next_cursor"] is None
    assert body["data"][0]["key"] == body["data"][0]["wallets"][0] == values.ALICE_SHOWN
    assert body["data"][0]["loss"] == {"value": "1499.85", "currency": "USD"}
    assert body["data"][0]["quantity"] is None
    assert body["totals"]["priced_share_of_cost"] == "0.666666"
    assert body["realized"]["short"] == {"value": "-10.5", "currency": "USD"}
    assert body["unpriced"][0]["status"] == "unknown"
    assert body["book_gaps"][0]["code"] == "unknown_basis"
    assert (body["as_of_block"], body["price_as_of"], body["complete"]) == ({}, None, False)
    assert body["incomplete_because"] == ["eip155:1: balance_unverified"]


def test_a_total_of_nothing_priced_is_unknown_and_of_nothing_held_is_zero() -> None:
    unpriced = written(LossesOut.of(values.report((values.row(None),)), "asset"))
    assert unpriced["totals"]["value"] is unpriced["totals"]["unrealized"] is None
    empty = written(LossesOut.of(values.report(()), "asset"))
    assert empty["totals"]["value"] is not None


def test_freshness() -> None:
    assert fresh(values.FRESH) == {
        "as_of_block": {"eip155:1": 21_000_000, "eip155:10": 130},
        "price_as_of": values.NOW,
        "complete": True,
        "incomplete_because": [],
    }


@given(st.integers(0, MAX_UINT256), st.integers(0, 77))
def test_amounts_lose_no_digit(raw: int, decimals: int) -> None:
    shown = amount(raw, decimals)
    assert shown.raw == str(raw)
    assert shown.value is not None
    assert "e" not in shown.value.lower()
    whole, _, part = shown.value.partition(".")
    assert int(whole + part.ljust(decimals, "0")) == raw


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**30), max_value=10**30))
def test_money_loses_no_digit(value: Decimal) -> None:
    shown = money(value, "EUR")
    assert Decimal(shown.value) == value
    assert shown.value != "-0"


def test_answers_are_strict() -> None:
    with pytest.raises(ValidationError):
        Money(value=1, currency="USD")  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(ValidationError):
        Money(value="1", currency="USD", more="x")  # type: ignore[call-arg]  # what the test is about
    assert share(Decimal("0.9999999")) == "0.999999"
    assert share(Decimal(1)) == "1"


def test_instants_are_utc() -> None:
    row = values.transfer(values.ETHER, 1, "native", TransferKind.NATIVE)
    moved = values.NOW.astimezone(timezone(timedelta(hours=5)))
    made = TransferOut.of(row).model_copy(update={"timestamp": moved})
    assert written(TransferOut.model_validate(made.model_dump()))["timestamp"] == "2026-01-02T03:04:05Z"
    with pytest.raises(ValidationError):
        TransferOut.model_validate({**made.model_dump(), "timestamp": datetime(2026, 1, 2)})  # noqa: DTZ001 - naive


def test_addresses_of_other_families_stay_as_they_are() -> None:
    assert shown_address("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq").startswith("bc1qar0")
    assert shown_address("my cold wallets") == "my cold wallets"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": values.ALICE},
        {"address": values.ALICE, "chains": []},
        {"address": values.ALICE, "chains": "eip155:1"},
        {"address": values.ALICE, "chains": ["ethereum"]},
        {"address": values.ALICE, "chains": ["eip155:1"] * 65},
        {"address": values.ALICE, "chains": [1]},
        {"address": "", "chains": ["eip155:1"]},
        {"address": "x" * 129, "chains": ["eip155:1"]},
        {"address": "0x\x00", "chains": ["eip155:1"]},
        {"address": 1, "chains": ["eip155:1"]},
        {"address": values.ALICE, "chains": ["eip155:1"], "label": "a\nb"},
        {"address": values.ALICE, "chains": ["eip155:1"], "portfolio": "other"},
    ],
)
def test_malformed_wallets(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewWallet.model_validate_json(json.dumps(body))


def test_asset_filters_take_checksummed_contracts_and_groups() -> None:
    given_id = values.COIN.id.replace("0xa0b8", "0xA0b8")
    assert TransferQuery.model_validate({"asset": given_id}).asset == values.COIN.id
    assert LotQuery.model_validate({"asset": "USDC"}).asset == "USDC"


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "1.5"},
        {"limit": ""},
        {"wallets": "w_1"},
        {"chain": "1"},
        {"kind": "bitcoin"},
        {"cursor": ""},
        {"cursor": "ü"},
        {"tx": "0x 1"},
        {"include_spam": "perhaps"},
        {"wallet": "'; drop table wallet"},
    ],
)
def test_malformed_filters(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TransferQuery.model_validate(query)
