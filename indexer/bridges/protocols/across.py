"""Across v2, v3 and v3.5: a relayer pays at once, the deposit repays the relayer later.

Events: SpokePool of `@across-protocol/contracts` 5.0.27 (v3, v3.5) and the v2.5 ABI. Halves share (origin chain,
deposit id). A deposit that nobody fills before its deadline is paid back on its own chain in a batch that names
addresses and amounts only.
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import address_of, event
from indexer.bridges.chains import SOLANA
from indexer.bridges.protocol import ZERO_ADDRESS, Protocol, Scope, Window, contracts, evm
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

_SOLANA_NUMBER = 34268394551451

V3_DEPOSITED = event(
    "V3FundsDeposited(address inputToken, address outputToken, uint256 inputAmount, uint256 outputAmount, "
    "uint256 indexed destinationChainId, uint32 indexed depositId, uint32 quoteTimestamp, uint32 fillDeadline, "
    "uint32 exclusivityDeadline, address indexed depositor, address recipient, address exclusiveRelayer, bytes message)"
)
DEPOSITED = event(
    "FundsDeposited(bytes32 inputToken, bytes32 outputToken, uint256 inputAmount, uint256 outputAmount, "
    "uint256 indexed destinationChainId, uint256 indexed depositId, uint32 quoteTimestamp, uint32 fillDeadline, "
    "uint32 exclusivityDeadline, bytes32 indexed depositor, bytes32 recipient, bytes32 exclusiveRelayer, bytes message)"
)
V2_DEPOSITED = event(
    "FundsDeposited(uint256 amount, uint256 originChainId, uint256 indexed destinationChainId, int64 relayerFeePct, "
    "uint32 indexed depositId, uint32 quoteTimestamp, address originToken, address recipient, "
    "address indexed depositor, bytes message)"
)
V3_FILLED = event(
    "FilledV3Relay(address inputToken, address outputToken, uint256 inputAmount, uint256 outputAmount, "
    "uint256 repaymentChainId, uint256 indexed originChainId, uint32 indexed depositId, uint32 fillDeadline, "
    "uint32 exclusivityDeadline, address exclusiveRelayer, address indexed relayer, address depositor, "
    "address recipient, bytes message, (address, bytes, uint256, uint8) relayExecutionInfo)"
)
FILLED = event(
    "FilledRelay(bytes32 inputToken, bytes32 outputToken, uint256 inputAmount, uint256 outputAmount, "
    "uint256 repaymentChainId, uint256 indexed originChainId, uint256 indexed depositId, uint32 fillDeadline, "
    "uint32 exclusivityDeadline, bytes32 exclusiveRelayer, bytes32 indexed relayer, bytes32 depositor, "
    "bytes32 recipient, bytes32 messageHash, (bytes32, bytes32, uint256, uint8) relayExecutionInfo)"
)
V2_FILLED = event(
    "FilledRelay(uint256 amount, uint256 totalFilledAmount, uint256 fillAmount, uint256 repaymentChainId, "
    "uint256 indexed originChainId, uint256 destinationChainId, int64 relayerFeePct, int64 realizedLpFeePct, "
    "uint32 indexed depositId, address destinationToken, address relayer, address indexed depositor, "
    "address recipient, bytes message, (address, bytes, int64, bool, int256) updatableRelayData)"
)
REFUNDED = event(
    "ExecutedRelayerRefundRoot(uint256 amountToReturn, uint256 indexed chainId, uint256[] refundAmounts, "
    "uint32 indexed rootBundleId, uint32 indexed leafId, address l2TokenAddress, address[] refundAddresses, "
    "bool deferredRefunds, address caller)"
)
REFUNDED_OLD = event(
    "ExecutedRelayerRefundRoot(uint256 amountToReturn, uint256 indexed chainId, uint256[] refundAmounts, "
    "uint32 indexed rootBundleId, uint32 indexed leafId, address l2TokenAddress, address[] refundAddresses, "
    "address caller)"
)

_POOL = "SpokePool"
_PCT = 10**18


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Deposits, fills and refunds, in that order."""
    for wanted in (V3_DEPOSITED, DEPOSITED):
        for log, values in scope.logs(wanted, _POOL):
            yield _deposit(scope, log, values)
    for log, values in scope.logs(V2_DEPOSITED, _POOL):
        yield _deposit_v2(scope, log, values)
    for wanted in (V3_FILLED, FILLED):
        for log, values in scope.logs(wanted, _POOL):
            yield _fill(scope, log, values)
    for log, values in scope.logs(V2_FILLED, _POOL):
        yield _fill_v2(scope, log, values)
    for wanted in (REFUNDED, REFUNDED_OLD):
        for log, values in scope.logs(wanted, _POOL):
            yield from _refunds(scope, log, values)


def _account(value: str | bytes) -> str:
    return value if isinstance(value, str) else address_of(value)


def _chain(number: int) -> str:
    return SOLANA if number == _SOLANA_NUMBER else evm(number)


def _deposit(scope: Scope, log: LogEntry, values: dict[str, Any]) -> BridgeLeg:
    token, amount = _account(values["inputToken"]), values["inputAmount"]
    target = _chain(values["destinationChainId"])
    output = _account(values["outputToken"])
    return scope.leg(
        Side.SOURCE,
        log,
        asset=scope.native() if scope.wrapped_by(token, log.address, amount) else scope.token(token),
        amount=amount,
        wallet=_account(values["depositor"]),
        recipient=_account(values["recipient"]),
        other_chain=target,
        # the zero token asks for the same token's canonical form there
        other_asset=None
        if not int(output, 16)
        else scope.token(output, target)
        if output[:2] == "0x"
        else None,
        expected_amount=values["outputAmount"],
        join_key=f"{scope.view.chain}:{values['depositId']}",
        event="FundsDeposited (v3)",
    )


