"""Draw a picture again from its own texts, and say what has changed since."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from concepts.errors import AdapterNotFound, LibraryNotFound
from concepts.names import name_key
from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.config import GenerateConfig, Wanted, read_adapters, require
from lambda_studio.errors import ImageRefused, InvalidSetting, PromptInvalid
from lambda_studio.generation.template import parse
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.pictures.files.opening import read_file
from lambda_studio.pictures.files.png import sha256
from lambda_studio.pictures.texts.picture_texts import NOT_STORED, REMEDY, PictureTexts, read_texts
from lambda_studio.workflows.answers.pictures import DrawnAgain
from lambda_studio.workflows.drawing.adapter_choice import choose_adapters, newest_adapter
from lambda_studio.workflows.drawing.asking.preparing import Drawing
from lambda_studio.workflows.drawing.generate import generate
from lambda_studio.workflows.drawing.origins import way_to_draw
from lambda_studio.workflows.workplace import Workplace

SAME_PIXELS = {"batch_size", "score", "metadata", "save_edges"}
"""Settings that change no pixel, but for rounding."""
LARGEST_BATCH = 64
"""A picture of a larger batch is drawn alone: the file may be anybody's, and would fill the memory."""
FOLLOWS = {"edges": "follows the edges of", "from_image": "was drawn over", "mask": "has the mask", "depth": "follows"}
"""What a picture does with a file, by the file's role."""


def draw_again(place: Workplace, picture: Path, wishes: Drawing, adapter: Wanted | None = None) -> DrawnAgain:
    """Draw a picture from its texts: prompt, seed, settings, concepts in their versions, stack and adapters.

    Settings that were given in `wishes`, and `adapter`, replace the picture's.

    Raises:
        ImageRefused: λ-Studio did not write the file, a newer version did, or it was not drawn of a prompt.
        PromptInvalid: a concept was removed or forgotten.
        InvalidSetting: the stack or a given picture is not known, or a setting is wrong.
        AdapterNotFound: the library does not have an adapter.
    """
    texts = read_texts(picture)
    if texts.origin:
        size = place.door.photo(picture).image.size
        raise ImageRefused(f"{picture} is no picture of a prompt.", way_to_draw(place.spec, texts, size))
    _require_own_concepts(picture, texts)
    changes: list[str] = []
    _use_stack(place, texts)
    changes += _other_weights(place, texts)
    config = _config(picture, texts, wishes.config)
    _require_pictures(texts, wishes, changes)
    before = place.door.photo(picture).image
    concepts, today = _concepts(place, texts, changes)
    if adapter is None:
        changes += _newer_adapters(place, texts, today)
    else:
        changes += _given_adapters(place, texts, adapter, concepts)
    adapters = adapter or _adapters(place, texts)
    more = {role for role, path in wishes.picture_paths.items() if path} - texts.pictures.keys()
    other = adapter is not None or more or wishes.config.given - SAME_PIXELS
    drawing = replace(
        wishes, prompt=texts.prompt, config=config, adapter=adapters, concepts=concepts,
        batch=None if other or wishes.count > 1 else texts.batch,
    )  # fmt: skip
    for change in changes:
        place.notify(change)
    drawn = generate(place, drawing)
    after = None if other else place.door.photo(drawn.pictures[0].path).image
    return DrawnAgain(drawn, tuple(changes), _difference(before, after) if after else None)


def _difference(before: Image.Image, after: Image.Image) -> int | None:
    if before.size != after.size:
        return None
    return int(np.asarray(ImageChops.difference(before, after)).max())


def _use_stack(place: Workplace, texts: PictureTexts) -> None:
    """Work with the picture's stack. Raises InvalidSetting if it is neither the stack in use nor a built-in one."""
    if place.spec.name == texts.stack:
        return
    known = texts.stack in BUILT_IN and place.named_stack() is None
    require(
        known,
        f"The picture was drawn with the stack {texts.stack[:80]!r}, and {place.spec.name} is in use.",
        f"Give --stack {texts.stack}." if texts.stack in BUILT_IN else "Give its TOML file with --stack.",
    )
    place.work_with(texts.stack)


