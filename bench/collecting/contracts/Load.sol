// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// What the benchmark's chain is made of. Not for use on a public chain.

/// An ERC-20 whose holders follow from a number, so that one small call makes hundreds of real transfers.
contract LoadToken {
    string public constant name = "Load";
    string public constant symbol = "LOAD";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function holder(uint256 place) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("holder", place)))));
    }

    function endow(uint256 first, uint256 behind, uint256 value) external {
        for (uint256 place = first; place < behind; place++) {
            balanceOf[holder(place)] += value;
            emit Transfer(address(0), holder(place), value);
        }
    }

    /// `count` transfers between two of `holders` addresses each, chosen by `seed`.
    function shuffle(uint256 seed, uint256 count, uint256 holders) external {
        for (uint256 turn = 0; turn < count; turn++) {
            uint256 dice = uint256(keccak256(abi.encode(seed, turn)));
            address from = holder(uint64(dice) % holders);
            address to = holder(uint64(dice >> 64) % holders);
            uint256 value = 1 + (uint64(dice >> 128) % 1_000_000);
            balanceOf[from] -= value;
            balanceOf[to] += value;
            emit Transfer(from, to, value);
        }
    }
}

/// Native coins in inner calls, some of them in frames that are undone.
contract LoadSplitter {
    function split(address payable[] calldata to) external payable {
        for (uint256 i = 0; i < to.length; i++) {
            _pay(to[i], msg.value / to.length);
        }
    }

    function undoFirst(address payable to) external payable {
        try this.payAndFail{value: msg.value / 2}(to) {} catch {}
        _pay(to, msg.value / 2);
    }

    function payAndFail(address payable to) external payable {
        _pay(to, msg.value);
        revert("undone");
    }

    function _pay(address payable to, uint256 value) private {
        (bool done, ) = to.call{value: value}("");
        require(done, "not taken");
    }

    receive() external payable {}
}
