"""Measure what reusing a UNet's deep features between steps saves, and what it does to pictures of the miniature.

python -m benchmarks.experiments.deep_features [--subjects 12] [--steps 50] [--record]

Subjects that no training saw are drawn in four prompts: ordinarily, with the deep features of every N-th step and so
many outer layers (DeepCache; the features on a line through two runs, or as they are), and with fewer steps, for
comparison. Each batch is drawn in every way in turn. Speed is
the median over the batches of the ratio of CPU seconds to the ordinary drawing's, of the denoising alone. PSNR is to
the ordinary pictures. The oracle reads identity and composition, as in `references`. Then the operations of
Kandinsky 2.2's UNet are counted on the meta device, at 512 pixels with guidance.
"""

import argparse
import time
from collections import defaultdict
from statistics import fmean, median, stdev
from typing import Any, NamedTuple

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.experiments.references import PROMPTS, photographs
from benchmarks.kandinsky.shapes import FULL
from benchmarks.measured import add_record_option, record
from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.generation.generator import Picture, PictureRequest, predicted_embeds
from lambda_studio.generation.guidance import guided
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import ddim, ddim_schedule, seeded_noise
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.measures import OracleComposition, OracleLikeness, PictureReader
from lambda_studio.miniature.world.identities import NOUNS, Identity, identities
from lambda_studio.miniature.world.rendering import render_cutouts
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.decoders.counting import GUIDED, built
from lambda_studio.models.decoders.deep_cache import RUNS, DeepCache
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.stacks.stack import Stack, resolve_stack

INTERVALS = (2, 3, 4, 5)
FEWER_STEPS = (25, 20, 17, 15)
FULL_LAYERS = (1, 2, 3, 4, 5)
BATCH = 8


class Way(NamedTuple):
    """How pictures are drawn."""

    steps: int
    interval: int = 1
    layers: int = 1
    as_they_are: bool = False
    """Whether the kept features are taken as they are, as in DeepCache, and not on a line."""

    def __str__(self) -> str:
        cached = f"N={self.interval},{self.layers}" + (",kept" if self.as_they_are else "")
        return cached if self.interval > 1 else f"steps={self.steps}"

    def reusing(self, unet: Any) -> DeepCache:
        """Return the UNet that draws in this way."""
        kind = AsTheyAre if self.as_they_are else DeepCache
        return kind(unet, self.interval, self.steps, self.layers)


class AsTheyAre(DeepCache):
    """The features of the last whole run as they are, which is what DeepCache publishes."""

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Run the UNet, and forget the run before."""
        result = super().forward(*inputs, **named)
        self.features.runs = self.features.runs[-1:]
        return result


class Drawn(NamedTuple):
    """Pictures with their CPU seconds for each batch."""

    pixels: list[Tensor]
    seconds: list[float]


def main() -> None:
    """Print a table of the miniature's pictures, and one of Kandinsky's operations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--steps", type=int, default=50)
    add_record_option(parser)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    stack = Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32)
    who = identities(asked.subjects, seeded(0, "deep features"), held_out=True)
    requests = requests_for(stack, who)
    plain = Way(asked.steps)
    kinds = ((1, False), (2, False), (1, True))
    cached = [Way(asked.steps, interval, *kind) for kind in kinds for interval in INTERVALS]
    ways = [plain, *cached, *(Way(steps) for steps in FEWER_STEPS)]
    drawn = drawn_in(stack, requests, ways)
    judged = judge(who, requests, drawn, plain)
    print(f"{'':12}{'speed':>6}{'PSNR':>14}{'identity':>16}{'composition':>16}")
    for way, cells in judged.items():
        shown = "".join(
            f"{cells[key]['mean']:9.3f} ± {cells[key]['spread']:.3f}" for key in ("identity", "composition")
        )
        print(f"{way:12}{cells['speed']:6.2f}{cells['psnr']['mean']:8.1f} ± {cells['psnr']['spread']:.1f}{shown}")
    operations = operations_at_full_size()
    for layers, cells in operations.items():
        print(f"Kandinsky 2.2, {layers} layers:", ", ".join(f"{name} {value:g}" for name, value in cells.items()))
    if asked.record:
        values = {"miniature": judged, "kandinsky": operations}
        record("deep_features", "speed: ratio; PSNR: dB; identity: cosine; composition: mean probability", values)


def requests_for(stack: Stack, who: Identity) -> list[PictureRequest]:
    """Return each subject in each prompt, from the embedding of one cut-out."""
    clip = stack.clip()
    views = clip.encode_pixels(render_cutouts(who, seeded(1, "deep features")))
    prompts = [
        (bind(parse(words.format("<s>")), {"s": NOUNS[int(noun)]}, clip.tokenizer), view)
        for noun, view in zip(who.noun, views, strict=True)
        for words in PROMPTS
    ]
    return [PictureRequest(prompt, seed, {"s": view}) for seed, (prompt, view) in enumerate(prompts)]


