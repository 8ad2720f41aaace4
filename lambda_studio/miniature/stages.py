"""The five trainings of the recipe, each a loss as a function of the step."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from lambda_studio.conditioning import condition
from lambda_studio.miniature.captions import Caption, captions
from lambda_studio.miniature.corpus import Corpus, pixels
from lambda_studio.miniature.fitting import LossOf
from lambda_studio.miniature.networks import CONTEXT_LENGTH, build_scheduler, seeded
from lambda_studio.miniature.oracle import Oracle, identity_loss, oracle_loss
from lambda_studio.miniature.world import NOTHING, SLOTS, Scene, render, scenes
from lambda_studio.models.clip import Clip
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.prompt import BoundPrompt, bind, parse
from lambda_studio.training.losses import decoder_loss, prior_loss


def edges(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """White lines on black where neighbouring pixels differ: what an edge map of a picture looks like."""
    grey = images.mean(1, keepdim=True)
    dx = F.pad(grey[..., :, 1:] - grey[..., :, :-1], (0, 1)).abs()
    dy = F.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1)).abs()
    return ((dx + dy) > 0.12).float().expand(-1, 3, -1, -1)


def _clip_batch(
    corpus: Corpus, rows: Tensor, generator: torch.Generator, attributes: float
) -> tuple[Tensor, list[str]]:
    """A batch of pictures in words: mostly scenes, some cut-outs on white, a few edge maps."""
    scene = corpus.scene[rows]
    kind = torch.rand(len(rows), generator=generator)
    cut, line = kind < 0.22, kind > 0.96
    images = pixels(corpus.images, rows)
    images[cut] = pixels(corpus.cutouts, corpus.cutout_rows[rows[cut], 0])
    images[line] = edges(images[line])
    words = [c.text for c in captions(scene, generator, attributes)]
    bare = captions(_alone(scene), generator, attributes=0.75, places=0.0)
    plain = captions(scene, generator, attributes=0.0)
    for row in cut.nonzero()[:, 0].tolist():
        words[row] = f"{bare[row].text} on a white background"
    for row in line.nonzero()[:, 0].tolist():
        words[row] = f"the edges of {plain[row].text}"
    return images, words


def _alone(scene: Scene) -> Scene:
    """The first subject of each scene by itself, wearing nothing."""
    noun = scene.who.noun.clone()
    noun[:, 1:] = NOTHING
    naked = torch.full_like(scene.worn, NOTHING)
    return replace(scene, who=replace(scene.who, noun=noun), worn=naked, relation=torch.zeros_like(scene.relation))


def _rows(corpus: Corpus, generator: torch.Generator, batch_size: int) -> Tensor:
    return torch.randint(len(corpus), (batch_size,), generator=generator)


def clip_stage(clip: Clip, corpus: Corpus, seed: int, batch_size: int, attributes: float = 0.65) -> LossOf:
    """Symmetric contrastive training (CLIP): each picture against every caption of its batch, and the other way."""
    model, mean, std = clip.model, 0.5, 0.5

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "clip", step)
        images, words = _clip_batch(corpus, _rows(corpus, generator, batch_size), generator, attributes)
        image_embeds = F.normalize(model.encode_image((images - mean) / std).float(), dim=-1)
        text_embeds = F.normalize(model.encode_text(clip.tokenizer(words)).float(), dim=-1)
        logits = model.logit_scale.exp().clamp_max(100) * image_embeds @ text_embeds.T
        target = torch.arange(batch_size)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        return {"loss": loss, "top1": (logits.argmax(1) == target).float().mean()}

    return loss_of


def movq_stage(movq: VQModel, corpus: Corpus, seed: int, batch_size: int, crop: int = 32) -> LossOf:
    """Reconstruct from latents that were not quantised, as the decoder's are; latents are held near unit variance.

    The codebook learns to follow the latents, so that quantised decoding works too, but steers nothing.
    """

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "movq", step)
        images = pixels(corpus.images, _rows(corpus, generator, batch_size))
        images[: batch_size // 8] = pixels(
            corpus.cutouts, torch.arange(step, step + batch_size // 8) % len(corpus.cutouts)
        )
        top, left = (4 * torch.randint((64 - crop) // 4 + 1, (2,), generator=generator)).tolist()
        target = (images[..., top : top + crop, left : left + crop] * 2 - 1).contiguous(
            memory_format=torch.channels_last
        )
        latents = movq.encode(target).latents
        _, codebook, _ = movq.quantize(latents.detach().float())
        noisy = latents + 0.03 * torch.randn(latents.shape, generator=generator)
        output = movq.decode(noisy, force_not_quantize=True).sample.float()
        flat = rearrange(latents.float(), "b c h w -> c (b h w)")
        unit = flat.mean(1).pow(2).mean() + (flat.std(1) - 1).pow(2).mean()
        error = F.mse_loss(output, target)
        sharp = sum((output.diff(dim=d) - target.diff(dim=d)).abs().mean() for d in (2, 3))
        loss = (output - target).abs().mean() + 2 * error + 0.5 * sharp + 0.02 * unit + codebook
        return {"loss": loss, "psnr": -10 * torch.log10(error / 4), "unit": unit}

    return loss_of


def decoder_stage(
    unet: UNet2DConditionModel,
    latents: Float[Tensor, "picture 4 16 16"],
    image_embeds: Float[Tensor, "picture dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    seed: int,
    batch_size: int,
    unconditional: float = 0.1,
) -> LossOf:
    """Noise prediction from the picture's own embedding; a tenth sees the zero-image embedding, for guidance."""
    scheduler = build_scheduler()

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "decoder", step)
        rows = torch.randint(len(latents), (batch_size,), generator=generator)
        timesteps = torch.randint(scheduler.config.num_train_timesteps, (batch_size,), generator=generator)
        noise = torch.randn(batch_size, *latents.shape[1:], generator=generator)
        dropped = torch.rand(batch_size, 1, generator=generator) < unconditional
        embeds = torch.where(dropped, zero_image_embeds, image_embeds[rows].float())
        noisy = scheduler.add_noise(latents[rows].float(), noise, timesteps).contiguous(
            memory_format=torch.channels_last
        )
        kwargs = {"added_cond_kwargs": {"image_embeds": embeds}, "return_dict": False}
        return {"loss": decoder_loss(unet(noisy, timesteps, None, **kwargs)[0], noise)}

    return loss_of


