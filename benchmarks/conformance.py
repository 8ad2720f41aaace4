"""Compare λ-Studio with the official λ-ECLIPSE repository and with diffusers, on the same random weights.

    git clone https://github.com/eclipse-t2i/lambda-eclipse-inference
    python benchmarks/conformance.py lambda-eclipse-inference

The checkout's code is run, and nothing of it is shipped here. The exit code is 1 if a difference is above its limit.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import transformers
from conformity.comparisons import ALL
from conformity.official import require_checkout
from conformity.row import Row


def main() -> int:
    """Run the comparisons and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="a checkout of eclipse-t2i/lambda-eclipse-inference")
    parser.add_argument("--only", choices=list(ALL), action="append", help="one comparison; repeat it for more")
    parser.add_argument("--out", type=Path, help="also write the table as JSON")
    asked = parser.parse_args()
    require_checkout(asked.checkout)
    transformers.utils.logging.disable_progress_bar()
    rows: list[Row] = []
    print("| ours | compared with | cases | equal to the last bit | largest difference | limit |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        for name in asked.only or ALL:
            for row in ALL[name](asked.checkout.absolute(), Path(work)):
                rows.append(row)
                print(line(row), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    wrong = [row.name for row in rows if not row.passes]
    print(f"Above the limit: {', '.join(wrong)}" if wrong else "All within their limits.")
    return 1 if wrong else 0


def line(row: Row) -> str:
    """Return a row of the table."""
    return f"| {row.name} | {row.against} | {row.cases} | {row.equal} | {row.largest:.1e} | {row.limit:.0e} |"


if __name__ == "__main__":
    raise SystemExit(main())
