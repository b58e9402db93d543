"""The SQL ledger on SQLite and PostgreSQL: the only place that speaks SQL. `open.py` is the door."""
