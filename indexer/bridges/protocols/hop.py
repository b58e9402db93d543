"""Hop: bonders pay out ahead of the rollup's exit. From a layer 2 the transfer has an id; from Ethereum it has none,
there the key is what both events repeat.

Source: hop-protocol/contracts (L1_Bridge, L2_Bridge, L2_AmmWrapper).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event, selector
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, evm
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

SENT_TO_L2 = event(
    "TransferSentToL2(uint256 indexed chainId, address indexed recipient, uint256 amount, uint256 amountOutMin, "
    "uint256 deadline, address indexed relayer, uint256 relayerFee)"
)
SENT = event(
    "TransferSent(bytes32 indexed transferId, uint256 indexed chainId, address indexed recipient, uint256 amount, "
    "bytes32 transferNonce, uint256 bonderFee, uint256 index, uint256 amountOutMin, uint256 deadline)"
)
COMPLETED = event(
    "TransferFromL1Completed(address indexed recipient, uint256 amount, uint256 amountOutMin, uint256 deadline, "
    "address indexed relayer, uint256 relayerFee)"
)
BONDED = event("WithdrawalBonded(bytes32 indexed transferId, uint256 amount)")
WITHDREW = event(
    "Withdrew(bytes32 indexed transferId, address indexed recipient, uint256 amount, bytes32 transferNonce)"
)

_BRIDGE = "bridge"
_BOND_CALLS = frozenset(
    {
        selector("bondWithdrawal(address,uint256,bytes32,uint256)"),
        selector("bondWithdrawalAndDistribute(address,uint256,bytes32,uint256,uint256,uint256)"),
    }
)
_SAME = ("recipient", "amount", "amountOutMin", "deadline", "relayer", "relayerFee")
_HOME = "eip155:1"


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Sends of both kinds, then the three kinds of arrival."""
    for log, values in scope.logs(SENT_TO_L2, _BRIDGE):
        yield _send(scope, log, values, _derived(evm(values["chainId"]), values), derived=True)
    for log, values in scope.logs(SENT, _BRIDGE):
        yield _send(scope, log, values, values["transferId"].hex(), derived=False)
    for log, values in scope.logs(COMPLETED, _BRIDGE):
        key = _derived(scope.view.chain, values)
        yield _arrive(scope, log, values["recipient"], values["amount"], key, origin=_HOME, derived=True)
    for log, values in scope.logs(BONDED, _BRIDGE):
        recipient, fee = _bonded_to(scope)
        if recipient is not None:
            yield _arrive(scope, log, recipient, values["amount"] - fee, values["transferId"].hex())
    for log, values in scope.logs(WITHDREW, _BRIDGE):
        yield _arrive(scope, log, values["recipient"], values["amount"], values["transferId"].hex())


def _send(scope: Scope, log: LogEntry, values: dict[str, Any], key: str, *, derived: bool) -> BridgeLeg:
    # the event counts hTokens; what the sender gave may have been swapped into them
    asset, amount = scope.paid() or (scope.token(log.address), values["amount"])
    return scope.leg(
        Side.SOURCE,
        log,
        asset=asset,
        amount=amount,
        wallet=scope.view.sender,
        recipient=values["recipient"],
        other_chain=evm(values["chainId"]),
        join_key=key,
        derived=derived,
        event="TransferSent",
    )


def _arrive(
    scope: Scope,
    log: LogEntry,
    recipient: str,
    amount: int,
    key: str,
    *,
    origin: str | None = None,
    derived: bool = False,
) -> BridgeLeg:
    came = scope.received(recipient)
    if came is None:  # Ethereum pays coin without a log
        came = (scope.native(), amount)
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=came[0],
        amount=came[1],
        wallet=recipient,
        other_chain=origin,
        join_key=key,
        derived=derived,
        event="WithdrawalBonded" if origin is None else "TransferFromL1Completed",
    )


