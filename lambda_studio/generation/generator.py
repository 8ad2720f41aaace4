"""From prompts with subjects in them to pictures: text, prior, decoder."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.config import GenerateConfig, require
from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.prompt import BoundPrompt
from lambda_studio.models.adapter import adapted
from lambda_studio.models.clip import Clip, TextFeatures
from lambda_studio.models.decoders.kandinsky import OnStep, seeded_noise
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stack import Stack


@dataclass(frozen=True)
class Picture:
    """One picture, in 0..1, and the seed that draws it again."""

    pixels: Float[Tensor, "3 height width"]
    seed: int


def generate(
    stack: Stack,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Tensor]],
    zero_image_embeds: Float[Tensor, " dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    control_embeds: Float[Tensor, " dim"] | Float[Tensor, "batch dim"] | None = None,
    adapter: Path | None = None,
    on_step: OnStep | None = None,
) -> list[Picture]:
    """Draw one picture for each prompt, with its own subjects and seed; `config.batch_size` at a time.

    `zero_image_embeds` (Clip.zero_image_embeds) stands for no picture in guidance, and for no control where
    `control_embeds` is None. `on_step` hears how many denoising steps are done, over all pictures, and of how many.
    """
    require(
        len(prompts) == len(subjects) == len(seeds),
        f"There are {len(prompts)} prompts, {len(subjects)} sets of subjects and {len(seeds)} seeds.",
        "Give one of each for each picture.",
    )
    if not prompts:
        return []
    control = zero_image_embeds if control_embeds is None else control_embeds
    conditioning = condition_prompts(stack.clip(("text",)), prompts, subjects, control)
    image_embeds = predict_image_embeds(stack.prior(), conditioning, seeds)
    return draw(stack, image_embeds, zero_image_embeds, seeds, config, adapter, on_step)


def condition_prompts(
    clip: Clip,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Tensor]],
    control_embeds: Float[Tensor, " dim"] | Float[Tensor, "batch dim"],
) -> Conditioning:
    """What the prior reads; a prompt that comes many times goes through the text tower once."""
    rows = list(dict.fromkeys(prompt.token_ids for prompt in prompts))
    text = clip.encode_text(torch.tensor(rows))
    index = torch.tensor([rows.index(prompt.token_ids) for prompt in prompts], device=text.mask.device)
    text = TextFeatures(text.hidden_states[index], text.pooled[index], text.mask[index])
    return condition(text, prompts, subjects, control_embeds)


@torch.no_grad()
def predict_image_embeds(
    prior: PriorTransformer, conditioning: Conditioning, seeds: Sequence[int]
) -> Float[Tensor, "batch dim"]:
    """The image embedding that the prior gives each prompt, from noise of each picture's own."""
    noise = torch.cat([seeded_noise(prior_seed(seed), (1, prior.config["embedding_dim"])) for seed in seeds])
    return prior(
        noise.to(prior.device),
        conditioning.text_encoder_hidden_states.to(prior.device),
        conditioning.prompt_embeds.to(prior.device),
        conditioning.control_embeds.to(prior.device),
        conditioning.text_mask.to(prior.device),
    ).float()


def prior_seed(seed: int) -> int:
    """The seed of the prior's noise: another stream than the latents', which are drawn from `seed` itself."""
    return int.from_bytes(hashlib.sha256(f"prior {seed}".encode()).digest()[:4], "little")


def draw(
    stack: Stack,
    image_embeds: Float[Tensor, "batch dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    adapter: Path | None = None,
    on_step: OnStep | None = None,
) -> list[Picture]:
    """Draw one picture for each image embedding."""
    pictures: list[Picture] = []
    starts = range(0, len(seeds), config.batch_size)
    total = len(starts) * config.num_inference_steps

    def on_batch_step(done: int, of: int) -> None:
        if on_step:
            on_step(len(pictures) // config.batch_size * config.num_inference_steps + done, total)

    with adapted(stack.decoder(), adapter) as decoder:
        for start in starts:
            batch = slice(start, start + config.batch_size)
            pixels = decoder.sample(image_embeds[batch], zero_image_embeds, seeds[batch], config, on_batch_step)
            pictures += [Picture(picture.cpu(), seed) for picture, seed in zip(pixels, seeds[batch], strict=True)]
    return pictures
