"""Read what a pipeline's caller gives: subjects by name, their nouns, and prompts with these names."""

from collections.abc import Callable, Mapping, Sequence

from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from lambda_studio.config import require
from lambda_studio.errors import ImageRefused, PromptInvalid
from lambda_studio.generation.prompt import BoundPrompt, Tokenizer, bind
from lambda_studio.generation.template import Template, name_key, parse
from lambda_studio.pictures.crops import cut_out
from lambda_studio.pictures.parts import subject_box
from lambda_studio.pipeline.encoding import PipelineEncoders

Subject = Image.Image | Sequence[Image.Image] | Tensor
"""One or more reference images, or their embeddings: one, or a matrix with a row for each image."""


def embed_subjects(subjects: Mapping[str, Subject], encoders: PipelineEncoders) -> dict[str, list[Tensor]]:
    """Return the embeddings of each subject's reference images. Images are encoded in one batch.

    An image's transparency is the subject's mask: the subject is placed on white. Otherwise the whole image is used.
    """
    given = {name: _references(name, subject) for name, subject in subjects.items()}
    images = [each for many in given.values() for each in many if isinstance(each, Image.Image)]
    cut = [_cut_out(image, encoders.image_size) for image in images]
    encoded = iter(encoders.encode_images(cut) if cut else ())
    return {
        name: [next(encoded) if isinstance(each, Image.Image) else each for each in many]
        for name, many in given.items()
    }


def _references(name: str, subject: Subject) -> list[Image.Image] | list[Float[Tensor, " dim"]]:
    """Return the reference images of a subject, or their embeddings."""
    if isinstance(subject, Image.Image):
        return [subject]
    if isinstance(subject, Tensor):
        remedy = "Give one embedding, or a matrix with a row for each image."
        require(subject.ndim in (1, 2), f"The embeddings of {name!r} have the shape {tuple(subject.shape)}.", remedy)
        found = list(subject if subject.ndim == 2 else subject[None])
    else:
        found = list(subject)
    require(bool(found), f"The subject {name!r} has no image.", "Give at least one image, or an embedding.")
    return found


def _cut_out(image: Image.Image, size: int) -> Image.Image:
    """Return the subject on white, upright, in a square of `size` pixels."""
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    alpha, rgb = upright.getchannel("A"), upright.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return cut_out(rgb, None, size)
    if subject_box(alpha) is None:
        cause = "A reference image is transparent everywhere, so it shows no subject."
        raise ImageRefused(cause, "Make the subject opaque, and its background transparent.")
    return cut_out(rgb, alpha, size)


def nouns_of(subjects: Mapping[str, Subject], nouns: Mapping[str, str]) -> dict[str, str]:
    """Return the noun of each subject. A subject without one is named by its own noun, as in `<dog>`.

    Raises InvalidSetting for a noun of a name that is no subject, and for two spellings of one name.
    """
    keys = {name_key(name): name for name in subjects}
    same = [name for name in subjects if keys[name_key(name)] != name]
    require(not same, f"Two subjects are called {', '.join(same)}.", "Give each subject a name of its own.", "subjects")
    unknown = [name for name in nouns if name_key(name) not in keys]
    known = ", ".join(subjects) or "none"
    require(not unknown, f"nouns has {', '.join(unknown)}.", f"Give nouns of the subjects: {known}.", "nouns")
    given = {name_key(name): noun for name, noun in nouns.items()}
    return {name: given.get(key, name) for key, name in keys.items()}


def bind_prompt(
    prompt: str,
    nouns: Mapping[str, str],
    references: Mapping[str, Sequence[Tensor]],
    tokenizer: Tokenizer,
    on_cut: Callable[[str], None],
) -> BoundPrompt:
    """Return a prompt, bound to tokens. Raises PromptInvalid for a name or an image that was not given."""
    template = parse(prompt)
    counts = {name_key(name): len(many) for name, many in references.items()}
    for each in template.references:
        if each.any_of is not None:
            raise PromptInvalid("The prompt has a wildcard, which stands for a library's concepts.", "Write a name.")
        if name_key(each.name) not in counts:
            known = f"They have: {', '.join(references)}." if references else "They are empty."
            cause = f"The prompt names <{each.name}>, which the subjects do not have. {known}"
            raise PromptInvalid(cause, f"Give its images: subjects={{{each.name!r}: [image, ...]}}")
        _require_images(each.name, each.images, counts[name_key(each.name)])
    return bind(template, nouns, tokenizer, on_cut)


def _require_images(name: str, numbers: Sequence[int], has: int) -> None:
    if wrong := [number for number in numbers if number > has]:
        cause = f"The prompt asks for image {wrong[0]} of {name}, which has {has}."
        raise PromptInvalid(cause, f"Give 1 to {has}." if has > 1 else f"Write <{name}>.")


def bind_negative(prompt: str, tokenizer: Tokenizer, on_cut: Callable[[str], None]) -> BoundPrompt | None:
    """Return a negative prompt, bound to tokens; None if it is empty. Raises PromptInvalid if it has a name."""
    if not prompt.strip():
        return None
    template: Template = parse(prompt)
    if template.references:
        cause = f"The negative prompt names <{template.references[0].name}>."
        raise PromptInvalid(cause, "Say in words what shall not be drawn, for example: snow")
    return bind(template, {}, tokenizer, on_cut)
