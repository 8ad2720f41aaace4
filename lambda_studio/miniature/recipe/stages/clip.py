"""The training of the miniature's CLIP: pictures against right, random and nearly right captions."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lambda_studio.miniature.judge.oracle import Oracle, oracle_loss
from lambda_studio.miniature.judge.questions import Questions, Readout, answers_loss, questions
from lambda_studio.miniature.recipe.corpus import Corpus, edges, open_corpus, pixels, random_rows
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.ahead import Ahead
from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world.identities import COLOURS, NOTHING
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import seen
from lambda_studio.miniature.world.scenes import Scene, concatenate
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip, ClipTokenizer, build_tokenizer
from lambda_studio.models.clip.files import TokenizerFiles


@dataclass(frozen=True)
class _Batch:
    """Pictures of the rows of the corpus, their captions, and for the first half also altered captions.

    An altered caption is wrong in one word, or equal if the caption does not mention the change. `shown` has the
    content of the colour pictures (rows `coloured`). The rows `scenes` are whole scenes, and the rows `lines` are edge
    maps of scenes.
    """

    rows: Int[Tensor, " picture"]
    images: UInt8[np.ndarray, "picture height width 3"]
    """No tensor: another process would hand that over in shared memory, of which containers have little."""
    words: list[str]
    wrong: list[str]
    token_ids: Int[Tensor, "caption position"]
    coloured: Tensor
    shown: Scene
    scenes: Tensor
    lines: Tensor


@dataclass(frozen=True)
class _Batching:
    """A function that returns the batch of a step: mostly scenes, some cut-outs on white and a few edge maps."""

    folder: Path
    """The corpus."""
    files: TokenizerFiles
    seed: int
    batch_size: int
    attributes: float
    edge_map: str

    @cached_property
    def corpus(self) -> Corpus:
        return open_corpus(self.folder)

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        return build_tokenizer(self.files)

    def __call__(self, step: int) -> _Batch:
        generator, corpus = seeded(self.seed, "clip", step), self.corpus
        rows = random_rows(corpus, generator, self.batch_size)
        scene = corpus.scene[rows]
        kind = torch.rand(len(rows), generator=generator)
        cut, line = kind < 0.22, kind > 0.96
        images = _bytes(seen(pixels(corpus.images, rows)))
        images[cut.numpy()] = corpus.cutouts[corpus.cutout_rows[rows[cut], 0].numpy()]
        images[line.numpy()] = _bytes(seen(edges(corpus.images, rows[line], self.edge_map)))
        altered = _altered(scene, generator)
        dice = generator.get_state()
        words = _clip_words(scene, cut, line, generator, self.attributes)
        generator.set_state(dice)
        wrong = _clip_words(altered, cut, line, generator, self.attributes)[: len(rows) // 2]
        cuts, whole = cut.nonzero()[:, 0], (~cut & ~line).nonzero()[:, 0]
        shown = concatenate([_alone(scene[cuts]), scene[whole]])
        lines, coloured = line.nonzero()[:, 0], torch.cat([cuts, whole])
        return _Batch(rows, images, words, wrong, self.tokenizer(words + wrong), coloured, shown, whole, lines)


def _bytes(images: Float[Tensor, "picture 3 height width"]) -> UInt8[np.ndarray, "picture height width 3"]:
    return rearrange((images * 255).round().byte(), "b c h w -> b h w c").numpy()


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
"""The changes that make a caption nearly right: the share of captions, and the number of choices."""


def _altered(scene: Scene, generator: torch.Generator) -> Scene:
    """Return each scene with one change: an attribute of one subject, or the place."""
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
        # things on the ground keep their noun and wear nothing
        figure = scene.who.noun[rows, slot[rows]] < len(FIGURES)
        keep = ~figure if name in ("worn", "noun") else torch.zeros_like(figure)
        values[name][at] = torch.where(keep, values[name][at], (values[name][at].clamp_min(0) + step) % count)
    who = replace(scene.who, **{name: values.pop(name) for name in ("main", "second", "pattern", "noun")})
    return replace(scene, who=who, **values)


def _alone(scene: Scene) -> Scene:
    """Return the first subject of each scene by itself, without worn things."""
    noun = scene.who.noun.clone()
    noun[:, 1:] = NOTHING
    naked = torch.full_like(scene.worn, NOTHING)
    return replace(scene, who=replace(scene.who, noun=noun), worn=naked, relation=torch.zeros_like(scene.relation))


READOUT_SHARE = 0.3
"""The weight of the readout's cross-entropies, relative to the contrastive loss."""
POSITION_SHARE = 1.0
"""The weight of the position's error (smooth L1, in half pictures), relative to the contrastive loss."""
MAP_SHARE = 0.1
"""The weight of the oracle's cross-entropies over the tower's middle maps, relative to the contrastive loss."""


