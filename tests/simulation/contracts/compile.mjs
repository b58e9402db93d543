// Compiles a Solidity file into one artifact beside it. Run by hand when a contract changes:
//   npm install --prefix DIR solc@0.8.30
//   NODE_PATH=DIR/node_modules node tests/simulation/contracts/compile.mjs tests/simulation/contracts/Playground.sol
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import process from "node:process";

const solc = createRequire(import.meta.url)("solc");
const path = process.argv[2];
const name = basename(path);
const source = readFileSync(path, "utf8");
const settings = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  // no source hash behind the code, so that a comment never changes the bytecode
  metadata: { bytecodeHash: "none", appendCBOR: false },
};
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { [name]: { content: source } },
      settings: { ...settings, outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
    }),
  ),
);
const faults = (output.errors ?? []).filter((each) => each.severity === "error");
for (const fault of faults) process.stderr.write(`${fault.formattedMessage}\n`);
if (faults.length) process.exit(1);
const bytecode = Object.fromEntries(
  Object.entries(output.contracts[name]).map(([each, { evm }]) => [each, `0x${evm.bytecode.object}`]),
);
const artifact = {
  sourceSha256: createHash("sha256").update(source).digest("hex"),
  compiler: { name: "solc", version: solc.version(), settings },
  bytecode,
};
writeFileSync(path.replace(/\.sol$/, ".json"), `${JSON.stringify(artifact, null, 1)}\n`);
