"""Pictures of what an image embedding alone keeps (λ-ECLIPSE, Figure 3): the decoder draws CLIP's embedding itself."""

from pathlib import Path

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lambda_studio.config import read_adapters, require, require_seeds
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.pictures.crops import cut_out, square_crop
from lambda_studio.pictures.edges import edge_map
from lambda_studio.pictures.files.formats import PICTURE_SUFFIXES
from lambda_studio.pictures.outputs import require_place, sheet_beside, write_picture
from lambda_studio.pictures.sheet import draw_sheet
from lambda_studio.workflows.answers.pictures import DrawnPicture, Reconstructed
from lambda_studio.workflows.cache.left_out import is_left_out
from lambda_studio.workflows.drawing.adapter_choice import choose_adapters
from lambda_studio.workflows.drawing.asking.preparing import MOST_PICTURES, Drawing, new_seed
from lambda_studio.workflows.drawing.embeds import drawn_from
from lambda_studio.workflows.drawing.pictures import Destination, Inputs, texts_of, write_each
from lambda_studio.workflows.evaluating.views import views_of
from lambda_studio.workflows.workplace import Workplace

SHOWN = 256
"""Pixels on a side of the source on the sheet."""


def reconstruct(place: Workplace, source: str, edges: bool, wishes: Drawing) -> Reconstructed:
    """Draw the embedding of a picture file, of its edges, or of a concept, and compare the pictures with it.

    No text and no prior take part. `wishes` says settings, number, adapter and folder.

    Raises:
        ImageRefused, ConceptNotFound, InvalidSetting, AdapterNotFound, and the errors of model loading.
    """
    count = wishes.count
    require(1 <= count <= MOST_PICTURES, f"The number of pictures is {count}.", f"Give 1 to {MOST_PICTURES}.")
    config = wishes.config.preferring(place.spec.generate)
    require_place(wishes.out)
    place.stack.require_size(config.size(place.stack.resolution))
    wanted = read_adapters(wishes.adapter)
    cause = "The adapter is auto, which is chosen by the concepts of a prompt, and no prompt takes part."
    require(all(each.name != "auto" for each in wanted), cause, "Give none, or an adapter by its number.")
    adapters, choice = choose_adapters(place, wanted, [])
    for notice in choice.notices:
        place.notify(notice)
    is_file = Path(source).is_file()
    require(
        is_file or not edges, f"{source} is no picture file.", "The edges are those of a file: leave out edges=True."
    )
    embedding, shown = _of_file(place, Path(source), edges) if is_file else _of_concept(place, source)
    first = config.seed if config.seed is not None else new_seed()
    if config.seed is None:
        place.notify(f"The seed is {first}.")
    require_seeds(first, count)
    seeds = range(first, first + count)
    pictures = drawn_from(place, embedding.expand(count, -1), seeds, config, adapters)
    title = f"{Path(source).stem} from its embedding"
    inputs = Inputs(
        words=f"{Path(source).name} from its embedding", config=config, size=config.size(place.stack.resolution),
        concepts=[] if is_file else place.get_concepts([source]), adapters=adapters,
        origin={"command": _command(Path(source).name if is_file else source, edges, count, first)},
    )  # fmt: skip
    to = Destination(texts_of(place, inputs), wishes.out, title, several=count > 1)
    written = write_each(pictures, [to] * count, place.notify)
    images = [each.image for each in written]
    own = ClipLikeness(place.stack).embed([View(image, "") for image in images])
    likeness = F.cosine_similarity(own, embedding.cpu()[None]).tolist()
    drawn = tuple(
        DrawnPicture(each.path, each.seed, {source: {"CLIP-I": round(value, 4)}})
        for each, value in zip(written, likeness, strict=True)
        if each.path
    )
    labels = [Path(source).name, *(f"{value:.2f}" for value in likeness)]
    sheet = write_picture(draw_sheet([shown, *images], labels), {}, sheet_beside(wishes.out), f"sheet {title}")
    return Reconstructed(source, drawn, sheet, place.spec.name)


def _command(source: str, edges: bool, count: int, seed: int) -> list[str]:
    """Return the words of the command that draws the pictures again, without settings that are texts of their own."""
    return ["reconstruct", source, *(["--edges"] if edges else []), "--number", str(count), "--seed", str(seed)]


def _of_file(place: Workplace, path: Path, edges: bool) -> tuple[Tensor, Image.Image]:
    """Return the embedding of a picture's middle square, or of its edges, and what was embedded."""
    image = place.door.photo(path).image
    if edges:
        return place.edge_embeds(image).cpu(), edge_map(image, place.spec.edges, place.stack.resolution, SHOWN)
    clip = place.stack.clip(("vision",))
    return clip.encode_images([square_crop(image, clip.image_size)])[0].cpu(), square_crop(image, SHOWN)


def _of_concept(place: Workplace, name: str) -> tuple[Tensor, Image.Image]:
    """Return the embedding of a concept, as prompts use it, and its first cut-out, or white if it has no pictures."""
    library = place.library
    with place.database.reading() as registry:
        known = registry.find_concept(library, name) is not None
    remedy = "Give one picture, or the name of a concept."
    require(known or not Path(name).is_dir(), f"{name} is a folder.", remedy)
    is_path = Path(name).suffix.lower() in PICTURE_SUFFIXES or Path(name).name != name
    require(known or not is_path, f"There is no file {name}.", remedy)
    (concept,) = place.get_concepts([name])
    embedding = place.embedder.blended(concept)
    if any(map(is_left_out, concept.images)):
        return embedding, Image.new("RGB", (SHOWN, SHOWN), "white")
    (view,) = views_of(place, concept, concept.images[:1])
    return embedding, cut_out(view.image, view.mask, SHOWN)
