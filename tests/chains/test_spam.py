"""Automatic verdicts: bait and imitation are found out, the real things and pegged tokens are left alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from indexer.chains.registry import load
from indexer.chains.spam import Lists, judge_token

CHAINS = load(Path(__file__).resolve().parents[2] / "chains.yaml", {})
STRANGER = "0x" + "9" * 40


@pytest.mark.parametrize(
    ("chain", "symbol", "name"),
    [
        (100, "USDC", "USD-SWAP˳COM"),
        (100, "Claim by link: zirclut.xyz", "https://zirclut.xyz/ ( Airdrop Voucher )"),
        (1, "ETH", "ETH"),
        (1, "USDC", "USD Coin"),
        (1, "UЅDС", "USD Coin"),  # noqa: RUF001 - the disguise is what is tested
        (1, "U\u200bSDT", "Tether"),
        (1, "\uff35\uff33\uff24\uff23", "x"),
        (137, "POL", "Polygon"),
        (1, "$ LIDO", "visit lido-drop.com"),
        (8453, "AERO", "t.me/aero"),
    ],
)
def test_bait_is_found_out_with_a_reason(chain: int, symbol: str, name: str) -> None:
    verdict = judge_token(CHAINS[f"eip155:{chain}"], STRANGER, symbol, name)
    assert verdict.spam
    assert verdict.reason


@pytest.mark.parametrize(
    ("chain", "contract", "symbol", "name"),
    [
        (1, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", "USD Coin"),
        (56, "0x2170ed0880ac9a755fd29b2688956bd959f933f8", "ETH", "Ethereum Token"),
        (56, STRANGER, "AVAX", "Avalanche"),
        (1, STRANGER, "YFI", "yearn.finance"),
        (1, STRANGER, "CRV", "Curve DAO Token"),
        (43114, STRANGER, "BTC.b", "Bitcoin"),
        (10, STRANGER, "aOptUSDC", "Aave Optimism USDC"),
        (1, STRANGER, "", ""),
    ],
)
def test_honest_tokens_are_left_alone(chain: int, contract: str, symbol: str, name: str) -> None:
    assert not judge_token(CHAINS[f"eip155:{chain}"], contract, symbol, name).spam


def test_a_chain_that_nobody_listed_judges_its_own_coin_alone() -> None:
    local = replace(CHAINS["eip155:1"], id="eip155:31337", wrapped_native=None)
    assert not judge_token(local, STRANGER, "USDC", "USD Coin").spam
    assert judge_token(local, STRANGER, "ETH", "Ether").spam


def test_lists_of_the_owner_win() -> None:
    spec = CHAINS["eip155:1"]
    assert judge_token(spec, STRANGER, "OK", "Fine", lists=Lists(blocked={(spec.id, STRANGER): "scam"})).spam
    trusted = Lists(trusted={(spec.id, STRANGER)})
    verdict = judge_token(spec, STRANGER, "ETH", "visit x.com", lists=trusted)
    assert (verdict.spam, bool(verdict.reason)) == (False, True)
    assert judge_token(spec, STRANGER, "OK", "Fine", airdrop_recipients=500).spam
