// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A staked coin that only knows its rate, as wstETH tells it. For tests.
contract TestStaked {
    uint256 public stEthPerToken;

    function accrue(uint256 rate) external {
        stEthPerToken = rate;
    }
}