def _deposit_v2(scope: Scope, log: LogEntry, values: dict[str, Any]) -> BridgeLeg:
    token, amount = values["originToken"], values["amount"]
    return scope.leg(
        Side.SOURCE,
        log,
        asset=scope.native() if scope.wrapped_by(token, log.address, amount) else scope.token(token),
        amount=amount,
        wallet=values["depositor"],
        recipient=values["recipient"],
        other_chain=evm(values["destinationChainId"]),
        join_key=f"{scope.view.chain}:{values['depositId']}",
        event="FundsDeposited (v2)",
    )


def _fill(scope: Scope, log: LogEntry, values: dict[str, Any]) -> BridgeLeg:
    updated_recipient, _, updated_amount, _ = values["relayExecutionInfo"]
    promised = values["outputAmount"]
    amount = updated_amount or promised
    recipient = _account(values["recipient"])
    receiver = _account(updated_recipient)
    token = _account(values["outputToken"])
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=_arrived(scope, log, token, amount),
        amount=amount,
        wallet=receiver if receiver != ZERO_ADDRESS else recipient,
        recipient=recipient,
        other_chain=_chain(values["originChainId"]),
        expected_amount=promised,
        join_key=f"{_chain(values['originChainId'])}:{values['depositId']}",
        event="FilledRelay (v3)",
    )


def _fill_v2(scope: Scope, log: LogEntry, values: dict[str, Any]) -> BridgeLeg:
    updated_recipient, _, relayer_fee, _, adjustment = values["updatableRelayData"]
    kept = _PCT - relayer_fee - values["realizedLpFeePct"] + adjustment
    amount = values["fillAmount"] * kept // _PCT
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=_arrived(scope, log, values["destinationToken"], amount),
        amount=amount,
        wallet=updated_recipient if updated_recipient != ZERO_ADDRESS else values["recipient"],
        recipient=values["recipient"],
        other_chain=evm(values["originChainId"]),
        join_key=f"{evm(values['originChainId'])}:{values['depositId']}",
        event="FilledRelay (v2)",
    )


def _refunds(scope: Scope, log: LogEntry, values: dict[str, Any]) -> Iterator[BridgeLeg]:
    for address, amount in zip(values["refundAddresses"], values["refundAmounts"], strict=False):
        if amount:
            yield scope.leg(
                Side.DESTINATION,
                log,
                asset=scope.token(values["l2TokenAddress"]),
                amount=amount,
                wallet=address,
                other_chain=scope.view.chain,
                refund=True,
                event="ExecutedRelayerRefundRoot",
            )


def _arrived(scope: Scope, log: LogEntry, token: str, amount: int) -> str:
    """Plain accounts are paid in coin where the output is the wrapped native token."""
    return scope.native() if scope.unwrapped_by(token, log.address, amount) else scope.token(token)


PROTOCOL = Protocol(
    id="across",
    name="Across",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        SpokePool={
            1: "0x5c7BCd6E7De5423a257D81B442095A1a6ced35C5",
            10: "0x6f26Bf09B1C792e3228e5467807a900A503c0281",
            56: "0x4e8E101924eDE233C13e2D8622DC8aED2872d505",
            130: "0x09aea4b2242abC8bb4BB78D537A67a245A7bEC64",
            137: "0x9295ee1d8C5b022Be115A2AD3c30C72E34e7F096",
            143: "0xd2ecb3afe598b746F8123CaE365a598DA831A449",
            232: "0xb234cA484866c811d0e6D3318866F583781ED045",
            324: "0xE0B015E54d54fc84a6cB9B666099c46adE9335FF",
            480: "0x09aea4b2242abC8bb4BB78D537A67a245A7bEC64",
            999: "0x35E63eA3eb0fb7A3bc543C71FB66412e1F6B0E04",
            1135: "0x9552a0a6624A23B848060AE5901659CDDa1f83f8",
            1868: "0x3baD7AD0728f9917d1Bf08af5782dCbD516cDd96",
            8453: "0x09aea4b2242abC8bb4BB78D537A67a245A7bEC64",
            42161: "0xe35e9842fceaCA96570B734083f4a58e8F7C5f2A",
            34443: "0x3baD7AD0728f9917d1Bf08af5782dCbD516cDd96",
            43114: "0xFE9D541c92E4e90437C7152A00244886dE37a658",
            57073: "0xeF684C38F94F48775959ECf2012D7E864ffb9dd4",
            59144: "0x7E63A5f1a8F0B4d0934B2f2327DAED3F6bb2ee75",
            81457: "0x2D509190Ed0172ba588407D4c2df918F955Cc6E1",
            534352: "0x3baD7AD0728f9917d1Bf08af5782dCbD516cDd96",
        }
    ),
    events={
        _POOL: (V3_DEPOSITED, DEPOSITED, V2_DEPOSITED, V3_FILLED, FILLED, V2_FILLED, REFUNDED, REFUNDED_OLD)
    },
    decode=decode,
    deposit=Window(usual=4 * 3_600, fee_ppm=20_000),
    aliases=("across-v2", "across-v3"),
)
