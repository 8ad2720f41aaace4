"""Check what is asked for, and look up what it needs, before any model is loaded."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from concepts.records import ConceptRecord
from lambda_studio.config import BatchRow, GenerateConfig, Size, Wanted, read_adapters, require, require_seeds
from lambda_studio.errors import InvalidSetting, PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import Template, name_key, parse, require_words
from lambda_studio.pictures.outputs import require_place
from lambda_studio.settings.pictures import ROLES, require_needed
from lambda_studio.workflows.drawing.adapter_choice import Choice, ChosenAdapter, choose_adapters
from lambda_studio.workflows.drawing.asking.given_pictures import (
    Given,
    notes_on,
    open_given,
    require_edges,
    with_strength,
)
from lambda_studio.workflows.drawing.asking.naming import concept_names, named_concepts, without_wildcards
from lambda_studio.workflows.drawing.asking.prompt_notes import note_sampler, notes_about
from lambda_studio.workflows.learnt_words import note_unlearnt
from lambda_studio.workflows.workplace import Workplace

MOST_PICTURES = 10_000
NEW_SEEDS = 2**31
"""A new seed is below this, as other tools' seeds are."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A request for pictures of a prompt, and their destination."""

    prompt: str
    config: GenerateConfig = field(default_factory=GenerateConfig)
    count: int = 1
    adapter: Wanted = "auto"
    """ "auto", "none", or adapters by number or start of a hash, each with `:SCALE` or without."""
    edges: Path | None = None
    """These four are `settings.pictures.GivenPictures`."""
    from_image: Path | None = None
    mask: Path | None = None
    depth: Path | None = None
    out: Path = Path("outputs")
    """A folder, or a name ending in .png."""
    concepts: tuple[ConceptRecord, ...] | None = None
    """The concepts of the prompt, in versions that may be earlier ones; None: the library's current versions."""
    line: int | None = None
    """Its number in a file of prompts, for messages."""
    batch: BatchRow | None = None
    """Of one picture: draw it as in this row of a batch, bit for bit, if as many are drawn at once."""

    @property
    def picture_paths(self) -> dict[str, Path | None]:
        """The given picture files by role."""
        return {role: getattr(self, role) for role in ROLES}


@dataclass(frozen=True)
class Prepared:
    """One prompt without wildcards, with everything that is known before the models are loaded."""

    drawing: Drawing
    config: GenerateConfig
    """With the stack's preferences, and a seed."""
    size: Size
    template: Template
    concepts: tuple[ConceptRecord, ...]
    prompt: BoundPrompt
    negative: BoundPrompt | None
    adapters: tuple[ChosenAdapter, ...]
    choice: Choice
    given: Given
    """The picture files that it was given, by role."""
    is_new_seed: bool = False

    @property
    def seeds(self) -> range:
        """The seed of each picture."""
        first = self.config.seed or 0
        return range(first, first + self.drawing.count)


def new_seed() -> int:
    """Return a seed for pictures for which none was given."""
    return secrets.randbelow(NEW_SEEDS)


def prepare(place: Workplace, drawings: Sequence[Drawing]) -> list[Prepared]:
    """Check all drawings, say what is to be said of them, and return one `Prepared` for each prompt.

    Drawings without a seed get one new seed, which is not said yet: more may be refused.
    Raises InvalidSetting, PromptInvalid, the errors of adapters, and the errors of picture files that are given.
    """
    total = sum(drawing.count for drawing in drawings)
    wrong = next((each.count for each in drawings if each.count < 1), total)
    require(
        1 <= wrong <= MOST_PICTURES,
        f"The number of pictures is {wrong}.",
        f"Give 1 to {MOST_PICTURES}.",
    )
    found: list[Prepared] = []
    notes: list[str] = []
    opened: dict[tuple[Path | None, ...], Given] = {}
    for drawing in drawings:
        with line_told(drawing.line):
            require_seeds(drawing.config.seed or 0, drawing.count)
            ready, said = _prepared(place, drawing, opened)
        found += ready
        notes += said if drawing.line is None else [f"Line {drawing.line}: {note}" for note in said]
    drawn = sum(each.drawing.count for each in found)
    require(drawn <= MOST_PICTURES, f"The wildcards make {drawn} pictures.", f"Draw up to {MOST_PICTURES} at once.")
    for note in dict.fromkeys(notes):
        place.notify(note)
    new = new_seed()
    return [each if each.config.seed is not None else _with_seed(each, new) for each in found]


