"""The comparisons: the prior, the prompt's way to the image embedding, the sampler, and Eq. 2's gradients."""

import itertools
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import KandinskyV22Pipeline, UnCLIPScheduler
from PIL import Image
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds, prior_seed
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import ddim_schedule, sample
from lambda_studio.generation.template import parse
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.objectives.objectives import NoisedBatch, noise_prediction_loss

from . import official, tiny
from .row import Row

PROMPTS = (
    ("a <a> on the beach", {"a": "dog"}),
    ("a photo of a <a> wearing a <b>", {"a": "cat", "b": "hat"}),
    ("a <a> beside a <b> beside a <c> in the snow", {"a": "teapot", "b": "robot", "c": "vase"}),
    ("the red <a>", {"a": "backpack"}),
)
"""Prompts that the official code reads as we do: every noun is one token, and appears once."""


def both_priors(checkout: Path, shape: str, seed: int) -> tuple[Any, PriorTransformer]:
    """Return the official prior and ours, with the same random weights."""
    context = 77 if shape == "published" else tiny.CONTEXT
    kwargs = {**tiny.PRIORS[shape], "num_embeddings": context}
    theirs = official.prior_class(checkout)(**kwargs, additional_embeddings=4)
    tiny.shake(theirs, torch.Generator().manual_seed(seed), 0.05)
    ours = PriorTransformer(**kwargs)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.eval()


def prior(checkout: Path, _: Path) -> list[Row]:
    """Compare the prior's output and every gradient, for texts of several lengths."""
    rows = []
    for shape, seeds in (("small", range(12)), ("published", range(2))):
        output = Row(f"λ prior, {shape} size: output", "the official class", 1e-6)
        gradients = Row(f"λ prior, {shape} size: gradients of all weights", "the official class", 1e-5)
        for seed in seeds:
            theirs, ours = both_priors(checkout, shape, seed)
            generator, dim = torch.Generator().manual_seed(100 + seed), ours.config["embedding_dim"]
            length = ours.config["num_embeddings"]
            noise, pooled, control = (torch.randn(3, dim, generator=generator) for _ in range(3))
            states = torch.randn(3, length, dim, generator=generator)
            mask = torch.arange(length) < torch.randint(2, length + 1, (3, 1), generator=generator)
            seen = theirs(noise, pooled, states, mask, control).predicted_image_embedding
            made = ours(noise, states, pooled, control, mask)
            output.compare(made, seen)
            for found in (seen, made):
                found.pow(2).mean().backward()
            pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
            graded = [(one.grad, other.grad) for one, other in pairs if other.grad is not None]
            gradients.compare(*(torch.cat([each[i].flatten() for each in graded]) for i in range(2)))
        rows += [output, gradients]
    return rows


def prompts(checkout: Path, work: Path) -> list[Row]:
    """Compare the image embedding of a prompt with subjects, from the same CLIP, prior, pictures and noise."""
    row = Row("prompt and pictures to image embedding", "the official pipeline, transformers' CLIP", 1e-5)
    for seed, (template, nouns) in itertools.product(range(3), PROMPTS):
        pipeline, prior_of_ours, clip = _composers(checkout, work / f"clip{seed}", seed)
        noise = np.random.default_rng(seed)
        size = (tiny.VISION["image_size"],) * 2
        pictures = {n: Image.fromarray(noise.integers(0, 256, (*size, 3), dtype=np.uint8)) for n in nouns}
        asked = {"prompt": _spelled(template, nouns), "subject_images": list(pictures.values())}
        asked["subject_keywords"] = list(nouns.values())
        generator = torch.Generator().manual_seed(prior_seed(seed))
        theirs = pipeline(raw_data=asked, generator=generator).image_embeds
        embeds = dict(zip(nouns, clip.encode_images(list(pictures.values())), strict=True))
        bound = bind(parse(template), nouns, clip.tokenizer)
        inputs = condition_prompts(clip, [bound], [embeds], clip.zero_image_embeds())
        row.compare(predict_image_embeds(prior_of_ours, inputs, [seed]), theirs)
    return [row]


def _spelled(template: str, nouns: dict[str, str]) -> str:
    for name, noun in nouns.items():
        template = template.replace(f"<{name}>", noun)
    return template


