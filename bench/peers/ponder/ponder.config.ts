// One ERC-20 on the benchmark's chain: all of its transfers, or those of the watched addresses alone.
import { readFileSync } from "node:fs";
import { createConfig } from "ponder";
import { http } from "viem";
import { transferAbi } from "./abi";

const chain = JSON.parse(readFileSync(process.env.BENCH_META!, "utf8"));
const watched = process.env.BENCH_WATCHED ? chain.holders.slice(0, 100) : undefined;
const filter = watched && [
  { event: "Transfer", args: { from: watched } },
  { event: "Transfer", args: { to: watched } },
];

export default createConfig({
  database: { kind: "postgres", connectionString: process.env.BENCH_DATABASE! },
  networks: {
    bench: {
      chainId: 31337,
      transport: http(process.env.BENCH_RPC!),
      maxRequestsPerSecond: 5000,
    },
  },
  contracts: {
    Token: {
      abi: transferAbi,
      network: "bench",
      address: chain.token,
      startBlock: 0,
      ...(filter ? { filter: filter as any } : {}),
    },
  },
});
