// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A dollar feed with Chainlink's reading interface, written by whoever asks. For tests.
contract TestFeed {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    uint80 public latestRound;
    mapping(uint80 => Round) private rounds;

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function report(int256 answer) external {
        latestRound += 1;
        rounds[latestRound] = Round(answer, block.timestamp);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = rounds[latestRound];
        return (latestRound, round.answer, round.updatedAt, round.updatedAt, latestRound);
    }
}
