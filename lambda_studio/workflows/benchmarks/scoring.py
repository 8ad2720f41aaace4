"""Score a benchmark's pictures by its metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image
from torch import Tensor

from concepts.durable import read_small
from lambda_studio.config import BenchmarkConfig
from lambda_studio.errors import ImageRefused
from lambda_studio.evaluation.measures import Composition, Likeness, View
from lambda_studio.evaluation.metrics import Metrics
from lambda_studio.evaluation.networks import DINO_V1, NETWORKS, source_of
from lambda_studio.evaluation.similarity import likeness, likeness_within
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.workflows.benchmarks.comparisons.comparable import OF_STACK, WEIGHTS_OF
from lambda_studio.workflows.benchmarks.results.cells import Wanted
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row, RowWriter
from lambda_studio.workflows.benchmarks.results.scores import Reals
from lambda_studio.workflows.benchmarks.sharing import Share
from lambda_studio.workflows.benchmarks.subjects import Photographs
from lambda_studio.workflows.workplace import Workplace

AUTO = "auto"
AT_ONCE = 32
"""How many pictures are scored before their rows are written."""
LARGEST_PICTURE = 2**28
"""The maximum bytes of a picture that is read."""


@dataclass(frozen=True)
class BenchMetrics:
    """The metrics of a benchmark, and what its protocol calls them."""

    likenesses: tuple[Likeness, ...]
    composition: Composition
    said: Mapping[str, str]
    """What the protocol says of them."""
    weights: Mapping[str, str]
    """The SHA-256 of the weights of each network that is not the stack's."""
    notes: tuple[str, ...] = ()


def metrics_of(place: Workplace, config: BenchmarkConfig) -> BenchMetrics:
    """Return the metrics that are asked for.

    Raises InvalidSetting for an unknown one, ModelFilesMissing for one that is not on this machine and for a given
    folder without weights, ModelFilesInvalid.
    """
    found = Metrics(place.stack, config.places)
    found.require(config.places)
    wished = DINO_V1 if config.dino == AUTO else config.dino
    notes = found.notes([wished]) if config.dino == AUTO else ()
    dinos = () if notes or config.dino == "none" else (found.likeness(wished),)
    end = "" if config.clip == "stack" else f"-{config.clip}"
    likeness, composition = found.likeness(f"clip-i{end}"), found.composition(f"clip-t{end}")
    stacks = f"{OF_STACK} ({place.spec.name})"
    said = {
        "DINO": _told(place, config, wished) if dinos else "none",
        "CLIP": stacks if config.clip == "stack" else _told(place, config, f"clip-{config.clip}"),
    }
    weights = found.fingerprints([each.name for each in (*dinos, likeness, composition)])
    return BenchMetrics((*dinos, likeness), composition, said, weights, notes)


def _told(place: Workplace, config: BenchmarkConfig, network: str) -> str:
    """Return a network's name, and where its weights are from if these are not the published ones."""
    source = source_of(network, place.spec, config.places)
    return network if source.address == NETWORKS[network].repository else f"{network}{WEIGHTS_OF}{source.address}"


class Scorer:
    """Scores pictures with the photographs of their subjects and with their texts."""

    def __init__(self, metrics: BenchMetrics, photographs: Photographs, config: BenchmarkConfig, seed: int | None):
        self._metrics, self._photographs, self._config, self._seed = metrics, photographs, config, seed
        self._references = cache(self._embedded)

    def score(self, place: Workplace, asked: Sequence[Wanted], folder: ResultsFolder, share: Share) -> None:
        """Write the rows of the pictures that have none. Raises ImageRefused, and the errors of model loading."""
        there = folder.rows()
        missing = [each for each in asked if each.key not in there]
        starts = range(0, len(missing), AT_ONCE)
        with place.progress("Scoring", total=len(missing)) as advance, folder.adding(share.number) as writer:
            for start in starts:
                part = missing[start : start + AT_ONCE]
                self._add(part, [_picture(folder, each) for each in part], writer)
                advance(len(part))

    def _add(self, asked: Sequence[Wanted], images: Sequence[Image.Image], writer: RowWriter) -> None:
        pairs = list(zip(asked, images, strict=True))
        nouns = self._photographs.nouns
        views = [View(image, nouns[name]) for each, image in pairs for name in each.cell.subjects]
        embeds = {metric.name: iter(metric.embed(views)) for metric in self._metrics.likenesses}
        composed = self._metrics.composition.score(images, [each.cell.text for each in asked]).tolist()
        for each, composition in zip(asked, composed, strict=True):
            found = {
                name: {
                    metric: likeness(next(rows)[None], self._references(metric, name))
                    for metric, rows in embeds.items()
                }
                for name in each.cell.subjects
            }
            writer.add(self._row(each, found, composition))

    def _row(self, asked: Wanted, found: dict[str, dict[str, float]], composition: float) -> Row:
        cell, several = asked.cell, len(asked.cell.subjects) > 1
        means = {metric: sum(each[metric] for each in found.values()) / len(found) for metric in self._names}
        return Row(
            key=asked.key,
            subjects=cell.subjects,
            prompt=cell.prompt,
            seed=-1 if self._seed is None else asked.seed(self._seed),
            scores={**means, self._metrics.composition.name: composition},
            by_subject=found if several else {},
            facts={**cell.facts, "text": cell.text},
        )

    @property
    def _names(self) -> list[str]:
        return [metric.name for metric in self._metrics.likenesses]

    def _embedded(self, metric: str, name: str, which: str | None = None) -> Tensor:
        (judge,) = [each for each in self._metrics.likenesses if each.name == metric]
        return judge.embed(self._photographs.views(name, which or self._config.references))

    def reals(self, names: Sequence[str]) -> Reals:
        """Return the likeness of each subject's photographs: of all pairs, or of the one with each other one."""
        return {name: {metric: self._real(metric, name) for metric in self._names} for name in names}

    def _real(self, metric: str, name: str) -> float | None:
        if self._config.references == "all":
            return likeness_within(self._references(metric, name))
        if self._photographs.count(name, "others") == 0:
            return None
        return likeness(self._references(metric, name, "others"), self._references(metric, name))


def _picture(folder: ResultsFolder, asked: Wanted) -> Image.Image:
    """Return a picture of the evaluation. Raises ImageRefused for a damaged file, with its name."""
    path = folder.picture(asked.key)
    try:
        return decode_png(read_small(path, LARGEST_PICTURE)).convert("RGB")
    except ImageRefused as error:
        remedy = "Delete it, and give the same command again: the picture is made anew."
        raise ImageRefused(f"{path} is a damaged picture.", remedy) from error
