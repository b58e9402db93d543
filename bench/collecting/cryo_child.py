"""cryo in a Python of its own: logs of the token to parquet. Prints when it ended, rows and memory."""

import json
import resource
import shutil
import sys
import time
from pathlib import Path


def main() -> None:
    """Freeze all logs of one contract with cryo's own settings for a local node."""
    import cryo  # type: ignore[import-not-found]  # installed in the peers' environment alone
    import pyarrow.parquet as parquet  # type: ignore[import-not-found]  # comes with it

    asked = json.loads(sys.argv[1])
    out = Path(asked["out"])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cryo.freeze(
        "logs",
        blocks=[f"0:{asked['head'] + 1}"],
        rpc=asked["url"],
        output_dir=str(out),
        contract=[asked["token"]],
        chunk_size=1_000,
        inner_request_size=500,
        max_concurrent_requests=16,
        max_concurrent_chunks=4,
        no_verbose=True,
        hex=True,
    )
    ended = time.perf_counter()
    rows = sum(parquet.ParquetFile(file).metadata.num_rows for file in out.glob("*.parquet"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"seconds": ended, "rows": rows, "peak_mb": peak}))


if __name__ == "__main__":
    main()
