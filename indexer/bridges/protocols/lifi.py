"""LI.FI: an aggregator over other bridges. Its event counts only where the bridge under it is not known.

Source: lifinance/contracts (ILiFi).
"""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.chains import SOLANA
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere, evm
from indexer.model.links import BridgeLeg, Mechanism, Side

STARTED = event(
    "LiFiTransferStarted((bytes32 transactionId, string bridge, string integrator, address referrer, "
    "address sendingAssetId, address receiver, uint256 minAmount, uint256 destinationChainId, bool hasSourceSwaps, "
    "bool hasDestinationCall) bridgeData)"
)
COMPLETED = event(
    "LiFiTransferCompleted(bytes32 indexed transactionId, address receivingAssetId, address receiver, uint256 amount, "
    "uint256 timestamp)"
)
RECOVERED = event(
    "LiFiTransferRecovered(bytes32 indexed transactionId, address receivingAssetId, address receiver, uint256 amount, "
    "uint256 timestamp)"
)

_DIAMOND, _RECEIVER = "diamond", "receiver"
_SOLANA_NUMBER = 1151111081099710


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """The start of a transfer, and its end where a call follows the bridge."""
    for log, values in scope.logs(STARTED, _DIAMOND):
        number, _, _, _, sent, receiver, amount, target = values["bridgeData"][:8]
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(sent),
            amount=amount,
            wallet=scope.view.sender,
            recipient=None if target == _SOLANA_NUMBER else receiver,
            other_chain=SOLANA if target == _SOLANA_NUMBER else evm(target),
            join_key=number.hex(),
            event="LiFiTransferStarted",
        )
    for wanted in (COMPLETED, RECOVERED):
        for log, values in scope.logs(wanted, _RECEIVER):
            yield scope.leg(
                Side.DESTINATION,
                log,
                asset=scope.token(values["receivingAssetId"]),
                amount=values["amount"],
                wallet=values["receiver"],
                join_key=values["transactionId"].hex(),
                event=wanted.name,
            )


_CHAINS = (1, 10, 56, 100, 137, 8453, 42161, 43114)

PROTOCOL = Protocol(
    id="lifi",
    name="LI.FI",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        diamond={
            **everywhere("0x1231DEB6f5749EF6cE6943a275A1D3E7486F4EaE", *_CHAINS),
            143: "0x026F252016A7C47CDEf1F05a3Fc9E20C92a49C37",
        },
        receiver={
            1: "0xd9B2Da9C45b118e4e93A004FB1452bCDB6cC0E88",
            10: "0xC9E66aa9b08EB667e450e072E96F7086AD9f2c91",
            8453: "0x4DaC9d1769b9b304cb04741DCDEb2FC14aBdF110",
            42161: "0x2dfaDAB8266483beD9Fd9A292Ce56596a2D1378D",
        },
    ),
    events={_DIAMOND: (STARTED,), _RECEIVER: (COMPLETED, RECOVERED)},
    decode=decode,
    deposit=Window(usual=12 * 3_600, fee_ppm=30_000),
    wrapper=True,
)
