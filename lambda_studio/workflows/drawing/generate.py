"""Draw a prompt: look up its concepts, choose the adapter, draw, and write the picture files."""

import secrets
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.records import ConceptRecord
from concepts.registry import Registry
from lambda_studio.config import GenerateConfig, Size, Wanted, read_adapters, require
from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt, Template, bind, name_key, parse, require_known, require_words
from lambda_studio.pictures.outputs import make_room
from lambda_studio.workflows.answers.pictures import Drawn, DrawnAdapter, DrawnPicture
from lambda_studio.workflows.drawing.adapter_choice import choose_adapters
from lambda_studio.workflows.drawing.prompt_notes import notes_about
from lambda_studio.workflows.learnt_words import note_unlearnt
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from lambda_studio.generation.generator import PictureRequest


MOST_PICTURES = 10_000
MOST_NEAR = 3
"""The most concepts that are offered for a noun in brackets."""
NEW_SEEDS = 2**31
"""A new seed is below this, as other tools' seeds are."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A request for pictures of a prompt, and their destination."""

    prompt: str
    count: int = 1
    adapter: Wanted = "auto"
    """ "auto", "none", or adapters by number or start of a hash, each with `:SCALE` or without."""
    edges: Path | None = None
    """A picture. The drawing follows its edges."""
    out: Path = Path("outputs")
    """A folder, or a name ending in .png."""


