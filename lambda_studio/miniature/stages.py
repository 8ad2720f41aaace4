"""The five trainings of the recipe, each a loss as a function of the step."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.conditioning import condition
from lambda_studio.miniature.captions import Caption, captions
from lambda_studio.miniature.corpus import Corpus, pixels
from lambda_studio.miniature.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.fitting import LossOf
from lambda_studio.miniature.networks import CONTEXT_LENGTH, build_scheduler, seeded
from lambda_studio.miniature.oracle import Oracle, Reading, identity_loss, identity_of, oracle_loss
from lambda_studio.miniature.places import PLACES
from lambda_studio.miniature.world import (
    COLOURS,
    NOTHING,
    SLOTS,
    Scene,
    concatenate,
    identities,
    in_every_slot,
    render,
    scenes,
)
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
) -> tuple[Tensor, list[str], list[str]]:
    """A batch of pictures, in words, and in words of which one is wrong (or none, where it is not said).

    Mostly scenes, some cut-outs on white, a few edge maps.
    """
    scene = corpus.scene[rows]
    kind = torch.rand(len(rows), generator=generator)
    cut, line = kind < 0.22, kind > 0.96
    images = pixels(corpus.images, rows)
    images[cut] = pixels(corpus.cutouts, corpus.cutout_rows[rows[cut], 0])
    images[line] = edges(images[line])
    wrong = _altered(scene, generator)
    state = generator.get_state()
    told = []
    for shown in (scene, wrong):
        generator.set_state(state)
        told.append(_clip_words(shown, cut, line, generator, attributes))
    return images, *told


def _clip_words(scene: Scene, cut: Tensor, line: Tensor, generator: torch.Generator, attributes: float) -> list[str]:
    words = [c.text for c in captions(scene, generator, attributes)]
    bare = captions(_alone(scene), generator, attributes=0.75, places=0.0)
    plain = captions(scene, generator, attributes=0.0)
    for row in cut.nonzero()[:, 0].tolist():
        words[row] = f"{bare[row].text} on a white background"
    for row in line.nonzero()[:, 0].tolist():
        words[row] = f"the edges of {plain[row].text}"
    return words


ALTERED: dict[str, tuple[float, int]] = {
    "worn": (0.30, len(WORN)),
    "worn_colour": (0.15, len(COLOURS)),
    "main": (0.15, len(COLOURS)),
    "second": (0.12, len(COLOURS)),
    "pattern": (0.12, len(PATTERNS)),
    "noun": (0.10, len(FIGURES)),
    "place": (0.06, len(PLACES)),
}
"""What is changed for a caption that is nearly right: how often, and among how many choices."""


def _altered(scene: Scene, generator: torch.Generator) -> Scene:
    """Each scene with one thing about one of its subjects, or its place, changed."""
    n = len(scene)
    changed = torch.multinomial(torch.tensor([share for share, _ in ALTERED.values()]), n, True, generator=generator)
    slot = (torch.rand(n, generator=generator) * (scene.who.noun != NOTHING).sum(1)).long()
    values = {"worn": scene.worn, "worn_colour": scene.worn_colour, "place": scene.place}
    values |= {name: getattr(scene.who, name) for name in ("main", "second", "pattern", "noun")}
    values = {name: value.clone() for name, value in values.items()}
    for index, (name, (_, count)) in enumerate(ALTERED.items()):
        rows = (changed == index).nonzero()[:, 0]
        at = (rows,) if name == "place" else (rows, slot[rows])
        step = torch.randint(1, count, (len(rows),), generator=generator)
        # things that lie on the ground stay what they are, and wear nothing
        figure = scene.who.noun[rows, slot[rows]] < len(FIGURES)
        keep = ~figure if name in ("worn", "noun") else torch.zeros_like(figure)
        values[name][at] = torch.where(keep, values[name][at], (values[name][at].clamp_min(0) + step) % count)
    who = replace(scene.who, **{name: values.pop(name) for name in ("main", "second", "pattern", "noun")})
    return replace(scene, who=who, **values)


def _alone(scene: Scene) -> Scene:
    """The first subject of each scene by itself, wearing nothing."""
    noun = scene.who.noun.clone()
    noun[:, 1:] = NOTHING
    naked = torch.full_like(scene.worn, NOTHING)
    return replace(scene, who=replace(scene.who, noun=noun), worn=naked, relation=torch.zeros_like(scene.relation))


def _rows(corpus: Corpus, generator: torch.Generator, batch_size: int) -> Tensor:
    return torch.randint(len(corpus), (batch_size,), generator=generator)


def clip_stage(clip: Clip, corpus: Corpus, seed: int, batch_size: int, attributes: float = 0.65) -> LossOf:
    """Symmetric contrastive training (CLIP): each picture against every caption of its batch, and the other way.

    Each picture is also told from captions that are wrong in one word (as NegCLIP does): what a subject wears is a few
    pixels, and a random caption can be told from the right one without them.
    """
    model, mean, std = clip.model, 0.5, 0.5

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "clip", step)
        images, words, wrong = _clip_batch(corpus, _rows(corpus, generator, batch_size), generator, attributes)
        same = torch.tensor([a == b for a, b in zip(words, wrong, strict=True)])
        image_embeds = F.normalize(model.encode_image((images - mean) / std).float(), dim=-1)
        text_embeds = F.normalize(_pooled(model, clip.tokenizer(words + wrong)).float(), dim=-1)
        logits = model.logit_scale.exp().clamp_max(100) * image_embeds @ text_embeds.T
        logits[:, batch_size:].masked_fill_(same, -torch.inf)
        target = torch.arange(batch_size)
        right = logits[:, :batch_size]
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(right.T, target)) / 2
        told = (right.diagonal() > logits[:, batch_size:].diagonal())[~same]
        return {
            "loss": loss,
            "top1": (right.argmax(1) == target).float().mean(),
            "told_from_wrong": told.float().mean(),
        }

    return loss_of


def _pooled(model: nn.Module, token_ids: Int[Tensor, "batch position"]) -> Float[Tensor, "batch dim"]:
    """open_clip's `encode_text`, which insists on the whole context, over as many positions as are used."""
    used = int((token_ids != 0).sum(1).max())
    token_ids = token_ids[:, :used]
    states = model.token_embedding(token_ids) + model.positional_embedding[:used]
    states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask[:used, :used]))
    return states[torch.arange(len(token_ids)), token_ids.argmax(1)] @ model.text_projection


