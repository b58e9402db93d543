// Compiles the test contracts into artifacts/ beside them. Run by hand when one changes:
//   npm install --prefix DIR solc@0.8.30 @openzeppelin/contracts@5.4.0
//   NODE_PATH=DIR/node_modules node tests/prices/contracts/compile.mjs DIR/node_modules
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = process.argv[2];
const solc = createRequire(import.meta.url)("solc");
const names = ["TestFeed", "TestStaked", "TestVault"];
const settings = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};
const sources = Object.fromEntries(
  names.map((name) => [`${name}.sol`, { content: readFileSync(join(here, `${name}.sol`), "utf8") }]),
);
const find = (path) => ({ contents: readFileSync(join(packages, path), "utf8") });
const output = JSON.parse(
  solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: find }),
);
for (const problem of output.errors ?? []) {
  process.stderr.write(`${problem.formattedMessage}\n`);
}
if ((output.errors ?? []).some((problem) => problem.severity === "error")) {
  process.exit(1);
}
mkdirSync(join(here, "artifacts"), { recursive: true });
for (const name of names) {
  const { evm } = output.contracts[`${name}.sol`][name];
  const artifact = {
    contractName: name,
    compiler: "solc 0.8.30",
    // a test compares this with the source beside it
    sourceSha256: createHash("sha256").update(sources[`${name}.sol`].content).digest("hex"),
    bytecode: `0x${evm.bytecode.object}`,
  };
  writeFileSync(join(here, "artifacts", `${name}.json`), `${JSON.stringify(artifact, null, 2)}\n`);
}
