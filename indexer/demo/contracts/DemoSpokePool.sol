// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface IERC20 {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IWrappedNative is IERC20 {
    function deposit() external payable;
    function withdraw(uint256 value) external;
}

/// One end of an intent bridge that speaks the events of Across v3 (FundsDeposited and FilledRelay with bytes32
/// addresses, ExecutedRelayerRefundRoot): a depositor locks the input token here, a relayer pays the output token on the other chain.
/// The keeper pays relayers back and refunds expired deposits in batches, without the proofs that Across asks of it.
/// Written for the demo from the published event signatures; not the Across contracts, not for a public chain.
contract DemoSpokePool {
    enum FillType {
        FastFill,
        ReplacedSlowFill,
        SlowFill
    }

    struct RelayData {
        bytes32 depositor;
        bytes32 recipient;
        bytes32 exclusiveRelayer;
        bytes32 inputToken;
        bytes32 outputToken;
        uint256 inputAmount;
        uint256 outputAmount;
        uint256 originChainId;
        uint256 depositId;
        uint32 fillDeadline;
        uint32 exclusivityDeadline;
        bytes message;
    }

    struct RelayExecution {
        bytes32 updatedRecipient;
        bytes32 updatedMessageHash;
        uint256 updatedOutputAmount;
        FillType fillType;
    }

    IWrappedNative public immutable wrappedNative;
    address public immutable keeper;
    uint256 public numberOfDeposits;
    uint32 public numberOfBundles;
    mapping(bytes32 => bool) public filled;

    event FundsDeposited(
        bytes32 inputToken,
        bytes32 outputToken,
        uint256 inputAmount,
        uint256 outputAmount,
        uint256 indexed destinationChainId,
        uint256 indexed depositId,
        uint32 quoteTimestamp,
        uint32 fillDeadline,
        uint32 exclusivityDeadline,
        bytes32 indexed depositor,
        bytes32 recipient,
        bytes32 exclusiveRelayer,
        bytes message
    );

    event FilledRelay(
        bytes32 inputToken,
        bytes32 outputToken,
        uint256 inputAmount,
        uint256 outputAmount,
        uint256 repaymentChainId,
        uint256 indexed originChainId,
        uint256 indexed depositId,
        uint32 fillDeadline,
        uint32 exclusivityDeadline,
        bytes32 exclusiveRelayer,
        bytes32 indexed relayer,
        bytes32 depositor,
        bytes32 recipient,
        bytes32 messageHash,
        RelayExecution relayExecutionInfo
    );

    event ExecutedRelayerRefundRoot(
        uint256 amountToReturn,
        uint256 indexed chainId,
        uint256[] refundAmounts,
        uint32 indexed rootBundleId,
        uint32 indexed leafId,
        address l2TokenAddress,
        address[] refundAddresses,
        bool deferredRefunds,
        address caller
    );

    constructor(IWrappedNative wrappedNative_) {
        wrappedNative = wrappedNative_;
        keeper = msg.sender;
    }

    /// Only the wrapped native token pays in here, when it is unwrapped for a recipient.
    receive() external payable {
        require(msg.sender == address(wrappedNative), "only unwrapping pays in");
    }

    /// Lock `inputAmount`. With value attached the input token is the wrapped native one and is wrapped here.
    function deposit(
        bytes32 depositor,
        bytes32 recipient,
        bytes32 inputToken,
        bytes32 outputToken,
        uint256 inputAmount,
        uint256 outputAmount,
        uint256 destinationChainId,
        bytes32 exclusiveRelayer,
        uint32 quoteTimestamp,
        uint32 fillDeadline,
        uint32 exclusivityDeadline,
        bytes calldata message
    ) external payable {
        if (msg.value > 0) {
            require(_address(inputToken) == address(wrappedNative), "value needs the wrapped native token");
            require(msg.value == inputAmount, "value differs from the amount");
            wrappedNative.deposit{value: msg.value}();
        } else {
            require(
                IERC20(_address(inputToken)).transferFrom(msg.sender, address(this), inputAmount),
                "input token refused"
            );
        }
        emit FundsDeposited(
            inputToken,
            outputToken,
            inputAmount,
            outputAmount,
            destinationChainId,
            numberOfDeposits++,
            quoteTimestamp,
            fillDeadline,
            exclusivityDeadline,
            depositor,
            recipient,
            exclusiveRelayer,
            message
        );
    }

    /// Pay a deposit of another chain out of the caller's pocket, once and before its deadline. A wrapped
    /// native output reaches a plain account as the native coin.
    function fillRelay(RelayData calldata relay, uint256 repaymentChainId, bytes32 repaymentAddress) external {
        require(block.timestamp <= relay.fillDeadline, "deposit expired");
        bytes32 relayHash = keccak256(abi.encode(relay, block.chainid));
        require(!filled[relayHash], "already filled");
        filled[relayHash] = true;
        _pay(_address(relay.outputToken), _address(relay.recipient), relay.outputAmount);
        bytes32 messageHash = relay.message.length == 0 ? bytes32(0) : keccak256(relay.message);
        emit FilledRelay(
            relay.inputToken,
            relay.outputToken,
            relay.inputAmount,
            relay.outputAmount,
            repaymentChainId,
            relay.originChainId,
            relay.depositId,
            relay.fillDeadline,
            relay.exclusivityDeadline,
            relay.exclusiveRelayer,
            repaymentAddress,
            relay.depositor,
            relay.recipient,
            messageHash,
            RelayExecution(relay.recipient, messageHash, relay.outputAmount, FillType.FastFill)
        );
    }

    /// Pay one token out to many: relayers for their fills, depositors for deposits that nobody filled in time.
    function executeRefunds(address token, address[] calldata to, uint256[] calldata amounts) external {
        require(msg.sender == keeper, "only the keeper");
        require(to.length == amounts.length, "lengths differ");
        for (uint256 i = 0; i < to.length; i++) {
            require(IERC20(token).transfer(to[i], amounts[i]), "refund refused");
        }
        emit ExecutedRelayerRefundRoot(
            0, block.chainid, amounts, numberOfBundles++, 0, token, to, false, msg.sender
        );
    }

    function _pay(address token, address to, uint256 value) private {
        if (token == address(wrappedNative) && to.code.length == 0) {
            require(wrappedNative.transferFrom(msg.sender, address(this), value), "output token refused");
            wrappedNative.withdraw(value);
            (bool sent, ) = payable(to).call{value: value}("");
            require(sent, "recipient refused the native coin");
        } else {
            require(IERC20(token).transferFrom(msg.sender, to, value), "output token refused");
        }
    }

    function _address(bytes32 word) private pure returns (address) {
        require(uint256(word) >> 160 == 0, "not an address of this family");
        return address(uint160(uint256(word)));
    }
}
