"""The stages of MoVQ, the decoder and the prior, each a loss as a function of the step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.recipe.ahead import Ahead
from lambda_studio.miniature.recipe.corpus import Corpus, pixels, random_rows
from lambda_studio.miniature.recipe.embedded import Embedded
from lambda_studio.miniature.recipe.fast import Fast, layout
from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH, build_scheduler
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.world.captions import Caption, captions
from lambda_studio.miniature.world.scenes import PIXELS, SLOTS, Rendered, Scene
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip, ClipTokenizer, TextFeatures, build_tokenizer
from lambda_studio.models.clip.files import TokenizerFiles
from lambda_studio.models.decoders.kandinsky import predict_noise
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.objectives.losses import EQ_1, PriorLossConfig
from lambda_studio.training.objectives.objectives import PriorBatch, PriorObjective
from lambda_studio.training.objectives.weighting import truncated_snr
from lambda_studio.training.randomness import MicroStep

Joining = Callable[[TextFeatures, Sequence[BoundPrompt], Sequence[Mapping[str, Tensor]], Tensor], Conditioning]
"""Joins texts, the embeddings of their subjects and controls to the prior's inputs, as `condition` does."""


def movq_stage(
    movq: VQModel,
    corpus: Corpus,
    weights: Float[Tensor, "picture 16 16"],
    seed: int,
    batch_size: int,
    whole_from: int,
    crop: int = 32,
    compiled: bool = False,
    fixed_latents: bool = False,
) -> LossOf:
    """Return the reconstruction loss on unquantised latents, as in the decoder. Latents stay near unit variance.

    The error is weighted by `focus`: without weights, places are crisp and subjects of unusual colours fade into them.
    Crops teach the most per pixel, but group norms have other statistics in whole pictures. From step `whole_from` on
    the batches are whole pictures with the same number of pixels. The codebook follows the latents without influence
    on them, so that quantised decoding works too. With `fixed_latents` only the decoding half learns.
    """
    if fixed_latents:
        movq.requires_grad_(False)
        for part in (movq.decoder, movq.post_quant_conv):
            part.requires_grad_(True)
    runs = {side: Fast(_ThereAndBack(movq), compiled) for side in (crop, PIXELS)}

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "movq", step)
        side, count = (PIXELS, batch_size * crop**2 // PIXELS**2) if step >= whole_from else (crop, batch_size)
        rows, cut = random_rows(corpus, generator, count), count // 8
        images, weight = pixels(corpus.images, rows), weights[rows, None].float()
        images[:cut] = pixels(corpus.cutouts, torch.arange(step, step + cut) % len(corpus.cutouts))
        weight[:cut] = 1
        weight = F.interpolate(weight, size=PIXELS)
        top, left = (4 * torch.randint((PIXELS - side) // 4 + 1, (2,), generator=generator)).tolist()
        window = (..., slice(top, top + side), slice(left, left + side))
        weight = weight[window].to(movq.device)
        target = (images[window].to(movq.device) * 2 - 1).contiguous(memory_format=layout(movq.device))
        noise = 0.03 * torch.randn(count, 4, side // 4, side // 4, generator=generator).to(movq.device)
        latents, output = runs[side](target, noise)
        output = output.float()
        _, codebook, _ = movq.quantize(latents.detach().float())
        flat = rearrange(latents.float(), "b c h w -> c (b h w)")
        unit = flat.mean(1).pow(2).mean() + (flat.std(1) - 1).pow(2).mean()
        off = output - target
        sharp = (off.diff(dim=2) * weight[..., 1:, :]).abs().mean() + (off.diff(dim=3) * weight[..., 1:]).abs().mean()
        error = (off.abs() * weight).mean() + 2 * (off.pow(2) * weight).mean() + 0.5 * sharp
        psnr = -10 * torch.log10(off.pow(2).mean() / 4)
        return {"loss": error + 0.02 * unit + codebook, "psnr": psnr, "unit": unit}

    return loss_of


class _ThereAndBack(nn.Module):
    """MoVQ's encoder and decoder, with noise between them."""

    def __init__(self, movq: VQModel):
        super().__init__()
        self.movq = movq

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents, and the pictures that are decoded from them with noise, without quantisation."""
        latents = self.movq.encode(images).latents
        noisy = latents + noise
        # `decode` also copies a zero from the CPU, which no CUDA graph can hold
        return latents, self.movq.decoder(self.movq.post_quant_conv(noisy), noisy)


def focus(drawn: Rendered) -> Float[Tensor, "picture 16 16"]:
    """Return each latent's weight: 1 on the place, up to 4 on a subject, 6 more on worn things, divided by the mean."""
    weight = 1 + 3 * drawn.subjects.sum(1) + 6 * drawn.worn.sum(1)
    pooled = F.avg_pool2d(weight[:, None], PIXELS // 16)[:, 0]
    return pooled / pooled.mean((1, 2), keepdim=True)


NOISIEST_WEIGHT = 20.0
"""The largest weight of the decoder's error: in the noisiest pictures, relative to clear pictures."""


def decoder_stage(
    unet: nn.Module,
    latents: Float[Tensor, "picture 4 16 16"],
    image_embeds: Float[Tensor, "picture dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    weights: Float[Tensor, "picture 16 16"],
    alone: Bool[Tensor, " picture"],
    seed: int,
    batch_size: int,
    unconditional: float = 0.1,
    compiled: bool = False,
    device: str = "cpu",
) -> LossOf:
    """Return the noise-prediction loss, from the picture's embedding, plain or whitened, or the zero-image embedding.

    The zero-image embedding has the share `unconditional`. The error is weighted by `focus`. Half of the timesteps are
    drawn near the middle, where shapes form. Half of the pictures show one large subject `alone`, and half show
    several: both kinds are required. At timesteps with more noise than picture, the picture's error counts (truncated
    SNR, Salimans & Ho, 2022, section 4), at most `NOISIEST_WEIGHT` times the noise's error. These timesteps decide the
    content, and the noise is predictable without the content. No weight changes the optimal prediction.
    """
    scheduler = build_scheduler()
    weighting = truncated_snr(scheduler.alphas_cumprod, NOISIEST_WEIGHT)
    run = Fast(_NoisePrediction(unet), compiled)
    latents, image_embeds, weights = (table.to(device) for table in (latents, image_embeds, weights))
    zero, alone = zero_image_embeds.to(device), alone.to(device)
    large, company = alone.nonzero()[:, 0], (~alone).nonzero()[:, 0]
    middling = torch.arange(batch_size, device=device) % 4 < 2

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "decoder", step, device=device)
        rows = torch.empty(batch_size, dtype=torch.int64, device=device)
        for first, among in enumerate((large, company)):
            shape = rows[first::2].shape
            rows[first::2] = among[torch.randint(len(among), shape, generator=generator, device=device)]
        times = torch.rand(batch_size, 2, generator=generator, device=device)
        times = times.mean(1).where(middling, times[:, 0])
        timesteps = (times * scheduler.config.num_train_timesteps).long()
        noise = torch.randn(batch_size, *latents.shape[1:], generator=generator, device=device)
        dropped = torch.rand(batch_size, 1, generator=generator, device=device) < unconditional
        embeds = torch.where(dropped, zero, image_embeds[rows].float())
        noisy = scheduler.add_noise(latents[rows].float(), noise, timesteps)
        noise_pred = run(noisy.contiguous(memory_format=layout(device)), timesteps, embeds).float()
        error = (noise_pred - noise).pow(2)
        weight = weights[rows, None].float() * rearrange(weighting(timesteps), "b -> b 1 1 1")
        return {"loss": (error * weight).mean(), "error": error.mean()}

    return loss_of


class _NoisePrediction(nn.Module):
    """The UNet's noise prediction from noisy latents and image embeddings."""

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = unet

    def forward(self, noisy_latents: Tensor, timesteps: Tensor, image_embeds: Tensor) -> Tensor:
        """Return the output without the channels of the variance."""
        return predict_noise(self.unet, noisy_latents, timesteps, image_embeds)[:, : noisy_latents.shape[1]]


def _subjects(data: Embedded, row: int, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the embeddings of a caption's names."""
    chosen = {}
    for name in names:
        embeds, rows = (data.cutouts, data.cutout_rows) if name[0] == "s" else (data.worn_cutouts, data.worn_rows)
        chosen[name] = embeds[rows[row, int(name[1])]].float()
    return chosen


def _fitting(scene: Scene, tokenizer: ClipTokenizer, generator: torch.Generator, attributes: float) -> list[Caption]:
    """Return captions that fit the text tower. A caption that is too long has no looks and no place."""
    long = captions(scene, generator, attributes)
    short = captions(scene, generator, attributes=0.0, places=0.0)
    room = CONTEXT_LENGTH - 2
    return [a if len(tokenizer.encode(a.text)) <= room else b for a, b in zip(long, short, strict=True)]


def _words_for(caption: Caption, shown: Sequence[str]) -> Caption:
    """Return the caption with the names that are not shown replaced by their nouns."""
    template = caption.template
    for name, noun in caption.nouns.items():
        if name not in shown:
            template = template.replace(f"<{name}>", noun)
    return Caption(template=template, nouns={n: caption.nouns[n] for n in shown})


@dataclass(frozen=True)
class _Prompts:
    """The prompts of one step of the prior: the row of each scene, and whether its edges are dropped."""

    rows: list[int]
    prompts: list[BoundPrompt]
    dropped: list[bool]


@dataclass(frozen=True)
class _Prompting:
    """A function that returns a step's prompts: captions of random scenes. A name that is not shown stays a word."""

    scene: Scene
    files: TokenizerFiles
    seed: int
    batch_size: int
    control_dropped: float
    text_only: float

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        return build_tokenizer(self.files)

    def __call__(self, step: int) -> _Prompts:
        generator = seeded(self.seed, "prior", step)
        rows = random_rows(self.scene, generator, self.batch_size)
        words = _fitting(self.scene[rows], self.tokenizer, generator, attributes=0.12)
        rolls = torch.rand(self.batch_size, 2 * SLOTS + 2, generator=generator)
        shown = rolls[:, : 2 * SLOTS] < torch.tensor([1.0, 0.9, 0.9, 0.35, 0.35, 0.35])
        shown &= rolls[:, -2, None] > self.text_only
        places = {name: at for at, name in enumerate(("s0", "s1", "s2", "w0", "w1", "w2"))}
        names = [[n for n in c.nouns if s[places[n]]] for c, s in zip(words, shown.tolist(), strict=True)]
        said = [_words_for(c, n) for c, n in zip(words, names, strict=True)]
        prompts = [bind(parse(each.template), each.nouns, self.tokenizer) for each in said]
        return _Prompts(rows.tolist(), prompts, (rolls[:, -1] < self.control_dropped).tolist())


def prior_stage(
    prior: PriorTransformer,
    clip: Clip,
    data: Embedded,
    seed: int,
    batch_size: int,
    control_dropped: float = 0.5,
    text_only: float = 0.15,
    config: PriorLossConfig = EQ_1,
    joining: Joining = condition,
    workers: int = 0,
) -> LossOf:
    """Return λ-ECLIPSE's Eq. 1 on interleaved prompts (3.2), or on prompts of another `joining`.

    A subject's picture is a new drawing of the same identity, not a cut-out of the target picture. `workers` processes
    write the prompts.
    """

    files = clip.files.tokenizer
    written = Ahead(_Prompting(data.scene, files, seed, batch_size, control_dropped, text_only), workers)

    def batch_of(at: MicroStep) -> PriorBatch:
        said = written(at.number)
        subjects = [
            _subjects(data, row, [span.subject for span in prompt.spans])
            for row, prompt in zip(said.rows, said.prompts, strict=True)
        ]
        text = clip.encode_text(torch.tensor([prompt.token_ids for prompt in said.prompts]))
        control = torch.where(torch.tensor(said.dropped)[:, None], data.zero, data.edges[said.rows].float())
        inputs = joining(text, said.prompts, subjects, control)
        noise = torch.randn(batch_size, prior.config.embedding_dim, generator=seeded(seed, "prior noise", at.number))
        return PriorBatch(inputs, noise.to(clip.device), data.images[said.rows].float().to(clip.device))

    objective = PriorObjective(prior, batch_of, about={"batches": f"the miniature's, seed {seed}"}, config=config)
    return lambda step: objective.losses(prior, MicroStep(step))
