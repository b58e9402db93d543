"""Times another calculator's own engine on a tape. Run by `bench/tax.py` with the interpreter that holds the peers.

usage: tax_peers.py rp2-fifo|rp2-hifo|bittytax TAPE      prints {"seconds": ..., "transactions": ..., "gain": ...}

Reading the tape and building the peer's input objects is not timed; its computation alone is.
"""

import datetime as dt
import importlib
import json
import pathlib
import sys
import tempfile
import time
from decimal import Decimal
from typing import Any

INI = """[general]
assets = {assets}
exchanges = X
holders = H
[in_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_in = 6
[out_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_out_no_fee = 6
crypto_fee = 7
[intra_header]
timestamp = 0
asset = 1
from_exchange = 2
from_holder = 3
to_exchange = 4
to_holder = 5
spot_price = 6
crypto_sent = 7
crypto_received = 8
"""


def instant(us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(us // 10**6, dt.UTC)


def units(number: int) -> Decimal:
    return Decimal(number).scaleb(-18)


def rp2(tape: dict[str, Any], method: str) -> dict[str, Any]:
    configuration_module = importlib.import_module("rp2.configuration")
    engine_module = importlib.import_module("rp2.tax_engine")
    decimal = importlib.import_module("rp2.rp2_decimal").RP2Decimal
    transaction_set = importlib.import_module("rp2.transaction_set").TransactionSet
    bought = importlib.import_module("rp2.in_transaction").InTransaction
    sold = importlib.import_module("rp2.out_transaction").OutTransaction
    data_of = importlib.import_module("rp2.input_data").InputData
    span = (configuration_module.MIN_DATE, configuration_module.MAX_DATE)
    ini = pathlib.Path(tempfile.mkdtemp(), "rp2.ini")
    ini.write_text(INI.format(assets=", ".join(tape["assets"])))
    configuration = configuration_module.Configuration(
        str(ini), importlib.import_module("rp2.plugin.country.us").US()
    )
    years = importlib.import_module("prezzemolo.avl_tree").AVLTree()
    years.insert_node(
        1970, importlib.import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod()
    )
    engine = importlib.import_module("rp2.accounting_engine").AccountingEngine(years)
    inputs = []
    for number, asset in enumerate(tape["assets"]):
        sets = {kind: transaction_set(configuration, kind, asset, *span) for kind in ("IN", "OUT", "INTRA")}
        for row, (us, which, sale, quantity, value) in enumerate(tape["rows"]):
            if which != number:
                continue
            when = instant(us).strftime("%Y-%m-%d %H:%M:%S.%f +0000")
            amount, money = decimal(str(units(quantity))), decimal(str(units(value)))
            common = (configuration, when, asset, "X", "H")
            if sale:
                zero = decimal("0")
                sets["OUT"].add_entry(
                    sold(*common, "SELL", money / amount, amount, zero, fiat_out_no_fee=money, row=row)
                )
            else:
                sets["IN"].add_entry(
                    bought(
                        *common,
                        "BUY",
                        money / amount,
                        amount,
                        fiat_in_no_fee=money,
                        fiat_in_with_fee=money,
                        row=row,
                    )
                )
        inputs.append(data_of(asset, sets["IN"], sets["OUT"], sets["INTRA"]))
    start = time.process_time()
    computed = [engine_module.compute_tax(configuration, engine, data) for data in inputs]
    seconds = time.process_time() - start
    gain = sum((entry.fiat_gain for data in computed for entry in data.gain_loss_set), decimal("0"))
    return {"seconds": seconds, "gain": str(gain)}


def bittytax(tape: dict[str, Any]) -> dict[str, Any]:
    types = importlib.import_module("bittytax.bt_types")
    made_of = importlib.import_module("bittytax.transactions")
    record = importlib.import_module("bittytax.t_record").TransactionRecord
    importlib.import_module("bittytax.config").config.debug = False
    transactions: list[Any] = []
    for row, (us, which, sale, quantity, value) in enumerate(tape["rows"]):
        made = (made_of.Sell if sale else made_of.Buy)(
            types.TrType.TRADE, units(quantity), tape["assets"][which], units(value)
        )
        buy, sell = (None, made) if sale else (made, None)
        record(types.TrType.TRADE, buy, sell, None, "", instant(us), "", None).tid = [row, 0]
        made.set_tid()
        transactions.append(made)
    calculator = importlib.import_module("bittytax.tax").TaxCalculator(
        transactions, types.TaxRules.UK_INDIVIDUAL
    )
    start = time.process_time()
    calculator.pool_same_day()
    calculator.match_buyback(types.DisposalType.SAME_DAY)
    calculator.match_sell(types.DisposalType.BED_AND_BREAKFAST)
    calculator.process_section104(skip_integrity_check=True)
    seconds = time.process_time() - start
    gain = sum((event.gain for events in calculator.tax_events.values() for event in events), Decimal(0))
    return {"seconds": seconds, "gain": str(gain)}


def main() -> None:
    what, tape = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text())
    answer = bittytax(tape) if what == "bittytax" else rp2(tape, what.removeprefix("rp2-"))
    print(json.dumps({**answer, "transactions": len(tape["rows"])}))


if __name__ == "__main__":
    main()