def _composers(checkout: Path, folder: Path, seed: int) -> tuple[Any, PriorTransformer, Any]:
    """Return the official pipeline, and our prior and CLIP with the same weights."""
    generator = torch.Generator().manual_seed(seed)
    text = tiny.shake(CLIPTextModelWithProjection(CLIPTextConfig(**tiny.TEXT)), generator, 0.3)
    vision = tiny.shake(CLIPVisionModelWithProjection(CLIPVisionConfig(**tiny.VISION)), generator, 0.3)
    side = tiny.VISION["image_size"]
    processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    if not folder.exists():
        for model, name in ((text, "text_encoder"), (vision, "image_encoder"), (processor, "image_processor")):
            model.save_pretrained(folder / name)
        tiny.save_tokenizer(folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", model_max_length=tiny.CONTEXT)
    theirs, ours = both_priors(checkout, "small", seed)
    kind = official.pipeline_class(checkout)
    pipeline = kind(theirs, vision, text, tokenizer, UnCLIPScheduler(), processor)
    return pipeline, ours, load_clip(f"local-dir:{folder}")


def sampler(_: Path, work: Path) -> list[Row]:
    """Compare pictures, for several numbers of steps, guidances and batches.

    Ours are decoded one by one, to save memory. Decoded together they differ by rounding, so theirs are decoded so too.
    """
    row = Row("image embedding to picture", "diffusers' KandinskyV22Pipeline with DDIM", 1e-5)
    decoder = load_decoder(tiny.save_decoder(work / "decoder", 0))
    for steps, guidance, count in itertools.product((1, 5, 12), (1.0, 4.0, 7.5), (1, 3)):
        embeds = torch.randn(count, tiny.DIM, generator=torch.Generator().manual_seed(steps))
        negative, seeds = torch.randn(tiny.DIM, generator=torch.Generator().manual_seed(99)), list(range(count))
        config = GenerateConfig(num_inference_steps=steps, guidance_scale=guidance, resolution=32)
        scheduler = ddim_schedule(decoder.scheduler, steps)
        pipeline = KandinskyV22Pipeline(unet=decoder.unet, movq=decoder.movq, scheduler=scheduler)
        pipeline.set_progress_bar_config(disable=True)
        latents = pipeline(
            image_embeds=embeds, negative_image_embeds=negative.expand_as(embeds), height=32, width=32,
            num_inference_steps=steps, guidance_scale=guidance, output_type="latent",
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images  # fmt: skip
        with torch.no_grad():
            pictures = [decoder.movq.decode(each, force_not_quantize=True).sample for each in latents.split(1)]
        theirs = (torch.cat(pictures) / 2 + 0.5).clamp(0, 1)
        row.compare(sample(decoder, embeds, negative, seeds, config), theirs)
    return [row]


def equation_2(checkout: Path, work: Path) -> list[Row]:
    """Compare the loss and every gradient of the UNet, from the same latents, noise and timesteps."""
    loss = Row("Eq. 2: loss", "the official script's own lines", 1e-6)
    gradients = Row("Eq. 2: gradients of the UNet", "the official script's own lines", 1e-5)
    lines = official.loss_lines(checkout)
    decoder = load_decoder(tiny.save_decoder(work / "tuned", 1))
    unet = decoder.unet.requires_grad_(True).train()
    for seed in range(6):
        torch.manual_seed(seed)
        latents, embeds = torch.randn(4, 4, 8, 8), torch.randn(4, tiny.DIM)
        names: dict[str, Any] = {"torch": torch, "F": F, "args": Namespace(snr_gamma=None), "unet": unet}
        names |= {"latents": latents, "image_embeds": embeds, "noise_scheduler": decoder.scheduler}
        exec(lines, names)  # the official script has these lines in the middle of its main()
        theirs = _gradients(unet, names["loss"])
        batch = NoisedBatch(latents, embeds, names["noise"], names["timesteps"])
        found = noise_prediction_loss(decoder, batch)
        loss.compare(found, names["loss"])
        gradients.compare(_gradients(unet, found), theirs)
    return [loss, gradients]


def _gradients(unet: torch.nn.Module, loss: Tensor) -> Tensor:
    unet.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in unet.parameters() if p.grad is not None]).clone()


ALL: dict[str, Callable[[Path, Path], list[Row]]] = {
    "prior": prior, "prompts": prompts, "sampler": sampler, "equation 2": equation_2
}  # fmt: skip
