// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// What the simulation deploys. Each contract moves value in one way that a collector may get wrong; none is for use
// on a public chain.

/// An ERC-20 that keeps one percent of every transfer for its collector and says so in a second Transfer log.
contract FeeToken {
    string public constant name = "Toll";
    string public constant symbol = "TOLL";
    uint8 public constant decimals = 9;
    address public immutable collector;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor() {
        collector = msg.sender;
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        uint256 toll = value / 100;
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value - toll;
        emit Transfer(msg.sender, to, value - toll);
        balanceOf[collector] += toll;
        emit Transfer(msg.sender, collector, toll);
        return true;
    }
}

/// ERC-721 without approvals.
contract Tickets {
    string public constant name = "Tickets";
    string public constant symbol = "TCKT";
    mapping(uint256 => address) public ownerOf;
    uint256 public issued;

    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    function issue(address to) external {
        ownerOf[++issued] = to;
        emit Transfer(address(0), to, issued);
    }

    function transferFrom(address from, address to, uint256 id) external {
        require(ownerOf[id] == from && from == msg.sender, "not yours");
        ownerOf[id] = to;
        emit Transfer(from, to, id);
    }
}

/// ERC-1155 without approvals and callbacks.
contract Goods {
    mapping(address => mapping(uint256 => uint256)) public balanceOf;

    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);
    event TransferBatch(
        address indexed operator,
        address indexed from,
        address indexed to,
        uint256[] ids,
        uint256[] values
    );

    function stock(address to, uint256 id, uint256 value) external {
        balanceOf[to][id] += value;
        emit TransferSingle(msg.sender, address(0), to, id, value);
    }

    function send(address to, uint256 id, uint256 value) external {
        _move(to, id, value);
        emit TransferSingle(msg.sender, msg.sender, to, id, value);
    }

    function sendBatch(address to, uint256[] calldata ids, uint256[] calldata values) external {
        for (uint256 i = 0; i < ids.length; i++) {
            _move(to, ids[i], values[i]);
        }
        emit TransferBatch(msg.sender, msg.sender, to, ids, values);
    }

    function _move(address to, uint256 id, uint256 value) private {
        balanceOf[msg.sender][id] -= value;
        balanceOf[to][id] += value;
    }
}

/// Hands its whole balance to someone when it is created.
contract Firework {
    constructor(address payable heir) payable {
        selfdestruct(heir);
    }
}

/// Passes coins on inside the transaction, in every frame that a trace can show.
contract Hub {
    /// Equal parts, one call each; equal calls within one transaction differ by their order alone.
    function split(address payable[] calldata to) external payable {
        uint256 part = msg.value / to.length;
        for (uint256 i = 0; i < to.length; i++) {
            _pay(to[i], part);
        }
    }

    /// Half goes out in a frame that is undone, a quarter in one that stays.
    function waver(address payable to) external payable {
        try this.payAndFail{value: msg.value / 2}(to) {} catch {}
        _pay(to, msg.value / 4);
    }

    function payAndFail(address payable to) external payable {
        _pay(to, msg.value);
        revert("undone");
    }

    /// CREATE with value, then SELFDESTRUCT in the new contract's constructor.
    function burst(address payable heir) external payable {
        new Firework{value: msg.value}(heir);
    }

    /// Two levels deep and back to whoever sent it.
    function bounce() external payable {
        this.passOn{value: msg.value}(payable(msg.sender));
    }

    function passOn(address payable to) external payable {
        _pay(to, msg.value);
    }

    function _pay(address payable to, uint256 value) private {
        (bool done, ) = to.call{value: value}("");
        require(done, "not taken");
    }

    receive() external payable {}
}