def bind_caption(caption: Caption, clip: Clip) -> BoundPrompt:
    """A caption's template, bound as `studio generate` binds it."""
    return bind(parse(caption.template), caption.nouns, clip.tokenizer)


def _subjects(
    corpus: Corpus, row: int, caption: Caption, embeds: dict[str, Tensor], shown: Tensor
) -> dict[str, Tensor]:
    """The embeddings that stand for a caption's names; a name that is not shown stays a word."""
    chosen = {}
    for name in caption.nouns:
        slot = int(name[1])
        kind, table = ("cutouts", corpus.cutout_rows) if name[0] == "s" else ("worn_cutouts", corpus.worn_rows)
        if shown[slot if name[0] == "s" else slot + SLOTS]:
            chosen[name] = embeds[kind][table[row, slot]].float()
    return chosen


def _fitting(scene: Scene, clip: Clip, generator: torch.Generator, attributes: float) -> list[Caption]:
    """Captions that the text tower can read whole: where the looks make one too long, it goes without them."""
    long = captions(scene, generator, attributes)
    short = captions(scene, generator, attributes=0.0, places=0.0)
    room = CONTEXT_LENGTH - 2
    return [a if len(clip.tokenizer.encode(a.text)) <= room else b for a, b in zip(long, short, strict=True)]