def require_given(place: Workplace, drawing: Drawing) -> None:
    """Raise InvalidSetting or ImageRefused if a drawing's picture files and their settings fit no prompt."""
    given = _opened(place, drawing, {}) if any(drawing.picture_paths.values()) else {}
    require_edges(drawing.config, given, place.spec.edges)
    with_strength(drawing.config, drawing.config.strength, given)


@contextmanager
def line_told(number: int | None) -> Iterator[None]:
    """Put the number of the line before the cause of a refusal."""
    try:
        yield
    except (PromptInvalid, InvalidSetting) as error:
        if number is None:
            raise
        raise type(error)(f"Line {number}: {error.cause}", error.remedy, *error.fields) from error


def _with_seed(prepared: Prepared, seed: int) -> Prepared:
    return replace(prepared, config=replace(prepared.config, seed=seed), is_new_seed=True)


def _prepared(
    place: Workplace, drawing: Drawing, opened: dict[tuple[Path | None, ...], Given]
) -> tuple[list[Prepared], list[str]]:
    """Return what a drawing's prompt stands for, and the notes about it. `opened` caches its picture files."""
    wanted = read_adapters(drawing.adapter)
    config = drawing.config.preferring(place.spec.generate)
    whole = parse(drawing.prompt)
    require_words(whole)
    if drawing.concepts is None:
        named = [(template, named_concepts(place, template)) for template in without_wildcards(place, whole)]
    else:
        named = [(whole, list(drawing.concepts))]
    best = config.best or 1
    require(best <= drawing.count, f"best is {best}, and {drawing.count} are drawn.", "Draw more pictures.", "best")
    if config.best and not any(concepts for _, concepts in named):
        raise PromptInvalid("The prompt names no concept, so no picture is the best.", "Name one, or leave out --best.")
    for template, concepts in named:
        _require_images(template, concepts)
    given = _opened(place, drawing, opened)
    require_edges(config, given, place.spec.edges)
    config = with_strength(config, drawing.config.strength, given)
    require_place(drawing.out)
    size = config.size(place.stack.resolution)
    place.stack.require_size(size)
    notes, known = [*notes_on(given, size), *note_sampler(config, place.spec)], concept_names(place)
    found: list[Prepared] = []
    for template, concepts in named:
        adapters, choice = choose_adapters(place, wanted, concepts)
        nouns = {concept.name: concept.noun for concept in concepts}
        notes += [*choice.notices, *notes_about(template, nouns, known, place.spec)]
        prompt, negative = bind(template, nouns, place.stack.tokenizer), _negative(place, config, notes.append)
        found.append(
            Prepared(drawing, config, size, template, tuple(concepts), prompt, negative, adapters, choice, given)
        )
    return found, notes


def _opened(place: Workplace, drawing: Drawing, opened: dict[tuple[Path | None, ...], Given]) -> Given:
    """Return the drawing's picture files, opened once. Raises InvalidSetting and ImageRefused."""
    paths = drawing.picture_paths
    require_needed([role for role, path in paths.items() if path is not None], place.stack.decoder_needs)
    key = tuple(paths.values())
    if key not in opened:
        opened[key] = open_given(place, paths)
    return opened[key]


def _require_images(template: Template, concepts: Sequence[ConceptRecord]) -> None:
    """Raise PromptInvalid if a name asks for an image that its concept does not have."""
    counts = {name_key(concept.name): len(concept.images) for concept in concepts}
    for each in template.references:
        has = counts[name_key(each.name)]
        if wrong := [number for number in each.images if number > has]:
            cause = f"The prompt asks for image {wrong[0]} of {each.name}, which has {has}."
            raise PromptInvalid(cause, f"See them: studio concepts show {each.name}")


def _negative(place: Workplace, config: GenerateConfig, note: Callable[[str], None]) -> BoundPrompt | None:
    """Return the negative prompt, or None. Raises PromptInvalid if it names a concept, or is too long."""
    if not config.negative_prompt.strip():
        return None
    template = parse(config.negative_prompt)
    if template.references:
        cause = f"The negative prompt names <{template.references[0].name}>."
        raise PromptInvalid(cause, "Say in words what shall not be drawn, for example: snow")
    if said := note_unlearnt(template.text, place.spec):
        note(said)
    return bind(template, {}, place.stack.tokenizer)