def _bonded_to(scope: Scope) -> tuple[str | None, int]:
    """Recipient and bonder fee of a bonded withdrawal: only the call names them."""
    call = scope.view.input
    if call[:4] not in _BOND_CALLS or len(call) < 4 + 4 * 32:
        return None, 0
    return f"0x{call[16:36].hex()}", int.from_bytes(call[100:132], "big")


def _derived(target: str, values: dict[str, Any]) -> str:
    return ":".join([target, *(str(values[name]) for name in _SAME)])


PROTOCOL = Protocol(
    id="hop",
    name="Hop",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        bridge={
            1: (
                "0xb8901acB165ed027E32754E0FFe830802919727f",
                "0x3666f603Cc164936C1b87e207F36BEBa4AC5f18a",
                "0x3E4a3a4796d16c0Cd582C382691998f7c06420B6",
                "0x3d4Cc8A61c7528Fd86C55cfe061a78dCBA48EDd1",
                "0x22B1Cbb8D98a01a3B71D034BB899775A76Eb1cc2",
                "0x914f986a44AcB623A277d6Bd17368171FCbe4273",
                "0x87269B23e73305117D0404557bAdc459CEd0dbEc",
                "0xf074540eb83c86211F305E145eB31743E228E57d",
            ),
            10: (
                "0x83f6244Bd87662118d96D9a6D44f09dffF14b30E",
                "0xa81D244A1814468C734E5b4101F7b9c0c577a8fC",
                "0x46ae9BaB8CEA96610807a275EBD36f8e916b5C61",
                "0x7191061D5d4C60f598214cC6913502184BAddf18",
                "0x03D7f750777eC48d39D080b020D83Eb2CB4e3547",
                "0xA0075E8cE43dcB9970cB7709b9526c1232cc39c2",
            ),
            100: (
                "0xD8926c12C0B2E5Cd40cFdA49eCaFf40252Af491B",
                "0x25D8039bB044dC227f741a9e381CA4cEAE2E6aE8",
                "0x0460352b91D7CF42B0E1C1c30f06B602D9ef2238",
                "0xFD5a186A7e8453Eb867A360526c5d987A00ACaC2",
                "0x7ac71c29fEdF94BAc5A5C9aB76E1Dd12Ea885CCC",
                "0x6F03052743CD99ce1b29265E377e320CD24Eb632",
            ),
            137: (
                "0xb98454270065A31D71Bf635F6F7Ee6A518dFb849",
                "0x25D8039bB044dC227f741a9e381CA4cEAE2E6aE8",
                "0x6c9a1ACF73bd85463A46B0AFc076FBdf602b690B",
                "0xEcf268Be00308980B5b3fcd0975D47C4C8e1382a",
                "0x553bC791D746767166fA3888432038193cEED5E2",
                "0x58c61AeE5eD3D748a1467085ED2650B697A66234",
            ),
            8453: (
                "0x3666f603Cc164936C1b87e207F36BEBa4AC5f18a",
                "0x46ae9BaB8CEA96610807a275EBD36f8e916b5C61",
            ),
            42161: (
                "0x3749C4f034022c39ecafFaBA182555d4508caCCC",
                "0x0e0E3d2C5c292161999474247956EF542caBF8dd",
                "0x72209Fe68386b37A40d6bCA04f78356fd342491f",
                "0x7aC115536FE3A185100B2c4DE4cb328bf3A58Ba6",
                "0x25FB92E505F752F730cAD0Bd4fa17ecE4A384266",
                "0xc315239cFb05F1E130E7E28E603CEa4C014c57f0",
                "0xEa5abf2C909169823d939de377Ef2Bf897A6CE98",
            ),
        }
    ),
    events={_BRIDGE: (SENT_TO_L2, SENT, COMPLETED, BONDED, WITHDREW)},
    decode=decode,
    deposit=Window(usual=4 * 3_600, fee_ppm=20_000),
)
