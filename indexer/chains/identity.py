"""Which well-known contracts are the same property on several chains (pure).

`group` is strict: the same claim, moved by its issuer or a chain's canonical bridge. `broad_group` adds wrapped,
staked, pegged and bridged forms of another issuer, for wash-sale rules that look at substance. Addresses are
the issuers' own published ones; a token that is not listed stands alone.
"""

from dataclasses import dataclass

from indexer.model.chain import ChainSpec


@dataclass(frozen=True, slots=True)
class Identity:
    """A well-known token: its symbol, decimals and groups."""

    symbol: str
    decimals: int
    group: str | None
    broad_group: str | None


# symbol, decimals, strict group, broad group, and `chain address` pairs; chains are EVM chain ids
_TABLE = """
USDC 6 USDC USDC 1 a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48
USDC 6 USDC USDC 10 0b2c639c533813f4aa9d7837caf62653d097ff85
USDC 6 USDC USDC 137 3c499c542cef5e3811e1192ce70d8cc03d5c3359
USDC 6 USDC USDC 324 1d17cbcf0d6d143135ae902365d2e5e2a16538d4
USDC 6 USDC USDC 999 b88339cb7199b77e23db6e890353e22632ba630f
USDC 6 USDC USDC 8453 833589fcd6edb6e08f4c7c32d4f71b54bda02913
USDC 6 USDC USDC 42161 af88d065e77c8cc2239327c5edb3a432268e5831
USDC 6 USDC USDC 43114 b97ef9ef8734c71904d8002f8b6bc66dd9c48a6e
USDC 6 USDC USDC 59144 176211869ca2b568f2a7d4ee941e073a821ee1ff
USDC 6 USDC USDC 534352 06efdbff2a14a7c8e15944d1f4a48f9f95f663a4
USDC 6 USDC USDC 100 ddafbb505ad214d7b80b1f830fccc89b60fb7a83
USDC.e 6 USDC USDC 10 7f5c764cbc14f9669b88837ca1490cca17c31607
USDC.e 6 USDC USDC 100 2a22f9c3b484c3629090feed35f17ff8f88f76f0
USDC.e 6 USDC USDC 137 2791bca1f2de4661ed88a30c99a7a9449aa84174
USDC.e 6 USDC USDC 324 3355df6d4c9c3035724fd0e3914de96a5a83aaf4
USDbC 6 USDC USDC 8453 d9aaec86b65d86f6a7b5b1b0c42ffa531710b6ca
USDC.e 6 USDC USDC 42161 ff970a61a04b1ca14834a43f5de4533ebddb5cc8
USDC.e 6 USDC USDC 43114 a7d7079b0fead91f3e65f86e8915cb59c1a4c664
USDC 18 - USDC 56 8ac76a51cc950d9822d68b83fe1ad97b32cd580d
USDT 6 USDT USDT 1 dac17f958d2ee523a2206206994597c13d831ec7
USDT 6 USDT USDT 10 94b008aa00579c1307b0ef2c499ad98a8ce58e58
USDT 6 USDT USDT 100 4ecaba5870353805a9f068101a40e0f32ed605c6
USDT0 6 USDT USDT 137 c2132d05d31c914a87c6611c10748aeb04b58e8f
USDT 6 USDT USDT 324 493257fd37edb34451f62edf8d2a0c418852ba4c
USDT0 6 USDT USDT 999 b8ce59fc3717ada4c02eadf9682a9e934f625ebb
USDT 6 USDT USDT 8453 fde4c96c8593536e31f229ea8f37b2ada2699bb2
USDT0 6 USDT USDT 42161 fd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9
USDt 6 USDT USDT 43114 9702230a8ea53601f5cd2dc00fdbc13d4df4a8c7
USDT 6 USDT USDT 59144 a219439258ca9da29e9cc4ce5596924745e12b93
USDT 6 USDT USDT 534352 f55bec9cafdbe8730f096aa55dad6d22d44099df
USDT 18 - USDT 56 55d398326f99059ff775485246999027b3197955
DAI 18 DAI DAI 1 6b175474e89094c44da98b954eedeac495271d0f
DAI 18 DAI DAI 10 da10009cbd5d07dd0cecc66161fc93d7c9000da1
DAI 18 DAI DAI 42161 da10009cbd5d07dd0cecc66161fc93d7c9000da1
DAI 18 DAI DAI 137 8f3cf7ad23cd3cadbd9735aff958023239c6a063
DAI 18 DAI DAI 8453 50c5725949a6f0c72e6c4a641f24049a917db0cb
DAI.e 18 DAI DAI 43114 d586e7f844cea2f87f50152665bcbc2c279d8d70
DAI 18 DAI DAI 59144 4af15ec2a0bd43db75dd04e62faa3b8ef36b00d5
DAI 18 DAI DAI 534352 ca77eb3fefe3725dc33bccb54edefc3d9f764f97
DAI 18 - DAI 56 1af3f329e8be154074d8769d1ffa4ee058b1dbc3
WXDAI 18 WXDAI DAI 100 e91d153e0b41518a2ce8dd3d7944fa863463a97d
sDAI 18 sDAI DAI 1 83f20f44975d03b1b09e64809b757c47f942beea
sDAI 18 - DAI 100 af204776c7245bf4147c2612bf6e5972ee483701
WETH 18 WETH ETH 1 c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2
WETH 18 WETH ETH 10 4200000000000000000000000000000000000006
WETH 18 WETH ETH 8453 4200000000000000000000000000000000000006
WETH 18 WETH ETH 42161 82af49447d8a07e3bd95bd0d56f35241523fbab1
WETH 18 WETH ETH 59144 e5d7c2a44ffddf6b295a15c148167daaaf5cf34f
WETH 18 WETH ETH 534352 5300000000000000000000000000000000000004
WETH 18 WETH ETH 324 5aea5775959fbc2557cc8789bc1bf90a239d9a91
WETH 18 WETH ETH 137 7ceb23fd6bc0add59e62ac25578270cff1b9f619
WETH 18 WETH ETH 100 6a023ccd1ff6f2045c3309768ead9e68f978f6e1
WETH.e 18 WETH ETH 43114 49d5c2bdffac6ce2bfdb6640f4f80f226bc10bab
ETH 18 - ETH 56 2170ed0880ac9a755fd29b2688956bd959f933f8
stETH 18 stETH ETH 1 ae7ab96520de3a18e5e111b5eaab095312d7fe84
wstETH 18 wstETH ETH 1 7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0
wstETH 18 wstETH ETH 10 1f32b1c2345538c0c6f582fcb022739c4a194ebb
wstETH 18 wstETH ETH 137 03b54a6e9a984069379fae1a4fc4dbae93b3bccd
wstETH 18 wstETH ETH 8453 c1cba3fcea344f92d9239c08c0568f6f2f0ee452
wstETH 18 wstETH ETH 42161 5979d7b546e38e414f7e9822514be443a4800529
wstETH 18 wstETH ETH 100 6c76971f98945ae98dd7d4dfca8711ebea946ea6
wstETH 18 wstETH ETH 534352 f610a9dfb7c89644979b4a0f27063e9e7d7cda32
wstETH 18 wstETH ETH 59144 b5bedd42000b71fdde22d3ee8a79bd49a568fc8f
rETH 18 rETH ETH 1 ae78736cd615f374d3085123a210448e74fc6393
rETH 18 rETH ETH 10 9bcef72be871e61ed4fbbc7630889bee758eb81d
rETH 18 rETH ETH 42161 ec70dcb4a1efa46b8f2d97c310c9c4790ba5ffa8
cbETH 18 cbETH ETH 1 be9895146f7af43049ca1c1ae358b0541ea49704
cbETH 18 cbETH ETH 8453 2ae3f1ec7f1f5012cfeab0185bfc7aa3cf0dec22
WBTC 8 WBTC BTC 1 2260fac5e5542a773aa44fbcfedf7c193bc2c599
WBTC 8 WBTC BTC 10 68f180fcce6836688e9084f035309e29bf0a2095
WBTC 8 WBTC BTC 137 1bfd67037b42cf73acf2047067bd4f2c47d9bfd6
WBTC 8 WBTC BTC 42161 2f2a2543b76a4166549f7aab2e75bef0aefc5b0f
WBTC 8 WBTC BTC 100 8e5bbbb09ed1ebde8674cda39a0c169401db4252
WBTC 8 WBTC BTC 324 bbeb516fb02a01611cbbe0453fe3c580d7281011
WBTC 8 WBTC BTC 59144 3aab2285ddcddad8edf438c1bab47e1a9d05a9b4
WBTC 8 WBTC BTC 534352 3c1bca5a656e69edcd0d4e36bebb3fcdaca60cf1
WBTC.e 8 WBTC BTC 43114 50b7545627a5162f82a992c33b87adc75187b218
cbBTC 8 cbBTC BTC 1 cbb7c0000ab88b473b1f5afd9ef808440eed33bf
cbBTC 8 cbBTC BTC 8453 cbb7c0000ab88b473b1f5afd9ef808440eed33bf
cbBTC 8 cbBTC BTC 42161 cbb7c0000ab88b473b1f5afd9ef808440eed33bf
BTC.b 8 BTC.b BTC 43114 152b9d0fdc40c096757f570a51e494bd4b943e50
BTCB 18 - BTC 56 7130d2a12b9bcbfae4f2634d864a1ee1ce3ead9c
POL 18 POL POL 1 455e53cbb86018ac2b8092fdcd39d8444affc3f6
MATIC 18 - POL 1 7d1afa7b718fb893db30a3abc0cfc608aacfebb0
WPOL 18 WPOL POL 137 0d500b1d8e8ef31e21c99d1db9a6444d3adf1270
BNB 18 - BNB 1 b8c77482e45f1f44de1745f52c74426c631bdd52
WBNB 18 WBNB BNB 56 bb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c
WAVAX 18 WAVAX AVAX 43114 b31f66aa3c1e785363f0875a1b74e27b85fd66c7
WHYPE 18 WHYPE HYPE 999 5555555555555555555555555555555555555555
GNO 18 GNO GNO 1 6810e776880c02933d47db1b9fc05908e5386b96
GNO 18 GNO GNO 100 9c58bacc331c9aa871afd802db6379a98e80cedb
ARB 18 ARB ARB 42161 912ce59144191c1204e64559fe8253a0e49e6548
ARB 18 ARB ARB 1 b50721bcf8d664c30412cfbc6cf7a15145234ad1
OP 18 OP OP 10 4200000000000000000000000000000000000042
LINK 18 LINK LINK 1 514910771af9ca656af840dff83e8264ecf986ca
LINK 18 LINK LINK 42161 f97f4df75117a78c1a5a0dbb814af92458539fb4
LINK 18 LINK LINK 10 350a791bfc2c21f9ed5d10980dad2e2638ffa7f6
UNI 18 UNI UNI 1 1f9840a85d5af5bf1d1762f925bdaddc4201f984
"""