def generate(place: Workplace, drawing: Drawing, config: GenerateConfig) -> Drawn:
    """Draw a prompt and write the pictures. Every check that needs no model comes before the models are loaded."""
    require(
        1 <= drawing.count <= MOST_PICTURES,
        f"The number of pictures is {drawing.count}.",
        f"Give 1 to {MOST_PICTURES}.",
    )
    wanted = read_adapters(drawing.adapter)
    config = config.preferring(place.spec.generate)
    template = parse(drawing.prompt)
    require_words(template)
    concepts = named_concepts(place, template)
    edged = place.door.photo(drawing.edges).image if drawing.edges else None
    make_room(drawing.out)
    adapters, choice = choose_adapters(place, wanted, concepts)
    nouns = {concept.name: concept.noun for concept in concepts}
    for notice in (*choice.notices, *notes_about(template, nouns, concept_names(place), place.spec)):
        place.notify(notice)
    size = config.size(place.stack.resolution)
    config = _planned(place, config, size, drawing.count)
    from lambda_studio.generation.generator import draw_each
    from lambda_studio.models.adapters.adapter import ScaledFile
    from lambda_studio.workflows.drawing.pictures import texts_of, write_each

    prompt, negative = bind(template, nouns, place.stack.tokenizer), _negative(place, config)
    first = _first_seed(config, place.notify)
    seeds = range(first, first + drawing.count)
    requests, zero_image_embeds = _requests(place, prompt, concepts, edged, seeds)
    requests = [replace(each, negative=negative) for each in requests]
    batches = -(-drawing.count // config.batch_size)
    texts = texts_of(template, config, concepts, place.spec.name, adapters, drawing.edges)
    with place.progress("Drawing", total=batches * config.num_inference_steps) as advance:
        files = [ScaledFile(each.path, each.scale) for each in adapters]
        pictures = draw_each(place.stack, requests, zero_image_embeds, config, files, lambda *_: advance())
        written = write_each(pictures, texts, drawing.out, drawing.prompt, place.notify)
    return Drawn(
        prompt=drawing.prompt,
        pictures=tuple(DrawnPicture(path, seed) for path, seed in written),
        stack=place.spec.name,
        adapter=adapters[0].record.id if adapters else None,
        stale=choice.stale,
        height=size.height,
        width=size.width,
        adapters=tuple(DrawnAdapter(each.record.id, each.record.sha256, each.scale) for each in adapters),
    )


def _planned(place: Workplace, config: GenerateConfig, size: Size, count: int) -> GenerateConfig:
    """Return the settings with the number of pictures at once that fits the GPU, and say it. Raises InvalidSetting."""
    place.stack.require_size(size)
    plan = place.stack.drawing_plan(count, config.batch_size, size)
    if plan is None:
        return config
    place.notify(plan.said(size))
    place.stack.frees_idle = plan.frees_idle
    return replace(config, batch_size=plan.batch_size, decode_in_tiles=config.decode_in_tiles or plan.in_tiles)


def _negative(place: Workplace, config: GenerateConfig) -> BoundPrompt | None:
    """Return the negative prompt, or None. Raises PromptInvalid if it names a concept, or is too long."""
    if not config.negative_prompt.strip():
        return None
    template = parse(config.negative_prompt)
    if template.references:
        cause = f"The negative prompt names <{template.references[0].name}>."
        raise PromptInvalid(cause, "Say in words what shall not be drawn, for example: snow")
    if note := note_unlearnt(template.text, place.spec):
        place.notify(note)
    return bind(template, {}, place.stack.tokenizer)


def _first_seed(config: GenerateConfig, notify: Callable[[str], None]) -> int:
    """Return the seed, or a new one, which is told, so that its pictures can be drawn again."""
    if config.seed is not None:
        return config.seed
    seed = secrets.randbelow(NEW_SEEDS)
    notify(f"The seed is {seed}.")
    return seed


def named_concepts(place: Workplace, template: Template) -> list[ConceptRecord]:
    """Read the prompt's concepts in one query. Raises PromptInvalid, with the nearest names, for an unknown name."""
    library = place.library
    with place.database.reading() as registry:
        concepts = registry.find_concepts(library, template.names)
        if len(concepts) < len(template.names):
            _explain_unknown(registry, library, template, concepts)
            require_known(template, [near.name for near in registry.concepts_near(library, template.names)])
    return concepts


def _explain_unknown(registry: Registry, library: str, template: Template, concepts: Sequence[ConceptRecord]) -> None:
    """Raise PromptInvalid for the first unknown name that is a removed concept's, or the noun of a concept."""
    known = {name_key(concept.name) for concept in concepts}
    removed = {name_key(each.name): each.name for each in registry.removed_concepts(library)}
    nouns: dict[str, list[str]] = {}
    for each in registry.concepts(library):
        nouns.setdefault(name_key(each.noun), []).append(each.name)
    for name in (name for name in template.names if name_key(name) not in known):
        key = name_key(name)
        if key in removed:
            remedy = f"Restore it: studio concepts restore {shlex.quote(removed[key])}"
            raise PromptInvalid(f"The prompt names <{name}>, which was removed.", remedy)
        if key in nouns:
            cause = f"The prompt names <{name}>, which the library does not have."
            raise PromptInvalid(cause, _of_noun(nouns[key][:MOST_NEAR], name))


def _of_noun(names: Sequence[str], noun: str) -> str:
    """Return the remedy that names the concepts of a noun."""
    meant = " or ".join(f"<{name}>" for name in names)
    return f"Did you mean {meant}? {'Its' if len(names) == 1 else 'Their'} noun is {noun}."


def concept_names(place: Workplace) -> list[str]:
    """Return the names of all concepts of the library."""
    library = place.library
    with place.database.reading() as registry:
        return registry.concept_names(library)


def _requests(
    place: Workplace,
    prompt: BoundPrompt,
    concepts: Sequence[ConceptRecord],
    edged: "Image.Image | None",
    seeds: Sequence[int],
) -> "tuple[list[PictureRequest], Tensor]":
    """Return one request for each seed, with the embeddings of subjects and edges, and the embedding for no picture."""
    import torch

    from lambda_studio.generation.conditioning import blend
    from lambda_studio.generation.generator import PictureRequest

    embeddings, computed = place.embedder.subjects(concepts)
    zero_image_embeds = place.embedder.zero()
    control = place.edge_embeds(edged) if edged else None
    if computed or edged:
        place.stack.free("clip")  # the next steps need only the text tower
    subjects = {name: blend(torch.stack(values)) for name, values in embeddings.items()}
    return [PictureRequest(prompt, seed, subjects, control) for seed in seeds], zero_image_embeds
