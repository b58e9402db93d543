// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Tokens that move balances otherwise than their logs say. For tests on a local chain alone.

/// Balances are shares of a pool that its owner sets: a rebase emits nothing. With `tells` the shares can be asked.
contract Rebasing {
    string public constant name = "Staked Coin";
    string public constant symbol = "stCOIN";
    uint8 public constant decimals = 18;
    uint256 public totalSupply;
    uint256 public totalShares;
    bool public immutable tells;
    address public immutable owner;
    mapping(address => uint256) private shares;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(bool tells_) {
        tells = tells_;
        owner = msg.sender;
    }

    function sharesOf(address holder) external view returns (uint256) {
        require(tells, "no shares are told");
        return shares[holder];
    }

    function balanceOf(address holder) public view returns (uint256) {
        return totalShares == 0 ? 0 : shares[holder] * totalSupply / totalShares;
    }

    function mint(address to, uint256 value) external {
        require(msg.sender == owner, "not the owner");
        uint256 part = totalShares == 0 ? value : value * totalShares / totalSupply;
        shares[to] += part;
        totalShares += part;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }

    function rebase(uint256 supply) external {
        require(msg.sender == owner, "not the owner");
        totalSupply = supply;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        uint256 part = value * totalShares / totalSupply;
        shares[msg.sender] -= part;
        shares[to] += part;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

/// Credits one per cent less than its Transfer log says, and mints without any log.
contract Crooked {
    string public constant name = "Crooked Token";
    string public constant symbol = "CRK";
    uint8 public constant decimals = 18;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }

    function mintInSilence(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value - value / 100;
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

/// The two functions of Multicall3 that are used, with its interface (https://www.multicall3.com).
contract Aggregator {
    struct Call {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    function aggregate3(Call[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            (bool success, bytes memory data) = calls[i].target.call(calls[i].callData);
            require(success || calls[i].allowFailure, "a call failed");
            results[i] = Result(success, data);
        }
    }

    function getEthBalance(address holder) external view returns (uint256) {
        return holder.balance;
    }
}

/// Sends coins from inside a call to several recipients, some by way of a second contract.
contract Splitter {
    function pay(address payable[] calldata to, uint256[] calldata value) external payable {
        for (uint256 i = 0; i < to.length; i++) {
            (bool success,) = to[i].call{value: value[i]}("");
            require(success, "not taken");
        }
    }

    /// Pays inside a frame that is reverted, and goes on as if nothing had happened.
    function payInVain(address payable to, uint256 value) external payable {
        try this.payAndFail(to, value) {} catch {}
    }

    function payAndFail(address payable to, uint256 value) external {
        (bool success,) = to.call{value: value}("");
        require(!success, "always fails");
    }

    receive() external payable {}
}
