"""What a new run trains: concepts and settings, those of an earlier adapter or new ones."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from concepts.errors import ConceptNotFound
from concepts.names import name_key
from concepts.records import AdapterRecord, ConceptRecord, SeenConcept
from lambda_studio.config import FinetuneConfig, require
from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapters.information import read_adapter_info, read_header
from lambda_studio.models.adapters.lora.shape import TARGETS, targets_of
from lambda_studio.settings.written import written
from lambda_studio.workflows.home import adapter_file
from lambda_studio.workflows.tuning.earlier_settings import with_earlier
from lambda_studio.workflows.tuning.settings import with_steps, without_effect
from lambda_studio.workflows.workplace import Workplace

SHAPE = ("method", "rank", "lora_alpha", "use_dora", "use_rslora", "targets")
"""Settings that the values of a LoRA fit to. Of those of a full UNet it is the first alone."""
OTHERS = "Train other concepts: studio finetune NAME"


@dataclass(frozen=True)
class Start:
    """The concepts and the settings of a new run."""

    concepts: Sequence[ConceptRecord]
    config: FinetuneConfig


def started(
    place: Workplace, names: Sequence[str] | None, config: FinetuneConfig, adapter_id: int | str | None
) -> Start:
    """Return a new run: one that begins with an adapter, or with the decoder as it is."""
    place.stack.require_text_to_image()
    start = new_run(place, names, config) if adapter_id is None else continued(place, adapter_id, names, config)
    for said in without_effect(start.config):
        place.notify(said)
    return start


def new_run(place: Workplace, names: Sequence[str] | None, config: FinetuneConfig) -> Start:
    """Return a run on the named concepts (None: all). Raises ConceptNotFound and InvalidSetting."""
    concepts = place.named_or_all(names)
    chosen = config.preferring(place.spec.finetune)
    return _started(concepts, with_steps(chosen, len(concepts), for_thirty=place.spec.steps_for_thirty))


def continued(place: Workplace, adapter_id: int | str, names: Sequence[str] | None, config: FinetuneConfig) -> Start:
    """Return a run that begins with an adapter, and trains it on the named concepts and on all that it knows.

    One half of the pictures show the named concepts. The other half are of those that the adapter knows, so that it
    does not forget them.

    Raises:
        AdapterNotFound, ModelFilesMissing, ModelFilesInvalid, ConceptNotFound, InvalidSetting.
    """
    adapter = _adapter(place, adapter_id)
    named = place.named_or_all(names)
    known = _known(place, adapter, ())
    file = adapter_file(place.home, adapter)
    info = read_adapter_info(file)
    shape = {name: getattr(info, name) for name in (SHAPE if info.method == "lora" else SHAPE[:1])}
    if shape.get("targets") == "any":  # earlier versions wrote it for all imported adapters with convolutions
        shape["targets"] = targets_of({key.partition(".lora_")[0] for key in read_header(file) if ".lora_" in key})
    cause = f"Adapter {adapter.id} changes layers that no training changes together, so that none can go on from it."
    remedy = f"Use it as it is: studio generate PROMPT --adapter {adapter.id}"
    require(shape.get("targets", "attention") in TARGETS, cause, remedy)
    _require_shape(adapter, config, shape)
    chosen = config.preferring(shape).preferring(place.spec.finetune)
    told = {name_key(concept.name) for concept in named}
    replayed = [concept for concept in known if name_key(concept.name) not in told]
    weights = {**_halves(named, replayed), **(config.weights or {})}
    count = 2 * len(named) if replayed else len(named)
    steps = with_steps(chosen, count, for_thirty=place.spec.steps_for_thirty)
    chosen = replace(steps, start_from=adapter.sha256, weights=weights or None)
    return _started([*named, *replayed], chosen)


def again(place: Workplace, adapter_id: int | str, without: Collection[str], config: FinetuneConfig) -> Start:
    """Return the run that makes an adapter again, from the beginning, on all that it knows but these concepts.

    Raises:
        AdapterNotFound, ConceptNotFound, InvalidSetting.
    """
    adapter = _adapter(place, adapter_id)
    made_by = adapter.settings.get("made_by")
    cause = f"Adapter {adapter.id} was made by {made_by} of other adapters, not by training."
    require(not made_by, cause, "Rebuild one of those that it was made of: studio adapters show says which.")
    cause = f"Adapter {adapter.id} was imported, so there is no training to repeat."
    remedy = f"Train a new one, or go on from it: studio finetune NAME --from {adapter.id}"
    require("imported" not in adapter.settings, cause, remedy)
    concepts = _known(place, adapter, without)
    require(bool(concepts), f"Nothing of adapter {adapter.id} is left to train.", OTHERS)
    defaults = {field.name: field.default for field in fields(FinetuneConfig)}
    changeable = {"start_from", "weights", "gradient_checkpointing"}  # the last one changes no weight
    settings = {name: adapter.settings.get(name, value) for name, value in defaults.items() if name not in changeable}
    earlier = {**settings, **_weights(adapter, concepts)}  # all of them, so that a stack prefers none
    chosen = with_earlier(config, earlier, f"Adapter {adapter.id} was trained")
    if chosen.method != earlier["method"]:
        rate = chosen.preferring(place.spec.finetune).effective_learning_rate
        before = f"Adapter {adapter.id} was trained with method={earlier['method']}"
        place.notify(f"{before}. With method={chosen.method} the learning rate is {rate:g}.")
    return _started(concepts, chosen)


def _weights(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> dict[str, Any]:
    """Return the weights of these concepts, as settings. Those of a training that began with an adapter replayed it."""
    given = adapter.settings.get("weights")
    if adapter.settings.get("start_from") or not isinstance(given, dict):
        return {}
    left = {each.name: given[each.name] for each in concepts if each.name in given}
    return {"weights": left} if left else {}


def _started(concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> Start:
    names = [concept.name for concept in concepts]
    for name in config.weights or {}:
        remedy = f"Trained are: {', '.join(names)}."
        require(name in names, f"A weight is given for {name}, which is not trained.", remedy, "weights")
    return Start(concepts, config)


def _adapter(place: Workplace, adapter_id: int | str) -> AdapterRecord:
    """Return an adapter of the stack in use. Raises AdapterNotFound and ModelFilesInvalid."""
    library, stack = place.library, place.spec.name
    with place.database.reading() as registry:
        adapter = registry.get_adapter(library, adapter_id)
    if adapter.stack != stack:
        cause = f"Adapter {adapter.id} was trained for the stack {adapter.stack}, but this stack is {stack}."
        raise ModelFilesInvalid(cause, f"Give stack={adapter.stack}.")
    return adapter


def _known(place: Workplace, adapter: AdapterRecord, without: Collection[str]) -> list[ConceptRecord]:
    """Return the concepts that an adapter knows, as they are now, but not these. Raises ConceptNotFound."""
    left_out = {name_key(name) for name in without}
    seen = {name_key(each.name): each for each in adapter.concepts}
    for name in without:
        if name_key(name) not in seen:
            names = ", ".join(each.name for each in adapter.concepts)
            raise ConceptNotFound(f"Adapter {adapter.id} does not know {name}.", f"It knows: {names}.")
    wanted = [each for key, each in seen.items() if key not in left_out]
    if any(each.gone for each in wanted):
        raise _gone(adapter, wanted, without)
    for each in wanted:
        if each.stale and earlier_version(place, each):
            place.notify(f"{each.name} was edited since adapter {adapter.id}: its present version is trained.")
        elif each.stale:
            place.notify(f"{each.name} is another concept than adapter {adapter.id} learnt. The new one is trained.")
    return place.get_concepts([each.name for each in wanted]) if wanted else []


def earlier_version(place: Workplace, seen: SeenConcept) -> ConceptRecord | None:
    """Return the version of an edited concept that was trained on, or None if another concept has its name now."""
    library = place.library
    with place.database.reading() as registry:
        if seen.version > registry.get_concept(library, seen.name).version:
            return None
        earlier = registry.concept_version(library, seen.name, seen.version)
    return earlier if earlier.manifest == seen.manifest else None


def _gone(adapter: AdapterRecord, wanted: Sequence[SeenConcept], without: Collection[str]) -> ConceptNotFound:
    """Return the error that some of the wanted concepts were removed or forgotten."""
    removed, forgotten = ([each.name for each in wanted if each.gone == word] for word in ("removed", "forgotten"))
    named = {"removed": ", ".join(removed), "forgotten": ", ".join(forgotten)}
    cause = " ".join(
        f"Adapter {adapter.id} knows concepts that were {word}: {names}." for word, names in named.items() if names
    )
    restore = f"Restore {named['removed'] if forgotten else 'them'}"
    if len(removed) + len(forgotten) == len(wanted):
        remedy = f"{restore}: {_restoring(removed)}" if removed else OTHERS
        return ConceptNotFound(f"{cause} Nothing of it is left to train.", remedy)
    if adapter.settings.keys() & {"imported", "made_by"}:  # these are not rebuilt
        return ConceptNotFound(cause, OTHERS if forgotten else f"{restore}: {_restoring(removed)}")
    left_out = " ".join(f"--without {shlex.quote(name)}" for name in [*without, *removed, *forgotten])
    rebuild = f"again without {'all of these' if removed and forgotten else 'them'}: "
    rebuild += f"studio finetune --rebuild {adapter.id} {left_out}"
    return ConceptNotFound(cause, f"{restore}, or train {rebuild}" if removed else f"Train {rebuild}")


def _restoring(names: Sequence[str]) -> str:
    """Return the commands that restore these concepts."""
    return " && ".join(f"studio concepts restore {shlex.quote(name)}" for name in names)


def _require_shape(adapter: AdapterRecord, config: FinetuneConfig, shape: dict[str, Any]) -> None:
    for name, value in shape.items():
        given = getattr(config, name)
        cause = f"Adapter {adapter.id} has {name} = {written(value)}, and {name} = {written(given)} is given."
        remedy = f"Leave out {name}, or train without this adapter."
        require(name not in config.given or given == value, cause, remedy, name)


def _halves(named: Sequence[ConceptRecord], replayed: Sequence[ConceptRecord]) -> dict[str, float]:
    """Return weights with which each half is drawn equally often."""
    if not replayed:
        return {}
    weight = Fraction(len(replayed), len(named))
    return {concept.name: round(float(weight), 1) or 0.1 for concept in named}