def drawn_in(stack: Stack, requests: list[PictureRequest], ways: list[Way]) -> dict[Way, Drawn]:
    """Return the pictures of each way. All ways take turns with each batch."""
    zero = stack.clip().zero_image_embeds()
    embeds = predicted_embeds(stack, requests, zero)
    scale = GenerateConfig().preferring(stack.spec.generate).guidance_scale
    drawn = {way: Drawn([], []) for way in ways}
    for number, start in enumerate(range(0, len(requests), BATCH)):
        seeds = [each.seed for each in requests[start : start + BATCH]]
        first = number * len(ways) * BATCH // len(requests)  # so that no way is always drawn at the same place
        for way in (*ways[first:], *ways[:first]):
            began = time.process_time()
            latents = denoised(stack.decoder(), embeds[start : start + BATCH], zero, seeds, scale, way)
            drawn[way].seconds.append(time.process_time() - began)
            drawn[way].pixels.append(stack.decoder().decode(latents.clone()))
    return drawn


@torch.inference_mode()
def denoised(decoder: Decoder, embeds: Tensor, zero: Tensor, seeds: list[int], scale: float, way: Way) -> Tensor:
    """Return the latents, as `samplers.sample` makes them."""
    unet = way.reusing(decoder.unet) if way.interval > 1 else None
    condition, negative = decoder.condition(embeds), decoder.condition(zero.expand(len(seeds), -1))
    schedule = ddim_schedule(decoder.scheduler, way.steps)
    shape = (1, decoder.unet.config.in_channels, *2 * (decoder.unet.config.sample_size,))
    noise = torch.cat([seeded_noise(seed, shape) for seed in seeds])

    def denoise(latents: Tensor, timestep: Tensor, given: Any) -> Tensor:
        return decoder.denoise(latents, timestep, given, unet=unet)

    return ddim(guided(denoise, condition, negative, scale), schedule, noise, schedule.timesteps.tolist())


def judge(who: Identity, requests: list[PictureRequest], drawn: dict[Way, Drawn], plain: Way) -> dict[str, Any]:
    """Return the numbers of each way."""
    reader = PictureReader()
    identity, composition = OracleLikeness(reader), OracleComposition(reader)
    nouns = [NOUNS[int(noun)] for noun in who.noun]
    known = [
        identity.embed([View(image, noun) for image in photographs(who[at : at + 1])]) for at, noun in enumerate(nouns)
    ]
    whole, found = torch.cat(drawn[plain].pixels), {}
    for way, (parts, seconds) in drawn.items():
        pixels = torch.cat(parts)
        images = [Picture(each, 0).to_image() for each in pixels]
        embeds = identity.embed([View(image, nouns[row // len(PROMPTS)]) for row, image in enumerate(images)])
        likenesses = [likeness(embeds[row : row + 1], known[row // len(PROMPTS)]) for row in range(len(images))]
        asked = composition.score(images, [each.prompt.text for each in requests]).tolist()
        errors = (pixels - whole).pow(2).mean(dim=(1, 2, 3)).clamp(min=1e-10)
        found[str(way)] = {
            "speed": round(median(a / b for a, b in zip(drawn[plain].seconds, seconds, strict=True)), 2),
            "psnr": spread((-10 * errors.log10()).tolist(), 2),
            "identity": spread(likenesses, 3),
            "composition": spread(asked, 3),
        }
    return found


def spread(values: list[float], digits: int) -> dict[str, float]:
    """Return mean and standard deviation."""
    return {"mean": round(fmean(values), digits), "spread": round(stdev(values), digits)}


def operations_at_full_size() -> dict[str, dict[str, float]]:
    """Return, for each number of layers, the share of a step between, each N's speed, and a picture's MB kept."""
    unet = built(UNet2DConditionModel, dict(FULL.unet), torch.bfloat16)
    of = {"device": "meta", "dtype": torch.bfloat16}
    latents = torch.empty(GUIDED, FULL.unet["in_channels"], *2 * (FULL.unet["sample_size"],), **of)
    embeds = torch.empty(GUIDED, FULL.unet["encoder_hid_dim"], **of)
    timestep = torch.empty((), device="meta", dtype=torch.int64)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for layers in FULL_LAYERS:
        cache = DeepCache(unet, 2, 2, layers)
        both = []
        for _ in range(2):
            with torch.inference_mode(), FlopCounterMode(display=False) as counted:
                cache(latents, timestep, encoder_hidden_states=None, added_cond_kwargs={"image_embeds": embeds})
            both.append(counted.get_total_flops())
        share = both[1] / both[0]
        speeds = {f"N={count}": round(count / (1 + (count - 1) * share), 2) for count in INTERVALS}
        _, features = cache.features.runs[0]
        found[str(layers)] = {"share": round(share, 3), **speeds, "MB": round(RUNS * features.nbytes / 1e6, 1)}
    return found


if __name__ == "__main__":
    main()
