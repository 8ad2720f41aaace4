"""python -m tests.reliability [NAME...] [--share S] [--seed N] [--out FILE.md] [--resume]

Ends with 1 where anything was not right. The outcomes are kept beside the report after each harness, so that a run
that was stopped goes on with `--resume`.
"""

import argparse
import importlib
import json
import pkgutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tests.reliability as here
from tests.reliability.outcome import Harness
from tests.reliability.report import machine, report


def harnesses() -> dict[str, Harness]:
    """Every harness that a module here offers, by name."""
    found: dict[str, Harness] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(here.__path__)):
        if module == "__main__" or module.startswith("test_"):
            continue
        offered = getattr(importlib.import_module(f"{here.__name__}.{module}"), "HARNESSES", {})
        if twice := found.keys() & offered.keys():
            raise ValueError(f"{module} offers a harness that another module has: {', '.join(twice)}")
        found |= offered
    return found


def main() -> int:
    known = harnesses()
    asked = _arguments(list(known))
    kept, here_and_now = asked.out.with_suffix(".json"), machine()
    done = _kept_outcomes(kept, here_and_now) if asked.resume else {}
    for name in asked.names or known:
        if (done.get(name, {}).get("share"), done.get(name, {}).get("seed")) == (asked.share, asked.seed):
            continue
        done[name] = _outcomes_of(name, known[name], asked.share, asked.seed)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"machine": here_and_now, "done": done}, indent=1) + "\n")
    done = {name: done[name] for name in known if name in done}
    asked.out.write_text(report(done, here_and_now, [name for name in known if name not in done]))
    return int(any(each["right"] != each["tried"] for found in done.values() for each in found["outcomes"]))


def _arguments(known: list[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}  [default: all]")
    parser.add_argument("--share", type=float, default=1.0, help="of all the tries there are  [default: 1]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/reliability.md"))
    parser.add_argument("--resume", action="store_true", help="go on with what is not done")
    asked = parser.parse_args()
    if strange := set(asked.names) - set(known):
        parser.error(f"no such harness: {', '.join(sorted(strange))}; there are: {', '.join(known)}")
    return asked


def _kept_outcomes(kept: Path, here_and_now: str) -> dict[str, Any]:
    """What earlier runs on this machine have done, by harness, each with the share and seed that it had."""
    if not kept.exists():
        return {}
    earlier = json.loads(kept.read_text())
    return dict(earlier["done"]) if earlier["machine"] == here_and_now else {}


def _outcomes_of(name: str, harness: Harness, share: float, seed: int) -> dict[str, Any]:
    print(f"{name} …", file=sys.stderr, flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"studio-{name}-") as folder:
        outcomes = harness(share, Path(folder), seed)
    for outcome in outcomes:
        print(f"  {outcome.fault}: {outcome.right} of {outcome.tried} right", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - begun)
    return {"share": share, "seed": seed, "seconds": seconds, "outcomes": [asdict(each) for each in outcomes]}


if __name__ == "__main__":
    sys.exit(main())