def clip_stage(
    clip: Clip,
    readout: Readout,
    oracle: Oracle,
    corpus: Corpus,
    owner: UInt8[Tensor, "picture cell"],
    seed: int,
    batch_size: int,
    attributes: float = 0.65,
    edge_map: str = "canny",
    workers: int = 0,
) -> LossOf:
    """Return CLIP's symmetric contrastive loss, with three additions.

    Captions that are wrong in one word are extra negatives (as in NegCLIP): a worn thing is a few pixels, and a random
    caption can be rejected without those pixels. A `readout` predicts each subject's looks from the image embedding,
    because captions mention looks only sometimes. It also predicts the position, of edge maps too: unasked, CLIP keeps
    it in axes of so little variance that the prior does not find it (docs/decisions/0073). An `oracle` over CLIP's own
    maps, trained with the `owner` of each cell, teaches the middle of the tower to see small things.
    `workers` processes prepare the batches.
    """
    model, device, mean, std = clip.model, clip.device, 0.5, 0.5
    model.visual.to(memory_format=torch.channels_last)

    files = clip.files.tokenizer
    batch_of = Ahead(_Batching(corpus.folder, files, seed, batch_size, attributes, edge_map), workers)

    def loss_of(step: int) -> dict[str, Tensor]:
        batch = batch_of(step)
        rows = batch.rows
        told_apart = len(batch.wrong)
        same = torch.tensor([a == b for a, b in zip(batch.words[:told_apart], batch.wrong, strict=True)], device=device)
        images = rearrange(torch.from_numpy(batch.images).to(device), "b h w c -> b c h w") / 255
        images = ((images - mean) / std).contiguous(memory_format=torch.channels_last)
        token_ids = batch.token_ids.to(device)
        fine = model.visual.layer2(model.visual.layer1(model.visual.stem(images)))
        coarse = model.visual.layer3(fine)
        image_embeds = F.normalize(model.visual.attnpool(model.visual.layer4(coarse)).float(), dim=-1)
        text_embeds = F.normalize(_pooled(model, token_ids).float(), dim=-1)
        logits = model.logit_scale.exp().clamp_max(100) * image_embeds @ text_embeds.T
        logits[:, batch_size:].masked_fill_(same, -torch.inf)
        target = torch.arange(batch_size, device=device)
        right = logits[:, :batch_size]
        contrast = (F.cross_entropy(logits, target) + F.cross_entropy(right.T, target)) / 2
        told = (right.diagonal()[:told_apart] > logits[:, batch_size:].diagonal())[~same]
        about = questions(batch.shown.to(device))
        answers = readout(image_embeds[batch.coloured.to(device)][about.row], about.noun)
        looks = answers_loss(answers, about)
        placed = torch.cat([batch.scenes, batch.lines])
        there = questions(corpus.scene[rows[placed]].to(device))
        said = readout.position(image_embeds[placed.to(device)][there.row], there.noun)
        position = F.smooth_l1_loss(said, there.position, beta=0.05)
        reading = oracle.read(fine[batch.scenes.to(device)], coarse[batch.scenes.to(device)]).float()
        whole = rows[batch.scenes]
        maps = oracle_loss(reading, corpus.scene[whole].to(device), owner[whole].long().to(device))
        return {
            "loss": contrast + READOUT_SHARE * looks + POSITION_SHARE * position + MAP_SHARE * maps,
            "contrast": contrast,
            "looks": looks,
            "position": position,
            "maps": maps,
            "top1": (right.argmax(1) == target).float().mean(),
            "told_from_wrong": told.float().mean(),
            **{name: _right(answers, about, name) for name in ("main", "pattern", "worn")},
        }

    return loss_of


def _right(answers: dict[str, Tensor], about: Questions, name: str) -> Tensor:
    return (answers[name].argmax(1) == about.truth[name])[about.asked[name]].float().mean()


def _pooled(model: open_clip.CLIP, token_ids: Int[Tensor, "batch position"]) -> Float[Tensor, "batch dim"]:
    """Return open_clip's `encode_text` over the used positions only, not the whole context.

    Captions of similar length are encoded together, which avoids padding of short captions.
    """
    lengths = (token_ids != 0).sum(1)
    order = lengths.argsort(stable=True)
    parts = [
        _pooled_alike(model, token_ids[rows, : lengths[rows].max()]) for rows in order.tensor_split(4) if len(rows)
    ]
    return torch.cat(parts)[order.argsort()]


def _pooled_alike(model: open_clip.CLIP, token_ids: Int[Tensor, "batch position"]) -> Float[Tensor, "batch dim"]:
    used = token_ids.shape[1]
    states = model.token_embedding(token_ids) + model.positional_embedding[:used]
    states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask[:used, :used]))
    rows = torch.arange(len(token_ids), device=token_ids.device)
    return states[rows, token_ids.argmax(1)] @ model.text_projection
