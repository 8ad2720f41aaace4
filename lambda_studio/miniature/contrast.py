"""How the miniature's CLIP is trained: pictures against captions, right ones, random ones and nearly right ones."""

from dataclasses import replace

import open_clip
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.miniature.captions import captions
from lambda_studio.miniature.corpus import Corpus, pixels, random_rows
from lambda_studio.miniature.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.fitting import LossOf
from lambda_studio.miniature.networks import seeded
from lambda_studio.miniature.places import PLACES
from lambda_studio.miniature.world import COLOURS, NOTHING, Scene
from lambda_studio.models.clip import Clip


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
    dice = generator.get_state()
    right_words = _clip_words(scene, cut, line, generator, attributes)
    generator.set_state(dice)
    return images, right_words, _clip_words(wrong, cut, line, generator, attributes)


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


def clip_stage(clip: Clip, corpus: Corpus, seed: int, batch_size: int, attributes: float = 0.65) -> LossOf:
    """Symmetric contrastive training (CLIP): each picture against every caption of its batch, and the other way.

    Each picture is also told from captions that are wrong in one word (as NegCLIP does): what a subject wears is a few
    pixels, and a random caption can be told from the right one without them.
    """
    model, mean, std = clip.model, 0.5, 0.5

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "clip", step)
        images, words, wrong = _clip_batch(corpus, random_rows(corpus, generator, batch_size), generator, attributes)
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


def _pooled(model: open_clip.CLIP, token_ids: Int[Tensor, "batch position"]) -> Float[Tensor, "batch dim"]:
    """open_clip's `encode_text`, which insists on the whole context, over as many positions as are used."""
    used = int((token_ids != 0).sum(1).max())
    token_ids = token_ids[:, :used]
    states = model.token_embedding(token_ids) + model.positional_embedding[:used]
    states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask[:used, :used]))
    return states[torch.arange(len(token_ids)), token_ids.argmax(1)] @ model.text_projection
