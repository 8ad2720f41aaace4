"""The subjects, models and questions of the claims."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.by_clip import ClipComposition
from lambda_studio.generation.conditioning import condition
from lambda_studio.generation.generator import draw_embeds, predict_image_embeds
from lambda_studio.generation.guidance import guided
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import ddim, ddim_schedule
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleComposition, PictureReader
from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.recipe.stages.prior import Joining
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import NOUNS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import Rendered, render, render_cutouts
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack, resolve_stack

REFERENCES = 5
STEPS = 20
"""Denoising steps of the claims' pictures. The stack's own are 50."""


@dataclass(frozen=True)
class Subject:
    """A subject that no training saw."""

    who: Identity
    """One row."""
    noun: str
    embeds: Tensor
    """The mean embedding of its cut-out references."""
    identity: Tensor
    """The oracle's mean identity embedding of its photographs, of length 1."""


class Players:
    """The miniature's models, and subjects that no training saw.

    Args:
        prior: the folder of another prior than the miniature's own.
        joining: how that prior was trained to join the embeddings of subjects with the text.
    """

    def __init__(self, prior: Path | None = None, joining: Joining = condition):
        self._prior, self._joining = prior, joining

    @cached_property
    def stack(self) -> Stack:
        """The miniature, in float32 on the CPU."""
        spec = resolve_stack("miniature")
        own = replace(spec, prior=str(self._prior)) if self._prior else spec
        return Stack(own, device="cpu", dtype=torch.float32)

    @cached_property
    def reader(self) -> PictureReader:
        """The oracle."""
        return PictureReader()

    @cached_property
    def zero(self) -> Tensor:
        """The embedding of no picture."""
        return self.stack.clip().zero_image_embeds()

    @property
    def config(self) -> GenerateConfig:
        """The settings of all pictures."""
        return GenerateConfig(num_inference_steps=STEPS).preferring(self.stack.spec.generate)

    def subjects(self, count: int, seed: int, nouns: tuple[str, ...] = tuple(FIGURES)) -> list[Subject]:
        """Return subjects of a seed, each with references and photographs."""
        generator = seeded(seed, "paper", *nouns)
        who = identities(count, generator, held_out=True, nouns=nouns)
        clip = self.stack.clip()
        views = torch.stack([clip.encode_pixels(render_cutouts(who, generator)) for _ in range(REFERENCES)])
        found = []
        for row in range(count):
            one = who[row : row + 1]
            reading = self.reader.read(photographs(one, REFERENCES, seed + row))
            identity = torch.nn.functional.normalize(reading.identity[:, int(one.noun)].mean(0), dim=-1)
            found.append(Subject(one, NOUNS[int(one.noun)], views[:, row].mean(0), identity))
        return found

    def drawn(
        self, asked: Sequence[tuple[str, Sequence[Subject]]], seed: int, controls: Tensor | None = None
    ) -> list[Image.Image]:
        """Draw one picture for each prompt, in which `{0}`, `{1}` stand for its subjects.

        Args:
            controls: the embedding of an edge map for each picture.
        """
        return self.drawn_embeds(self.predicted(asked, seed, controls), seeds_of(asked, seed))

    def predicted(
        self, asked: Sequence[tuple[str, Sequence[Subject]]], seed: int, controls: Tensor | None = None
    ) -> Tensor:
        """Return what the prior predicts for each prompt of `drawn`, `prompt dim`."""
        prompts, embeds = [], []
        for words, subjects in asked:
            named = {f"s{at}": subject for at, subject in enumerate(subjects)}
            template = parse(words.format(*(f"<{name}>" for name in named)))
            prompts.append(bind(template, {name: each.noun for name, each in named.items()}, self.stack.tokenizer))
            embeds.append({name: each.embeds for name, each in named.items()})
        text = self.stack.text_states.encode_text(torch.tensor([prompt.token_ids for prompt in prompts]))
        inputs = self._joining(text, prompts, embeds, self.zero if controls is None else controls)
        return predict_image_embeds(self.stack.prior(), inputs, seeds_of(asked, seed))

    def drawn_embeds(self, image_embeds: Tensor, seeds: Sequence[int]) -> list[Image.Image]:
        """Draw one picture for each image embedding."""
        decoder = self.stack.decoder()
        return [each.to_image() for each in draw_embeds(decoder, image_embeds, self.zero, seeds, self.config)]

    def drawn_noises(self, image_embeds: Tensor, noises: Tensor) -> list[Image.Image]:
        """Draw one embedding from each noise, `picture channel h w`."""
        decoder, config = self.stack.decoder(), self.config
        scheduler = ddim_schedule(decoder.scheduler, config.num_inference_steps)
        with torch.inference_mode():
            negative, positive = (
                decoder.condition(each.expand(len(noises), -1))
                for each in (decoder.no_picture(self.zero), image_embeds)
            )
            denoise = guided(decoder.denoise, positive, negative, config.guidance_scale)
            latents = ddim(denoise, scheduler, noises, scheduler.timesteps.tolist())
            return images_of(decoder.decode(latents.clone()))

    def scores(self, images: Sequence[Image.Image], asked: Sequence[tuple[str, Sequence[Subject]]]) -> dict[str, float]:
        """Return identity, present (both over all subjects), composition and CLIP-T."""
        reading = self.reader.read(images)
        pairs = [(row, subject) for row, (_, subjects) in enumerate(asked) for subject in subjects]
        texts = [words.format(*(subject.noun for subject in subjects)) for words, subjects in asked]
        composed = OracleComposition(self.reader).score(images, texts)
        clip_t = ClipComposition(self.stack).score(images, texts)
        return {
            "identity": fmean(identity(reading, row, subject) for row, subject in pairs),
            "present": fmean(is_present(reading, row, subject) for row, subject in pairs),
            "composition": float(composed.mean()),
            "CLIP-T": float(clip_t.mean()),
        }


def seeds_of(asked: Sequence[object], seed: int) -> list[int]:
    """Return the seeds of the pictures of these prompts, for a seed of a claim."""
    return [1000 * seed + number for number in range(len(asked))]


def identity(reading: Reading, row: int, subject: Subject) -> float:
    """Return the cosine similarity of a subject in a picture with its photographs."""
    return float(reading.identity[row, NOUNS.index(subject.noun)] @ subject.identity)


def is_present(reading: Reading, row: int, subject: Subject) -> float:
    """Return 1 if the oracle sees the subject's noun in a picture, else 0."""
    return float(reading.nouns["present"][row, NOUNS.index(subject.noun), 0] > 0)


def photographs(who: Identity, count: int, seed: int) -> list[Image.Image]:
    """Return pictures of one subject, alone and undressed, each in a place of its own."""
    return images_of(photographed(who, count, seed).images)


def photographed(who: Identity, count: int, seed: int) -> Rendered:
    """Return the pictures of `photographs` as they are rendered, with what the subject covers."""
    alone = torch.zeros(count, dtype=torch.int64)
    cast = in_every_slot(who[alone])
    scene = scenes(count, seeded(seed, "photographs", "paper"), who=cast, relation=alone, worn_share=0.0)
    return render(scene)


def images_of(pixels: Tensor) -> list[Image.Image]:
    """Return pictures from `image 3 height width` in 0..1."""
    values = rearrange((pixels.clamp(0, 1) * 255).round().byte(), "n c h w -> n h w c").numpy()
    return [Image.fromarray(np.ascontiguousarray(each)) for each in values]