_NATIVE_GROUPS = {
    ("ETH", 60): "ETH",
    ("POL", 966): "POL",
    ("BNB", 714): "BNB",
    ("BNB", 9006): "BNB",
    ("AVAX", 9000): "AVAX",
    ("AVAX", 9005): "AVAX",
    ("HYPE", 2457): "HYPE",
    ("BTC", 0): "BTC",
    ("SOL", 501): "SOL",
    ("LTC", 2): "LTC",
    ("xDAI", 700): None,
}
_NATIVE_BROAD = {("xDAI", 700): "DAI"}


def _read() -> dict[tuple[str, str], Identity]:
    known: dict[tuple[str, str], Identity] = {}
    for line in _TABLE.strip().splitlines():
        symbol, decimals, group, broad, chain, address = line.split()
        known[f"eip155:{chain}", "0x" + address] = Identity(
            symbol, int(decimals), None if group == "-" else group, None if broad == "-" else broad
        )
    return known


KNOWN = _read()
"""By (CAIP-2 chain, lower-case contract)."""


def of_token(chain: str, contract: str) -> Identity | None:
    """What is known of a token contract, None when it stands alone."""
    return KNOWN.get((chain, contract))


def of_native(spec: ChainSpec) -> Identity:
    """Identity of a chain's coin: ETH is one property on every chain that pays gas in it."""
    mark = (spec.native.symbol, spec.native.slip44)
    group = _NATIVE_GROUPS.get(mark)
    return Identity(spec.native.symbol, spec.native.decimals, group, _NATIVE_BROAD.get(mark, group))


def contracts_called(chain: str, symbol: str) -> frozenset[str]:
    """Well-known contracts of a chain that rightly bear a symbol (case aside)."""
    wanted = symbol.casefold()
    return frozenset(
        contract
        for (at, contract), identity in KNOWN.items()
        if at == chain and identity.symbol.casefold() == wanted
    )