def movq_stage(
    movq: VQModel, corpus: Corpus, seed: int, batch_size: int, crop: int = 32, compiled: bool = False
) -> LossOf:
    """Reconstruct from latents that were not quantised, as the decoder's are; latents are held near unit variance.

    The codebook learns to follow the latents, so that quantised decoding works too, but steers nothing.
    """

    def there_and_back(images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        latents = movq.encode(images).latents
        return latents, movq.decode(latents + noise, force_not_quantize=True).sample.float()

    run = torch.compile(there_and_back) if compiled else there_and_back

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
        noise = 0.03 * torch.randn(batch_size, 4, crop // 4, crop // 4, generator=generator)
        latents, output = run(target, noise)
        _, codebook, _ = movq.quantize(latents.detach().float())
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
    compiled: bool = False,
) -> LossOf:
    """Noise prediction from the picture's own embedding; a tenth sees the zero-image embedding, for guidance."""
    scheduler = build_scheduler()
    run = torch.compile(unet) if compiled else unet

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
        return {"loss": decoder_loss(run(noisy, timesteps, None, **kwargs)[0], noise)}

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
    """Every question on pictures of the corpus and on pairs drawn anew; identities told apart on the pairs.

    A pair is one subject twice, and its rivals are mostly of its own noun, for telling a dog from a car is no feat.
    """
    pairs = batch_size // 4

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "oracle", step)
        rows = _rows(corpus, generator, batch_size - 2 * pairs)
        alone = torch.zeros(pairs, dtype=torch.int64)
        nouns = tuple(FIGURES)[step % len(FIGURES) :][:2]
        who = in_every_slot(identities(pairs, generator, held_out=False, nouns=nouns))
        first, second = (scenes(pairs, generator, who=who, relation=alone) for _ in range(2))
        shown = [pixels(corpus.images, rows), render(first).images, render(second).images]
        reading = oracle(_worse(torch.cat(shown), generator).contiguous(memory_format=torch.channels_last))
        reading = Reading(
            reading.place.float(), {k: v.float() for k, v in reading.nouns.items()}, reading.identity.float()
        )
        scene = concatenate([corpus.scene[rows], first, second])
        told = identity_loss(*identity_of(reading, scene.who.noun[:, 0])[len(rows) :].chunk(2))
        place = (reading.place.argmax(1) == scene.place).float().mean()
        main = reading.nouns["main"][torch.arange(len(scene)), scene.who.noun[:, 0]].argmax(1) == scene.who.main[:, 0]
        loss = oracle_loss(reading, scene) + told
        return {"loss": loss, "identity": told, "place": place, "main": main.float().mean()}

    return loss_of


def _worse(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures blurred as through a coarser screen, all a little noisy: drawn pictures are not crisp."""
    size = int(torch.randint(28, 64, (), generator=generator))
    coarse = F.interpolate(images[::2], size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    images = images.clone()
    images[::2] = F.interpolate(coarse, size=images.shape[-2:], mode="bilinear", align_corners=False)
    return (images + 0.03 * torch.randn(images.shape, generator=generator)).clamp(0, 1)