def _other_weights(place: Workplace, texts: PictureTexts) -> Iterator[str]:
    """Yield which parts of the stack have other weights than when the picture was drawn."""
    today = place.stack.fingerprints()
    for part, sha in texts.weights.items():
        if part in today and today[part] != sha:
            yield f"The {part} of {texts.stack} has other weights today."


def _concepts(
    place: Workplace, texts: PictureTexts, changes: list[str]
) -> tuple[tuple[ConceptRecord, ...], tuple[ConceptRecord, ...]]:
    """Return the concepts in the picture's versions, under their names then, and as today. Note what changed."""
    found, today = [], []
    for said in texts.concepts:
        concept, current = _version(place, said)
        if concept is None or current is None:
            shows = f"The picture shows {said['name']} in version {said['version']}"
            raise PromptInvalid(f"{shows}, which library {place.library} does not have.", _way_out(place, said))
        if name_key(concept.name) != name_key(said["name"]):
            changes.append(f"{said['name']} is not there today. {concept.name}, which has the same images, is drawn.")
        if current.version != concept.version:
            changes.append(f"{concept.name} is at version {current.version} today. Version {concept.version} is drawn.")
        found.append(replace(concept, name=said["name"]))
        today.append(current)
    return tuple(found), tuple(today)


def _way_out(place: Workplace, said: Mapping[str, Any]) -> str:
    """Return the remedy for a concept that is not there: restore it if it was removed."""
    removed = place.removed_concepts()
    same = [each.name for each in removed if each.manifest == said["manifest"]]
    named = [each.name for each in removed if name_key(each.name) == name_key(said["name"])]
    if same or named:
        return f"Restore it: studio concepts restore {shlex.quote([*same, *named][0])}"
    return "It was forgotten, or is in another library: give --library, or add it again and draw the prompt anew."


def _version(place: Workplace, said: Mapping[str, Any]) -> tuple[ConceptRecord | None, ConceptRecord | None]:
    """Return the concept's version with this content, of this library or the picture's, and the concept as today."""
    here = place.library
    with place.database.reading() as registry:
        for address in dict.fromkeys((here, said["library"])):
            try:
                concept = registry.find_version(address, said["manifest"], said["name"])
            except LibraryNotFound:
                continue  # the picture comes from elsewhere
            if concept is not None:
                return concept, registry.get_concept(address, concept.name)
    return None, None


def _require_own_concepts(picture: Path, texts: PictureTexts) -> None:
    """Raise ImageRefused if the prompt names a concept that the picture does not have, or has a wildcard."""
    known = {name_key(each["name"]) for each in texts.concepts}
    for each in parse(texts.prompt).references:
        if name_key(each.name) not in known:
            raise ImageRefused(f"{picture}: its prompt names {each.name[:80]!r}, which its concepts lack.", REMEDY)


def _config(picture: Path, texts: PictureTexts, wished: GenerateConfig) -> GenerateConfig:
    """Return the picture's settings with the wishes in their place. Settings that are not known are left out.

    Raises ImageRefused for settings of the picture that are invalid, and InvalidSetting for those that are wished.
    """
    known = {each.name for each in fields(GenerateConfig)} - {*NOT_STORED}
    stored = {name: value for name, value in texts.settings.items() if name in known}
    if texts.batch:
        stored["batch_size"] = min(texts.batch.size, LARGEST_BATCH)
    try:
        GenerateConfig(**stored)
    except InvalidSetting as error:
        raise ImageRefused(f"{picture}: its settings are invalid: {error.cause}", REMEDY) from error
    if wished.given & {"resolution", "height", "width"}:
        stored = {name: value for name, value in stored.items() if name not in ("resolution", "height", "width")}
    given = {name: getattr(wished, name) for name in wished.given}
    return GenerateConfig(**{**stored, "seed": texts.seed, **given})


