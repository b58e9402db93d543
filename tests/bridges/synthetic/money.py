"""Chains, tokens and accounts of the invented world."""

from indexer.model.asset import Asset

CHAINS = (1, 10, 56, 137, 8453, 42161, 43114, 100)
ZERO = "0x" + "0" * 40

USDC = {chain: f"0x{'c0' * 18}{chain % 65536:04x}" for chain in CHAINS}
USDC_E = {chain: f"0x{'ce' * 18}{chain % 65536:04x}" for chain in CHAINS}
WETH = {chain: f"0x{'e7' * 18}{chain % 65536:04x}" for chain in CHAINS}
FAKE = {chain: f"0x{'fa' * 18}{chain % 65536:04x}" for chain in CHAINS}
COIN = {56: ("BNB", 714), 137: ("POL", 966), 43114: ("AVAX", 9005), 100: ("XDAI", 700)}
ETHER_CHAINS = (1, 10, 8453, 42161)


def chain_id(chain: int) -> str:
    return f"eip155:{chain}"


def erc20(chain: int, token: str) -> str:
    return f"eip155:{chain}/erc20:{token}"


def coin(chain: int) -> str:
    return f"eip155:{chain}/slip44:{COIN.get(chain, ('ETH', 60))[1]}"


def usdc_decimals(chain: int) -> int:
    return 18 if chain == 56 else 6


def assets() -> dict[str, Asset]:
    """Every asset with its identity group; the fake one has USDC's symbol and no group."""
    found = []
    for chain in CHAINS:
        symbol = COIN.get(chain, ("ETH", 60))[0]
        found += [
            Asset(coin(chain), symbol, 18, group=symbol),
            Asset(erc20(chain, USDC[chain]), "USDC", usdc_decimals(chain), group="USDC"),
            Asset(erc20(chain, USDC_E[chain]), "USDC.e", 6, group="USDC.e"),
            Asset(erc20(chain, WETH[chain]), "WETH", 18, group="WETH"),
            Asset(erc20(chain, FAKE[chain]), "USDC", 6),
        ]
    return {asset.id: asset for asset in found}
