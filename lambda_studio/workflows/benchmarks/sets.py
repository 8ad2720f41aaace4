"""How far a folder of drawn pictures is from a folder of real ones: FID, KID and CMMD."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lambda_studio.bundles.layouts.files.kinds import is_picture
from lambda_studio.bundles.layouts.files.tree import natural
from lambda_studio.config import require
from lambda_studio.evaluation.measures import Distance
from lambda_studio.evaluation.metrics import DISTANCES, Metrics
from lambda_studio.evaluation.sets.distances import LARGEST_SUBSET
from lambda_studio.progress import Advance
from lambda_studio.workflows.answers.benchmarks import MetricOfSets, SetDistances
from lambda_studio.workflows.workplace import Workplace

BATCH = 32
FEWEST = 2
STACKS_CLIP = "the stack's CLIP"


def measure_sets(
    place: Workplace, drawn: Path, real: Path, names: Sequence[str], places: Mapping[str, str]
) -> SetDistances:
    """Return how far the pictures in a folder, and below it, are from those of another, by each metric.

    Args:
        names: metrics of `DISTANCES`.
        places: folders or files of weights, by the network's name.

    Raises InvalidSetting for an unknown metric and for a folder with fewer than two pictures; ImageRefused;
    ModelFilesMissing and ModelFilesInvalid.
    """
    unknown = [name for name in names if name not in DISTANCES]
    cause = f"There is no metric {unknown[0]!r} of sets." if unknown else "No metric is named."
    require(bool(names) and not unknown, cause, f"Give some of: {', '.join(DISTANCES)}.", "metrics")
    found = Metrics(place.stack, places)
    found.require(places)
    metrics = {name: found.distance(name) for name in dict.fromkeys(names)}
    networks = {DISTANCES[name]: metric for name, metric in metrics.items()}  # FID and KID have the same features
    paths = [_pictures_below(folder) for folder in (drawn, real)]
    with place.progress("Reading pictures", sum(map(len, paths))) as advance:
        sets = [_features(place, networks, each, advance) for each in paths]
    prints = found.fingerprints(names)
    if None in networks:
        prints[STACKS_CLIP] = place.stack.clip(("vision",)).fingerprint
    values = {}
    for name, metric in metrics.items():
        pair = [each[DISTANCES[name]] for each in sets]
        network = DISTANCES[name] or STACKS_CLIP
        values[name] = MetricOfSets(metric.distance(*pair), network, prints[network], _note(name, *pair))
    return SetDistances(drawn, real, len(paths[0]), len(paths[1]), values)


def _pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and its subfolders. Raises InvalidSetting."""
    require(folder.is_dir(), f"There is no folder {folder}.", "Give a folder of pictures.")
    found = sorted((each for each in folder.rglob("*") if _counts(each, folder)), key=lambda each: natural(str(each)))
    cause = f"{folder} and its subfolders have {len(found)} picture{'s' * (len(found) != 1)}."
    require(len(found) >= FEWEST, cause, "A distance of sets needs two of each, and means little for few.")
    return found


def _counts(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return is_picture(path) and not hidden and path.is_file()


def _features(
    place: Workplace, networks: Mapping[str | None, Distance], paths: Sequence[Path], advance: Advance
) -> dict[str | None, Tensor]:
    """Return the features of all pictures, `image dim`, by the network's name."""
    parts: dict[str | None, list[Tensor]] = {network: [] for network in networks}
    for images in _opened(place, paths):
        for network, metric in networks.items():
            parts[network].append(metric.embed(images))
        advance(len(images))
    return {network: torch.cat(each) for network, each in parts.items()}


def _opened(place: Workplace, paths: Sequence[Path]) -> Iterator[list[Image.Image]]:
    for start in range(0, len(paths), BATCH):
        yield [place.door.photo(path).image for path in paths[start : start + BATCH]]


def _note(name: str, drawn: Tensor, real: Tensor) -> str:
    """Return why a metric of so few pictures must be read with care, or nothing."""
    fewest, width = min(len(drawn), len(real)), drawn.shape[1]
    if name == "fid":
        rank = f"too high: {fewest:,} pictures give {width:,} features no covariance of full rank"
        return rank if fewest <= width else ""
    if fewest >= LARGEST_SUBSET:
        return ""
    if name == "kid":
        return f"of subsets of {fewest:,} pictures; published ones have {LARGEST_SUBSET:,}"
    return "too high for few pictures: two halves of one set have a distance, too"
