"""python -m tests.reliability [NAME...] [--share S] [--seed N] [--out FILE.md] [--resume | --compare]

Runs the harnesses anew and says which figures are not as the report has them. Then it writes them into the report,
after each harness; what other harnesses have there stays. With `--compare` it writes nothing. With `--resume` it goes
on where it was stopped: a harness that ran at this commit on this machine is not run again.

Ends with 1 where anything was not right.
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tests.reliability as here
from tests.reliability import figures
from tests.reliability.outcome import Harness, without_places
from tests.reliability.report import report


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
    kept, now, wrong = figures.read(asked.out), figures.stamp(), 0
    for name in asked.names or known:
        if asked.resume and figures.is_done(kept.get(name), asked.share, asked.seed, now):
            continue
        found = now | _outcomes_of(name, known[name], asked.share, asked.seed)
        for line in figures.differences(kept.get(name), found):
            print(f"  not as in the report: {line}", file=sys.stderr, flush=True)
        wrong += sum(each["tried"] - each["right"] for each in found["outcomes"])
        if not asked.compare:
            kept[name] = found
            kept = {each: kept[each] for each in known if each in kept}
            figures.write(asked.out, kept)
            asked.out.write_text(report(kept, [each for each in known if each not in kept]))
    return int(wrong > 0)


def _arguments(known: list[str]) -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}  [default: all]")
    parser.add_argument("--share", type=float, default=1.0, help="of all the tries there are  [default: 1]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/reliability.md"))
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true", help="leave out what ran at this commit on this machine")
    way.add_argument("--compare", action="store_true", help="write nothing")
    asked = parser.parse_args()
    if strange := set(asked.names) - set(known):
        parser.error(f"no such harness: {', '.join(sorted(strange))}; there are: {', '.join(known)}")
    return asked


def _outcomes_of(name: str, harness: Harness, share: float, seed: int) -> dict[str, Any]:
    print(f"{name} …", file=sys.stderr, flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"studio-{name}-") as folder:
        outcomes = harness(share, Path(folder), seed)
    for outcome in outcomes:
        print(f"  {outcome.fault}: {outcome.right} of {outcome.tried} right", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - begun)
    return {
        "share": share,
        "seed": seed,
        "seconds": seconds,
        "outcomes": [asdict(without_places(each)) for each in outcomes],
    }


if __name__ == "__main__":
    sys.exit(main())