def _words_for(caption: Caption, shown: set[str]) -> Caption:
    """Names that are not shown become their nouns."""
    template = caption.template
    for name, noun in caption.nouns.items():
        if name not in shown:
            template = template.replace(f"<{name}>", noun)
    return Caption(template=template, nouns={n: caption.nouns[n] for n in shown})


def prior_stage(
    prior: PriorTransformer,
    clip: Clip,
    corpus: Corpus,
    embeds: dict[str, Tensor],
    zero_image_embeds: Float[Tensor, " dim"],
    seed: int,
    batch_size: int,
    control_dropped: float = 0.95,
    text_only: float = 0.15,
) -> LossOf:
    """λ-ECLIPSE, Eq. 1, on interleaved prompts (3.2). `embeds` has `images`, `edges`, `cutouts` and `worn_cutouts`.

    A subject's picture is a cut-out of the same identity drawn anew, not of the target picture.
    """

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "prior", step)
        rows = _rows(corpus, generator, batch_size)
        words = _fitting(corpus.scene[rows], clip, generator, attributes=0.12)
        rolls = torch.rand(batch_size, 2 * SLOTS + 1, generator=generator)
        shown = rolls[:, :-1] < torch.tensor([1.0, 0.9, 0.9, 0.35, 0.35, 0.35])
        shown &= rolls[:, -1:] > text_only
        subjects = [_subjects(corpus, r, c, embeds, s) for r, c, s in zip(rows.tolist(), words, shown, strict=True)]
        prompts = [bind_caption(_words_for(c, set(s)), clip) for c, s in zip(words, subjects, strict=True)]
        text = clip.encode_text(torch.tensor([p.token_ids for p in prompts]))
        dropped = torch.rand(batch_size, 1, generator=generator) < control_dropped
        control = torch.where(dropped, zero_image_embeds, embeds["edges"][rows].float())
        inputs = condition(text, prompts, subjects, control)
        noise = torch.randn(batch_size, prior.config.embedding_dim, generator=generator)
        predicted = prior(
            noise, inputs.text_encoder_hidden_states, inputs.prompt_embeds, inputs.control_embeds, inputs.text_mask
        )
        target = embeds["images"][rows].float()
        error = F.mse_loss(predicted.float(), target)
        cosine = F.cosine_similarity(predicted.float(), target).mean()
        return {"loss": prior_loss(predicted.float(), target, inputs.prompt_embeds), "mse": error, "cosine": cosine}

    return loss_of


def oracle_stage(oracle: Oracle, corpus: Corpus, seed: int, batch_size: int) -> LossOf:
    """Every question on random pictures of the corpus, and identities told apart on pairs drawn anew."""

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "oracle", step)
        rows = _rows(corpus, generator, batch_size)
        images = pixels(corpus.images, rows)
        images = (images + 0.02 * torch.randn(images.shape, generator=generator)).clamp(0, 1)
        alone = torch.zeros(2 * (batch_size // 3), dtype=torch.int64)
        first = scenes(len(alone) // 2, generator, relation=alone[: len(alone) // 2], things_share=0.0)
        second = scenes(len(alone) // 2, generator, who=first.who, relation=alone[: len(alone) // 2])
        pair = torch.cat([render(first).images, render(second).images])
        reading = oracle(torch.cat([images, pair]).contiguous(memory_format=torch.channels_last))
        told = identity_loss(*reading.identity[batch_size:].float().chunk(2))
        read = replace_reading(reading, batch_size)
        asked = oracle_loss(read, corpus.scene[rows])
        place = (read.place.argmax(1) == corpus.scene.place[rows]).float().mean()
        return {"loss": asked + told, "identity": told, "place": place}

    return loss_of


def replace_reading(reading, count: int):
    """The reading of the first `count` pictures, in float32."""
    nouns = {k: v[:count].float() for k, v in reading.nouns.items()}
    return replace(reading, place=reading.place[:count].float(), nouns=nouns)
