"""From a prompt to picture files: the concepts it names, the adapter that knows them, and the drawing."""

from pathlib import Path

from lambda_studio.config import GenerateConfig, require
from lambda_studio.pictures.outputs import make_room
from lambda_studio.workflows.answers import Drawn, DrawnPicture
from lambda_studio.workflows.drawing.adapter_choice import choose_adapter
from lambda_studio.workflows.drawing.naming import read_prompt
from lambda_studio.workflows.workplace import Workplace


def generate(
    place: Workplace,
    prompt: str,
    count: int,
    adapter: str | int,
    edges: Path | None,
    out: Path,
    config: GenerateConfig,
) -> Drawn:
    """Draw a prompt and write the pictures. What can be refused is refused before a model is loaded."""
    require(count >= 1, f"The number of pictures is {count}.", "Give 1 or more.")
    config = config.preferring(place.spec.generate)
    template = read_prompt(prompt, place.nouns_near)
    concepts = place.get_concepts(template.names)
    edged = place.door.photo(edges).image if edges else None
    make_room(out)
    choice = choose_adapter(place, adapter, concepts)
    for notice in choice.notices:
        place.notify(notice)
    from lambda_studio.workflows.drawing.pictures import draw, texts_of, write_drawing

    embeddings, computed = place.embedder.subjects(concepts)
    zero_image_embeds = place.embedder.zero()
    control = place.edge_embeds(edged) if edged else None
    if computed or edged:
        place.stack.free("clip")  # only the text tower is needed from here on
    pictures = draw(
        place.stack,
        template,
        concepts,
        embeddings,
        zero_image_embeds,
        control,
        config,
        count,
        choice.path,
        place.progress,
    )
    texts = texts_of(template, config, concepts, place.spec.name, choice.adapter, edges)
    return Drawn(
        prompt=prompt,
        pictures=tuple(DrawnPicture(write_drawing(item, texts, out, prompt), item.seed) for item in pictures),
        stack=place.spec.name,
        adapter=choice.adapter.id if choice.adapter else None,
        stale=choice.stale,
    )
