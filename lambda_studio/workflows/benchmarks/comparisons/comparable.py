"""Whether two evaluations can be compared: the same protocol, judges, prompts and photographs. Stacks may differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from lambda_studio.config import require
from lambda_studio.workflows.benchmarks.results.differing import PHOTOGRAPHS, differences, listed
from lambda_studio.workflows.benchmarks.results.results_folder import NOTES, Row, Value

JUDGES = ("DINO", "CLIP")
"""The facts of a protocol that name the networks of the metrics."""
WEIGHTS_OF = " with weights of "
"""Between the name of such a network and the place of its weights."""
OF_STACK = "the stack's own"
"""The name of a stack's own CLIP. The name of its stack follows."""
METRIC_WEIGHTS = "metric_weights"
"""The fact of `evaluation.json` with the SHA-256 of the weights of each network that is not the stack's."""
DIFFERS = "{0} is {1}, and {2} in the other"
About = Mapping[str, Any]


def require_comparable(one: Path, other: Path, about: Sequence[About]) -> tuple[str, ...]:
    """Return what is to be said of a comparison of two evaluations. Raises InvalidSetting if there can be none.

    Args:
        about: the content of both files `evaluation.json`.
    """
    known = all(isinstance(each.get(METRIC_WEIGHTS), Mapping) for each in about)
    said = [_protocol(each) if known else each.get("protocol") for each in about]
    names = [each.get("name") for each in about]
    unlike = [*differences(names[0], names[1], "name"), *differences(said[0], said[1], "protocol")]
    cause = f"{one} and {other} differ in their protocols: {listed(unlike, DIFFERS)}."
    require(not unlike, cause, "Compare evaluations of the same benchmark and protocol.")
    cause = f"{one} and {other} have evaluations of ccd, whose results are deviations from real pictures."
    shown = " and ".join(f"studio evaluate ccd --out {quote(str(each))}" for each in (one, other))
    require(names[0] != "ccd", cause, f"See the table of each: {shown}")
    unlike = differences(judges(about[0]), judges(about[1]), "weights") if known else []
    cause = f"{one} and {other} were scored with other weights: {listed(unlike, DIFFERS)}."
    remedy = "Score the pictures of one again with the weights of the other, into a new folder: --score-only PICTURES"
    require(not unlike, cause, remedy)
    _require_same_photographs(one, other, about)
    return tuple(_notes(about, known))


def require_same_prompts(one: Path, other: Path, pairs: Sequence[tuple[Row, Row]]) -> None:
    """Raise InvalidSetting if a picture has another prompt in the other evaluation."""
    unlike = [row for row, there in pairs if _words(row) != _words(there)]
    such = f"such as {unlike[0].key}" if unlike else ""
    cause = f"{len(unlike)} of {len(pairs)} pictures of {one} and {other} have other prompts, {such}."
    require(not unlike, cause, "Compare evaluations of the same prompts.")


def _words(row: Row) -> tuple[str, Value]:
    return row.prompt, row.facts.get("text")


def judges(about: About) -> dict[str, Any]:
    """Return the SHA-256 of the weights of each network that scored, with the stack's CLIP if that is one of them."""
    protocol, weights = about.get("protocol"), about.get("weights")
    clip = protocol.get("CLIP") if isinstance(protocol, Mapping) else None
    of_stack = isinstance(clip, str) and clip.startswith(OF_STACK)
    own = weights.get("clip") if isinstance(weights, Mapping) else None
    return {**about[METRIC_WEIGHTS], **({"the stack's CLIP": own} if of_stack else {})}


def _protocol(about: About) -> Any:
    """Return a protocol with the names of its networks only, whose weights are compared by their hashes."""
    said = about.get("protocol")
    if not isinstance(said, Mapping):
        return said
    return {**said, **{name: _network(said[name]) for name in JUDGES if isinstance(said.get(name), str)}}


def _network(said: str) -> str:
    return OF_STACK if said.startswith(OF_STACK) else said.partition(WEIGHTS_OF)[0]


def _require_same_photographs(one: Path, other: Path, about: Sequence[About]) -> None:
    first, second = (each.get(PHOTOGRAPHS) for each in about)
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return
    unlike = [name for name in first if name in second and first[name] != second[name]]
    cause = f"{one} and {other} are of other photographs of {', '.join(unlike)[:200]}."
    require(not unlike, cause, "Compare evaluations of the same photographs.")


def labels(about: About) -> tuple[str, ...]:
    """Return what an evaluation says must be read with its scores."""
    said = about.get(NOTES)
    return tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()


def _shared_labels(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the labels of both, and those of one with its name."""
    both = [each for each in one if each in other]
    return [
        *both,
        *(f"{name}: {each}" for name, said in (("ONE", one), ("OTHER", other)) for each in said if each not in both),
    ]


def _notes(about: Sequence[About], known: bool) -> list[str]:
    said = _shared_labels(labels(about[0]), labels(about[1]))
    if not known and any(METRIC_WEIGHTS in each for each in about):
        said.append("One does not say with which weights it was scored, so they may be others.")
    if about[0].get("versions") != about[1].get("versions"):
        said.append("They were made with different versions of libraries.")
    return said
