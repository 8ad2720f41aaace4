"""ConceptBed's three columns on the miniature: drawn pictures of subjects that no training saw, and real ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np
from einops import rearrange
from PIL import Image
from torch import Tensor

from concepts.durable import make_folder, staged_file
from lambda_studio.config import require
from lambda_studio.evaluation.concept_bed.ccd import Ccd, Reference, average, checked_reference, deviation
from lambda_studio.evaluation.concept_bed.oracle import Asked
from lambda_studio.miniature.judge.concept_oracle import ConceptOracle
from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.reader import ORACLE, load_reader
from lambda_studio.miniature.world.figures import WORN
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import PIXELS, render
from lambda_studio.miniature.world.scenes import Scene
from lambda_studio.models.files.locating import fingerprint
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.progress import Progress, silent
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row, Value

PICTURES, STEPS, SEED = 96, 8, 1000
SETS = {"replication": ("concept",), "composition": ("concept", "place", "worn")}
"""The sets of pictures, with the questions about each."""
COLUMNS = {
    "replication": ("replication", "concept"),
    "alignment": ("composition", "concept"),
    "place": ("composition", "place"),
    "worn": ("composition", "worn"),
}
"""The measured columns: a set and a question. Composition alignment is the mean of the last two."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """The size of the sets, and how their pictures are drawn."""

    stack: str = "miniature"
    pictures: int = PICTURES
    """Of each set."""
    steps: int = STEPS
    seed: int = SEED
    reference: str = "global"
    """`global` or `class`."""

    def __post_init__(self) -> None:
        checked_reference(self.reference)
        require(self.pictures >= 2, f"The number of pictures is {self.pictures}.", "Give two or more.", "pictures")
        require(self.steps >= 1, f"The number of steps is {self.steps}.", "Give one or more.", "steps")


@dataclass(frozen=True)
class ConceptBed:
    """The deviations of the miniature."""

    columns: dict[str, Ccd]
    """By the names of `COLUMNS`."""
    composition: float
    """Composition alignment: the mean of place and worn."""
    average: float
    """Of replication, alignment and composition, as in the published tables."""


def measure_concepts(wishes: Wishes, out: Path | None = None, progress: Progress = silent) -> ConceptBed:
    """Draw both sets, and return how sure the oracle is of them, less how sure it is of real renderings.

    Args:
        wishes: the size of the sets.
        out: the folder for pictures and scores, in which a stopped evaluation goes on. None keeps nothing.
        progress: a callback for the progress.

    Raises InvalidSetting for a stack of another picture size, and for a folder with other things, or with pictures and
    scores of other weights.
    """
    spec = resolve_stack(wishes.stack)
    stack = Stack(spec)
    cause = f"The stack {spec.name} draws {stack.resolution} pixels, but the miniature's world has {PIXELS}."
    require(stack.resolution == PIXELS, cause, "Give stack=miniature, or folders of pictures.")
    if out is None:
        with TemporaryDirectory() as folder:
            return _measured(stack, wishes, ResultsFolder(Path(folder) / "ccd"), progress)
    return _measured(stack, wishes, ResultsFolder(out), progress)


def _measured(stack: Stack, wishes: Wishes, results: ResultsFolder, progress: Progress) -> ConceptBed:
    settings = {"pictures": wishes.pictures, "steps": wishes.steps, "seed": wishes.seed}
    weights = {"weights": stack.fingerprints(), "metric_weights": {"oracle": _oracle_fingerprint()}}
    rows = results.begin({"name": "ccd", "protocol": "miniature", "stack": stack.spec.name, **weights, **settings})
    evaluation = Evaluation(stack, load_reader(), wishes.pictures, wishes.seed, wishes.steps)
    with progress("Drawing concepts", len(SETS) * wishes.pictures) as advance, results.adding() as writer:
        for name in SETS:
            if any(_key(name, number) not in rows for number in range(wishes.pictures)):
                found = _drawn(evaluation, name, results)
                for row in found:
                    writer.add(row)
                rows |= {row.key: row for row in found}
            advance(wishes.pictures)
    return deviations_of(list(rows.values()), checked_reference(wishes.reference))


def _oracle_fingerprint() -> str:
    return fingerprint({}, sorted(ORACLE.glob("*.safetensors")))


def deviations_of(rows: Sequence[Row], reference: Reference) -> ConceptBed:
    """Return the columns of an evaluation's rows."""
    columns = {name: _column(rows, *of, reference) for name, of in COLUMNS.items()}
    composition = fmean((columns["place"].ccd, columns["worn"].ccd))
    return ConceptBed(
        columns, composition, average((columns["replication"].ccd, columns["alignment"].ccd, composition))
    )


def _column(rows: Iterable[Row], kind: str, question: str, reference: Reference) -> Ccd:
    drawn: dict[str, list[float]] = {}
    real: dict[str, list[float]] = {}
    for row in rows:
        if row.facts["set"] == kind and question in row.scores:
            label = str(row.facts[question])
            drawn.setdefault(label, []).append(row.scores[question])
            real.setdefault(label, []).append(float(row.facts[f"real {question}"] or 0.0))
    return deviation(drawn, real, reference)


def _drawn(evaluation: Evaluation, name: str, results: ResultsFolder) -> list[Row]:
    """Draw a set, write its pictures, and return their rows. Facts have each label, and the real one's confidence."""
    composed = name == "composition"
    scene = evaluation.scenes(name, dressed=float(composed))
    prompts, images = evaluation.zero_shot_pictures(scene, places=float(composed))
    drawn, real = _pictures(images), _pictures(render(scene).images)
    labels = {question: _labels(scene, question) for question in SETS[name]}
    scores = {question: _confidences(drawn, labels[question], prompts) for question in labels}
    expected = {question: _confidences(real, labels[question], prompts) for question in labels}
    rows = []
    for number, (image, prompt) in enumerate(zip(drawn, prompts, strict=True)):
        key, subject = _key(name, number), labels["concept"][number]
        _write(image, results.picture(key))
        seen = {question: values[number] for question, values in scores.items()}
        facts: dict[str, Value] = {"set": name}
        facts |= {question: values[number] for question, values in labels.items()}
        facts |= {f"real {question}": values[number] for question, values in expected.items()}
        rows.append(Row(key, (subject,), prompt, evaluation.seed + number, seen, {}, facts))
    return rows


def _write(image: Image.Image, to: Path) -> None:
    make_folder(to.parent)
    with staged_file(to, replace=True) as path:
        path.write_bytes(encode_png(image))


def _confidences(images: Sequence[Image.Image], labels: Sequence[str], prompts: Sequence[str]) -> list[float]:
    asked = [Asked(*each) for each in zip(images, labels, prompts, strict=True)]
    return [round(value, 6) for value in ConceptOracle().confidences(asked).tolist()]


def _labels(scene: Scene, question: str) -> list[str]:
    if question == "place":
        return [tuple(PLACES)[place] for place in scene.place.tolist()]
    if question == "worn":
        return [tuple(WORN)[worn] for worn in scene.worn[:, 0].tolist()]
    return [NOUNS[noun] for noun in scene.who.noun[:, 0].tolist()]


def _pictures(images: Tensor) -> list[Image.Image]:
    pixels = rearrange((images.clamp(0, 1) * 255).round().byte(), "n c h w -> n h w c").numpy()
    return [Image.fromarray(np.ascontiguousarray(each)) for each in pixels]


def _key(name: str, number: int) -> str:
    return f"{name}/{number:03}"
