"""Preview pictures during a fine-tuning: the generator draws the same prompts and seeds with the present decoder."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from concepts.durable import make_folder, staged_file
from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig, GenerateConfig, require
from lambda_studio.generation.generator import condition_prompts, draw_embeds, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import Template, escaped, name_key, parse, require_words
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.progress import unheard
from lambda_studio.training.hooks import ModelReport
from lambda_studio.workflows.workplace import Workplace

FIRST = 4
"""The number of concepts that have a preview if no prompts are given."""
DRAWN = GenerateConfig(num_inference_steps=20, batch_size=4)
"""Fewer steps than `generate` takes: previews show what is learnt, and shall take little time."""
FILE = re.compile(r"step-(\d+)-(\d+)\.png")
TILE, GAP, LABEL = 160, 6, 22
INK, PAPER = "#20242a", "#ffffff"


@dataclass(frozen=True)
class PreviewRequests:
    """The prompts of the previews, and the prior's embeddings for them."""

    prompts: tuple[str, ...]
    image_embeds: Float[Tensor, "prompt dim"]
    zero_image_embeds: Float[Tensor, " dim"]


def preview_templates(prompts: Sequence[str], concepts: Sequence[ConceptRecord]) -> list[Template]:
    """Return the prompts of previews, parsed.

    Raises InvalidSetting for a prompt that names a concept which is not trained, and PromptInvalid.
    """
    templates = [parse(prompt) for prompt in prompts]
    known = {name_key(concept.name) for concept in concepts}
    for template in templates:
        require_words(template)
        for name in template.names:
            cause = f"The preview {template.text!r} names {name}, which is not trained."
            require(name_key(name) in known, cause, f"Trained are: {', '.join(each.name for each in concepts)}.")
    return templates


def preview_requests(place: Workplace, concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> PreviewRequests:
    """Return the previews' prompts with their embeddings. Afterwards CLIP's text tower and the prior are in memory.

    Raises InvalidSetting for a prompt that names a concept which is not trained, and PromptInvalid.
    """
    prompts = config.preview_prompts or tuple(f"a <{escaped(concept.name)}>" for concept in concepts[:FIRST])
    templates = preview_templates(prompts, concepts)
    known = {name_key(concept.name): concept for concept in concepts}
    zero, stack = place.embedder.zero(), place.stack
    nouns = {concept.name: concept.noun for concept in concepts}
    named = [[known[name_key(name)] for name in template.names] for template in templates]
    subjects = [{concept.name: place.embedder.blended(concept) for concept in each} for each in named]
    bound = [bind(template, nouns, stack.tokenizer) for template in templates]
    inputs = condition_prompts(stack.clip(("text",)), bound, subjects, zero)
    embeds = predict_image_embeds(stack.prior(), inputs, range(len(prompts))).cpu()
    return PreviewRequests(prompts, embeds, zero)


class Previews:
    """Draws the previews of a run into its folder, and a sheet of all of them: a row a prompt, a column a step."""

    def __init__(
        self,
        decoder: Decoder,
        requests: PreviewRequests,
        folder: Path,
        drawn: GenerateConfig = DRAWN,
        notify: Callable[[str], None] = unheard,
    ):
        """Take the decoder that is trained, with an autoencoder."""
        self.decoder, self.requests, self.folder = decoder, requests, folder
        self.drawn, self.notify = drawn, notify
        self.too_large = False
        """Whether the GPU's memory was too small for a preview."""

    @property
    def sheet(self) -> Path:
        """The path of the sheet."""
        return sheet_of(self.folder)

    def draw(self, report: ModelReport) -> None:
        """Draw the prompts with the model as it is after a step."""
        requests, seeds = self.requests, range(len(self.requests.prompts))
        if self.too_large:
            return
        try:
            with report.evaluating():
                zero = requests.zero_image_embeds
                pictures = draw_embeds(self.decoder, requests.image_embeds, zero, seeds, self.drawn)
        except torch.OutOfMemoryError:
            self.too_large = True
            self.notify("There is too little GPU memory for previews beside the training: none are drawn from now on.")
            return
        make_folder(self.folder / "previews")
        for number, picture in enumerate(pictures, start=1):
            with staged_file(self.folder / "previews" / f"step-{report.step:06}-{number}.png", replace=True) as staged:
                picture.to_image().save(staged, "PNG")
        with staged_file(self.sheet, replace=True) as staged:
            draw_sheet(requests.prompts, self._pictures()).save(staged, "PNG")

    def _pictures(self) -> dict[int, list[Path]]:
        """Return the pictures of each step that has one of every prompt."""
        columns: dict[int, list[Path]] = {}
        for path in sorted((self.folder / "previews").iterdir()):
            if matched := FILE.fullmatch(path.name):
                columns.setdefault(int(matched[1]), []).append(path)
        return {step: paths for step, paths in columns.items() if len(paths) == len(self.requests.prompts)}


def sheet_of(folder: Path) -> Path:
    """Return the path of the sheet of previews in a run's folder."""
    return folder / "previews.png"


def draw_sheet(prompts: Sequence[str], columns: Mapping[int, Sequence[Path]]) -> Image.Image:
    """Draw the pictures of each step in a column, with the prompt above each row."""
    font = ImageFont.load_default(14)
    size = (GAP + len(columns) * (TILE + GAP), LABEL + len(prompts) * (LABEL + TILE + GAP))
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, (step, paths) in enumerate(columns.items()):
        x = GAP + column * (TILE + GAP)
        pen.text((x, 3), f"step {step:,}" if step else "before", INK, font)
        for row, path in enumerate(paths):
            with Image.open(path, formats=("PNG",)) as picture:
                tile = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS)
            sheet.paste(tile, (x, LABEL + row * (LABEL + TILE + GAP) + LABEL))
    for row, prompt in enumerate(prompts):
        pen.text((GAP, LABEL + row * (LABEL + TILE + GAP) + 3), prompt, INK, font)
    return sheet
