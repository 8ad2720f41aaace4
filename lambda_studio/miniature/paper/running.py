"""Measure claims over seeds, and write what was found. Stopped work goes on with the next seed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from concepts.durable import make_folder, read_small, staged_file
from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.formats import parse_json
from lambda_studio.miniature.paper import claims, counts, players, trained_claims, tuned_claims
from lambda_studio.miniature.paper.claim import Claim, Job, OfSeed, Result
from lambda_studio.miniature.paper.page import chart, command_of, text_of
from lambda_studio.models.files.locating import fingerprint
from lambda_studio.models.stacks.specification import WEIGHTS
from lambda_studio.progress import Progress, silent

CLAIMS = (*counts.COUNTED, *claims.CLAIMS, *tuned_claims.TUNED, *trained_claims.TRAINED)
"""All claims: those that are counted, those of the package's weights, those that fine-tune, those that train priors."""
ABOUT = "evaluation.json"
"""The file of an evaluation of a benchmark, whose folder is no folder of claims."""
TRAINED = "trained"
"""The folder of the priors that claims have trained. It can be deleted."""
LARGEST = 2**20
MOST_PICTURES = 1000


@dataclass(frozen=True)
class Written:
    """A claim's verdict and files."""

    key: str
    title: str
    verdict: str
    checked: tuple[str, ...]
    table: Mapping[str, Mapping[str, str]]
    """The mean over the seeds, with the standard deviation of several, by way and column."""
    columns: Mapping[str, str]
    """What each column is, with its unit."""
    by_seed: Mapping[str, OfSeed]
    """The values of each seed."""
    measured: tuple[str, ...]
    """The days on which the seeds were measured."""
    weights: str
    """The fingerprint of the miniature's weights."""
    command: str
    text: Path
    chart: Path
    values: Path
    counted: bool = False


def run_claims(
    keys: Sequence[str], out: Path, seeds: int = 3, pictures: int = 24, progress: Progress = silent
) -> list[Written]:
    """Measure the claims of these keys (none: all) into the folder `out`, and return their verdicts.

    A seed that `out` has already is not measured again. Raises InvalidSetting, also for a folder that has measurements
    of another size, of other weights or in another way, or other files.
    """
    known = {claim.key: claim for claim in CLAIMS}
    wrong = next((key for key in keys if key not in known), None)
    require(wrong is None, f"There is no claim {wrong}.", f"Known are: {', '.join(known)}, all.")
    require(1 <= seeds <= 100, f"seeds is {seeds}.", "Give 1 to 100.", "seeds")
    require(2 <= pictures <= MOST_PICTURES, f"pictures is {pictures}.", f"Give 2 to {MOST_PICTURES}.", "pictures")
    _require_own(out, keys or list(known), known, pictures)
    make_folder(out)
    found = []
    for key in keys or known:
        claim = known[key]
        own = (1,) if claim.counted else tuple(range(1, seeds + 1))
        days, by_seed = zip(*(_seed(claim, seed, pictures, out, progress) for seed in own), strict=True)
        found.append(_write(Result(claim, own, pictures, by_seed), tuple(sorted(set(days))), out))
    return found


def _require_own(out: Path, keys: Sequence[str], known: Mapping[str, Claim], pictures: int) -> None:
    """Raise InvalidSetting unless a folder is new, or has measurements of this size, these weights and this way."""
    there = sorted(path for path in out.iterdir() if path.name != TRAINED) if out.is_dir() else []
    own = [path for path in there if any(path.name.startswith(f"{key}-seed-") for key in known)]
    cause = f"{out} has other files."
    require((bool(own) or not there) and out / ABOUT not in there, cause, "Give a new folder with out.", "out")
    for path in own:
        key = path.name.partition("-seed-")[0]
        if key not in keys:
            continue
        said, _ = _read(path)
        cause = f"{out} has measurements with {said.get('pictures')} pictures, and now it is {pictures}."
        remedy = "Give a new folder with out, or the same number to go on."
        require(said.get("pictures") == pictures, cause, remedy, "out", "pictures")
        cause = f"{out} has measurements of other weights of the miniature."
        require(said.get("weights") == weights(), cause, "Give a new folder with out.", "out")
        cause = f"In {out}, {key} was measured in another way by an earlier λ-Studio."
        remedy = f"Give a new folder with out, or move {key}-seed-* away."
        require(said.get("way") == _way(known[key]), cause, remedy, "out")


def _way(claim: Claim) -> dict[str, object]:
    """Return what a claim's values depend on, beside seed, pictures and weights, as far as it is told."""
    return {"here": claim.here, "ways": list(claim.ways), "denoising_steps": players.STEPS}


def _read(path: Path) -> tuple[Mapping[str, object], OfSeed]:
    try:
        said = parse_json(read_small(path, LARGEST))
        values = {way: {name: float(value) for name, value in row.items()} for way, row in said["values"].items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidSetting(f"{path} is no measurement ({error}).", "Remove it, or give a new folder.") from error
    return said, values


def _seed(claim: Claim, seed: int, pictures: int, out: Path, progress: Progress) -> tuple[str, OfSeed]:
    """Return the day of the measurement and its values."""
    path = out / f"{claim.key}-seed-{seed}.json"
    if path.is_file():
        said, values = _read(path)
        return str(said.get("date")), values
    values = claim.measure(Job(seed, pictures, out / TRAINED, progress))
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    facts = {"claim": claim.key, "seed": seed, "pictures": pictures, "weights": weights(), "way": _way(claim)}
    _write_json(path, {**facts, "date": day, "values": values})
    return day, values


def weights() -> str:
    """Return a fingerprint of the miniature's weights."""
    return fingerprint({}, sorted(WEIGHTS.rglob("*.safetensors")))


def _write(result: Result, days: tuple[str, ...], out: Path) -> Written:
    claim = result.claim
    paths = {suffix: out / f"{claim.key}.{suffix}" for suffix in ("md", "svg", "json")}
    checked = tuple(each.text for each in result.checked)
    _write_text(paths["md"], text_of(result, " to ".join(dict.fromkeys((days[0], days[-1])))))
    _write_text(paths["svg"], chart(result))
    table = {way: {column: result.cell(way, column) for column in claim.columns} for way in claim.ways}
    by_seed = {str(seed): values for seed, values in zip(result.seeds, result.by_seed, strict=True)}
    command, own = command_of(result), weights()
    facts: dict[str, object] = {
        "claim": claim.key, "verdict": result.verdict, "checked": checked, "seeds": result.seeds,
        "pictures": result.pictures, "measured": days, "weights": own, "command": command, "values": by_seed,
    }  # fmt: skip
    _write_json(paths["json"], facts)
    return Written(
        claim.key, claim.title, result.verdict, checked, table, claim.columns, by_seed, days, own, command,
        *(paths["md"], paths["svg"], paths["json"]), claim.counted,
    )  # fmt: skip


def _write_json(path: Path, value: object) -> None:
    _write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    with staged_file(path, replace=True) as staged:
        staged.write_text(text, encoding="utf-8")
