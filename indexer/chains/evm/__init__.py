"""Chains that speak Ethereum's JSON-RPC."""
