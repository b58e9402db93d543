// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// OpenZeppelin's own ERC-4626 vault and nothing more. For tests.
contract TestVault is ERC4626 {
    constructor(IERC20 asset_) ERC4626(asset_) ERC20("Test vault", "TV") {}
}