def _require_pictures(texts: PictureTexts, wishes: Drawing, changes: list[str]) -> None:
    """Raise InvalidSetting if a picture file that the drawing was given is not given now; note another one."""
    for role, said in texts.pictures.items():
        path = wishes.picture_paths[role]
        if path is None:
            cause = f"The picture {FOLLOWS[role]} {said['name'][:80]!r}, which it does not contain."
            raise InvalidSetting(cause, f"Give that picture, too: {role}=IMAGE.")
        if said["sha256"] not in ("", sha256(read_file(path))):
            changes.append(f"{path.name} is not the file of then ({said['name'][:80]}): {role} differs.")


def _adapters(place: Workplace, texts: PictureTexts) -> Sequence[str]:
    """Return the picture's adapters with their scales. Raises AdapterNotFound."""
    with place.database.reading() as registry:
        known = {each.sha256 for each in registry.adapters(place.library)}
    for sha, _ in texts.adapters:
        if sha not in known:
            cause = f"The picture was drawn with the adapter {sha[:12]}, which library {place.library} does not have."
            raise AdapterNotFound(cause, "Import it: studio adapters import. Or draw without it: --adapter none")
    return [f"{sha}:{scale}" for sha, scale in texts.adapters] or ["none"]


def _newer_adapters(place: Workplace, texts: PictureTexts, today: Sequence[ConceptRecord]) -> Iterator[str]:
    """Yield which adapters the picture has, if `generate` would choose others for its concepts as of today."""
    known = _known(place)
    base = place.stack.fingerprints()["decoder"]
    chosen = newest_adapter(list(known.values()), today, place.spec.name, base).adapters
    if {each.sha256 for each in chosen} != {sha for sha, _ in texts.adapters}:
        now = [(each.sha256, 1.0) for each in chosen]
        draw = f"with it: --adapter {chosen[0].id}" if chosen else "without one: --adapter none"
        newer = _newer(texts.adapters, now, known)
        yield (
            f"The picture has {_called(texts.adapters, known)}. Today, generate would choose {_called(now, known)}"
            f"{newer}. Draw {draw}"
        )


def _given_adapters(
    place: Workplace, texts: PictureTexts, adapter: Wanted, concepts: Sequence[ConceptRecord]
) -> Iterator[str]:
    """Yield which adapters the picture has, if others are given now. Raises as `choose_adapters`."""
    given, _ = choose_adapters(place, read_adapters(adapter), concepts)
    now = [(each.record.sha256, each.scale) for each in given]
    if sorted(now) != sorted(texts.adapters):
        known = _known(place)
        newer = _newer(texts.adapters, now, known)
        yield f"The picture has {_called(texts.adapters, known)}, and is drawn with {_called(now, known)}{newer}."


def _known(place: Workplace) -> dict[str, AdapterRecord]:
    """Return the library's adapters, the newest first, by the SHA-256 of their files."""
    with place.database.reading() as registry:
        return {each.sha256: each for each in registry.adapters(place.library)}


def _called(adapters: Sequence[tuple[str, float]], known: Mapping[str, AdapterRecord]) -> str:
    """Return adapters in words, as `--adapter` takes them: `adapters 1:0.5 and 2`, or the beginning of a hash."""
    names = [str(known[sha].id) if sha in known else sha[:12] for sha, _ in adapters]
    said = [name if scale == 1 else f"{name}:{scale:g}" for name, (_, scale) in zip(names, adapters, strict=True)]
    return f"adapter{'s' * (len(said) > 1)} {' and '.join(said)}" if said else "no adapter"


def _newer(
    then: Sequence[tuple[str, float]], now: Sequence[tuple[str, float]], known: Mapping[str, AdapterRecord]
) -> str:
    """Return that the adapters are newer than the picture's, if all of them are."""
    older = [known[sha].id for sha, _ in then if sha in known]
    is_newer = older and now and min(known[sha].id for sha, _ in now) > max(older)
    return f", which {'are' if len(now) > 1 else 'is'} newer" if is_newer else ""
