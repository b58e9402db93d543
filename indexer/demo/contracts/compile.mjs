// Compiles the demo's contracts into artifacts/ beside them. Run by hand when a contract changes (docs/demo.md):
//   npm install --prefix DIR solc@0.8.30 && NODE_PATH=DIR/node_modules node indexer/demo/contracts/compile.mjs
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");
const names = ["DemoToken", "DemoSpokePool"];
const settings = {
  // Paris: the bytecode then also runs under older rules than the local node's default
  evmVersion: "paris",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  // no source hash behind the code, so that a comment never changes the bytecode
  metadata: { bytecodeHash: "none", appendCBOR: false },
};
const source = (name) => readFileSync(join(here, `${name}.sol`), "utf8");
const input = {
  language: "Solidity",
  sources: Object.fromEntries(
    names.map((name) => [`${name}.sol`, { content: source(name) }]),
  ),
  settings: { ...settings, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const problem of output.errors ?? []) {
  process.stderr.write(`${problem.formattedMessage}\n`);
}
if (output.errors?.length) {
  process.exit(1);
}
mkdirSync(join(here, "artifacts"), { recursive: true });
for (const name of names) {
  const { abi, evm } = output.contracts[`${name}.sol`][name];
  const artifact = {
    contractName: name,
    // a test compares this with the source beside it
    sourceSha256: createHash("sha256").update(source(name)).digest("hex"),
    compiler: { name: "solc", version: solc.version(), settings },
    abi,
    bytecode: `0x${evm.bytecode.object}`,
  };
  writeFileSync(join(here, "artifacts", `${name}.json`), `${JSON.stringify(artifact, null, 1)}\n`);
}
