"""From a prompt to picture files: binding names, the adapter that fits, and what each file says of itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.config import GenerateConfig
from lambda_studio.generation.conditioning import blend
from lambda_studio.generation.generator import Picture, generate
from lambda_studio.generation.prompt import Template, bind
from lambda_studio.models.stack import Stack
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.texts import FORMAT_KEY, TEXTS_FORMAT
from lambda_studio.progress import Progress


def draw(
    stack: Stack,
    template: Template,
    concepts: Sequence[ConceptRecord],
    embeddings: Mapping[str, Sequence[Tensor]],
    zero_image_embeds: Tensor,
    control_embeds: Tensor | None,
    config: GenerateConfig,
    count: int,
    adapter: Path | None,
    progress: Progress,
) -> list[Picture]:
    """Draw `count` pictures; picture i from seed + i."""
    bound = bind(template, {concept.name: concept.noun for concept in concepts}, stack.clip(("text",)).tokenizer)
    subjects = {name: blend(torch.stack(list(values))) for name, values in embeddings.items()}
    seeds = [config.seed + i for i in range(count)]
    batches = -(-count // config.batch_size)
    with progress("Drawing", total=batches * config.num_inference_steps) as advance:
        return generate(
            stack,
            [bound] * count,
            [subjects] * count,
            zero_image_embeds,
            seeds,
            config,
            control_embeds=control_embeds,
            adapter=adapter,
            on_step=lambda *_: advance(),
        )


def write_drawing(picture: Picture, texts: Mapping[str, str], out: Path, title: str) -> Path:
    """Write one picture, with its own seed among the texts, and give its path."""
    return write_picture(to_image(picture.pixels), {**texts, "seed": str(picture.seed)}, out, title)


def to_image(pixels: Tensor) -> Image.Image:
    """An RGB image of [3, height, width] in 0..1."""
    scaled = (pixels.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return Image.fromarray(np.ascontiguousarray(rearrange(scaled, "c h w -> h w c").numpy()))


def texts_of(
    template: Template,
    config: GenerateConfig,
    concepts: Sequence[ConceptRecord],
    stack: str,
    adapter: AdapterRecord | None,
    edges: Path | None,
) -> dict[str, str]:
    """What a picture says of itself, but for its seed: PNG text chunks, JSON where they are more than a word."""
    settings: dict[str, Any] = {
        key: value for key, value in asdict(config).items() if key not in ("seed", "batch_size")
    }
    if edges is not None:
        settings["edges"] = edges.name
    versions = [
        {
            "name": item.name,
            "noun": item.noun,
            "library": item.library,
            "version": item.version,
            "manifest": item.manifest,
        }
        for item in concepts
    ]
    return {
        "prompt": template.text,
        "settings": json.dumps(settings),
        "concepts": json.dumps(versions, ensure_ascii=False),
        "stack": stack,
        "adapter": adapter.sha256 if adapter else "none",
        "Software": "lambda-studio",
        FORMAT_KEY: str(TEXTS_FORMAT),
    }
