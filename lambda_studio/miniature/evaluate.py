"""Every figure of the model card, measured anew from the weights that ship, on identities training never saw.

`python -m lambda_studio.miniature.evaluate` prints them as JSON.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.config import GenerateConfig, settings_from
from lambda_studio.generator import condition_prompts, predict_image_embeds
from lambda_studio.miniature.captions import Caption, captions
from lambda_studio.miniature.figures import FIGURES
from lambda_studio.miniature.networks import seeded
from lambda_studio.miniature.oracle import identity_of
from lambda_studio.miniature.scores import ANSWERS, Reader, load_reader
from lambda_studio.miniature.world import (
    NOTHING,
    RELATIONS,
    SLOTS,
    Identity,
    Scene,
    identities,
    in_every_slot,
    render,
    render_cutouts,
    scenes,
)
from lambda_studio.models.stack import Stack, resolve_stack
from lambda_studio.prompt import bind, parse

REFERENCES = 4
"""Pictures that stand for one subject: cut-outs for CLIP, whole ones for the oracle's identity."""
RIVALS = 30
"""Identities of one noun that the oracle has to tell apart."""


class Evaluation:
    """The measurements, each over `count` pictures drawn from `seed`."""

    def __init__(self, stack: Stack, reader: Reader, count: int, seed: int, steps: int = 50):
        self.stack, self.reader, self.count, self.seed = stack, reader, count, seed
        preferred = {"num_inference_steps": steps, "batch_size": 64}
        self.config = settings_from(GenerateConfig, stack.spec.generate, preferred)
        self.clip = stack.clip(("text", "vision"))
        self.zero = self.clip.zero_image_embeds()

    def scenes(self, name: str, relation: str = "alone", dressed: float = 0.5) -> Scene:
        """Held-out subjects in random places, half of them dressed."""
        wanted = torch.full((self.count,), RELATIONS.index(relation))
        generator = seeded(self.seed, name)
        scene = scenes(self.count, generator, held_out=True, relation=wanted, worn_share=dressed, things_share=0.0)
        return _distinct(scene)

    def clip_retrieval(self, among: int = 256) -> dict[str, float]:
        """How often CLIP finds a picture's caption among 256 of held-out pictures, and the other way."""
        scene = scenes(max(among, self.count // among * among), seeded(self.seed, "retrieval"), held_out=True)
        words = [c.text for c in captions(scene, seeded(self.seed, "retrieval words"), attributes=0.65)]
        images = F.normalize(self.clip.encode_pixels(render(scene).images, batch_size=128), dim=-1)
        tokens = self.clip.tokenizer(words)
        texts = F.normalize(torch.cat([self.clip.encode_text(t).pooled for t in tokens.split(128)]), dim=-1)
        target = torch.arange(among)
        pairs = [(i @ t.T) for i, t in zip(images.split(among), texts.split(among), strict=True)]
        return {
            "caption_top1": _mean([(p.argmax(1) == target).float().mean() for p in pairs]),
            "image_top1": _mean([(p.argmax(0) == target).float().mean() for p in pairs]),
        }

    def movq_psnr(self) -> dict[str, float]:
        """How well pictures survive MoVQ, in dB over values in 0..1."""
        images = render(self.scenes("movq")).images
        decoder = self.stack.decoder()
        errors = [(decoder.decode(decoder.encode(x)) - x).pow(2).mean((1, 2, 3)) for x in images.split(64)]
        return {"psnr": (-10 * torch.log10(torch.cat(errors))).mean().item()}

    def oracle(self) -> dict[str, float]:
        """The oracle on rendered pictures: the ceiling of what it can find in drawn ones.

        `identity_top1`: how often one picture of a subject is most like another picture of that subject, in another
        place, among `RIVALS` subjects of the same noun.
        """
        scene = self.scenes("oracle")
        found = [self._told_apart(noun) for noun in range(len(FIGURES))]
        return self._single(render(scene).images, scene) | {"identity_top1": _mean(found)}

    def _told_apart(self, noun: int) -> Tensor:
        generator = seeded(self.seed, "rivals", noun)
        who = identities(RIVALS, generator, held_out=True, nouns=(tuple(FIGURES)[noun],))
        first, second = (self._identity(who, generator) for _ in range(2))
        return ((first @ second.T).argmax(1) == torch.arange(RIVALS)).float().mean()

    def _identity(self, who: Identity, generator: torch.Generator) -> Tensor:
        """The oracle's identity embedding of each subject, alone in a new place and pose."""
        scene = scenes(len(who.noun), generator, who=in_every_slot(who), relation=torch.zeros_like(who.noun))
        return identity_of(self.reader.oracle(render(scene).images), who.noun)

    def decoder_from_embeddings(self) -> dict[str, float]:
        """Pictures drawn from real pictures' embeddings."""
        scene = self.scenes("decoder")
        embeds = self.clip.encode_pixels(render(scene).images, batch_size=128)
        return self._single(self._draw(embeds), scene)

    def zero_shot(self, shown: bool = True) -> dict[str, float]:
        """The λ prior: the subject as pictures (or, not `shown`, as its noun), all else in words without its looks."""
        scene = self.scenes("zero-shot")
        prior_embeds = self._prior(scene, shown)
        target = self.clip.encode_pixels(render(scene).images, batch_size=128)
        cosine = F.cosine_similarity(prior_embeds, target).mean().item()
        return self._single(self._draw(prior_embeds), scene) | {"cosine": cosine}

    def two_subjects(self) -> dict[str, float]:
        """Two subjects beside each other, both as pictures."""
        scene = self.scenes("two", "beside", dressed=0.0)
        marks = self.reader.mark(self._draw(self._prior(scene, True)), scene)
        return {
            "both_nouns": marks.every("noun"),
            "both_main": marks.every("noun", "main"),
            "place": marks.share("place"),
            "identity": marks.likeness(self._likenesses(scene)),
        }

    def _single(self, images: Tensor, scene: Scene) -> dict[str, float]:
        marks = self.reader.mark(images, scene)
        return {name: marks.share(name) for name in ANSWERS} | {"identity": marks.likeness(self._likenesses(scene))}

    def _likenesses(self, scene: Scene) -> Tensor:
        """The mean identity embedding of other pictures of each scene's subjects."""
        generator, slots = seeded(self.seed, "likenesses"), []
        for slot in range(SLOTS):
            who = replace(scene.who[:, slot], noun=scene.who.noun[:, slot].clamp_min(0))
            slots.append(torch.stack([self._identity(who, generator) for _ in range(REFERENCES)]).mean(0))
        return torch.stack(slots, 1)

    def _prior(self, scene: Scene, shown: bool) -> Tensor:
        words = captions(scene, seeded(self.seed, "words"), attributes=0.0, places=1.0)
        spoken = [_keep(caption, "s" if shown else "") for caption in words]
        subjects: list[dict[str, Tensor]] = [{} for _ in spoken]
        if shown:
            embeds = {
                slot: self._references(scene.who[:, slot])
                for slot in range(SLOTS)
                if (scene.who.noun[:, slot] != NOTHING).any()
            }
            subjects = [{name: embeds[int(name[1])][row] for name in c.nouns} for row, c in enumerate(spoken)]
        prompts = [bind(parse(c.template), c.nouns, self.clip.tokenizer) for c in spoken]
        seeds = range(self.seed, self.seed + len(prompts))
        parts = []
        for start in range(0, len(prompts), 128):
            rows = slice(start, start + 128)
            inputs = condition_prompts(self.clip, prompts[rows], subjects[rows], self.zero)
            parts.append(predict_image_embeds(self.stack.prior(), inputs, seeds[rows]))
        return torch.cat(parts)

    def _references(self, who: Identity) -> Tensor:
        made = [render_cutouts(who, seeded(self.seed, "references", i)) for i in range(REFERENCES)]
        return torch.stack([self.clip.encode_pixels(images, batch_size=128) for images in made]).mean(0)

    def _draw(self, embeds: Tensor) -> Tensor:
        seeds = list(range(self.seed, self.seed + len(embeds)))
        parts = []
        for start in range(0, len(embeds), self.config.batch_size):
            rows = slice(start, start + self.config.batch_size)
            parts.append(self.stack.decoder().sample(embeds[rows], self.zero, seeds[rows], self.config))
            print(f"  drawn {start + len(parts[-1])} of {len(embeds)}", file=sys.stderr)
        return torch.cat(parts)

    def all(self) -> dict[str, Callable[[], dict[str, float]]]:
        """The measurements by name."""
        return {
            "clip": self.clip_retrieval,
            "movq": self.movq_psnr,
            "oracle": self.oracle,
            "decoder": self.decoder_from_embeddings,
            "zero-shot": self.zero_shot,
            "text-only": lambda: self.zero_shot(shown=False),
            "two-subjects": self.two_subjects,
        }


def _distinct(scene: Scene) -> Scene:
    """No noun twice in one picture: the oracle could not say whose looks it reads."""
    noun = scene.who.noun.clone()
    for slot in range(1, SLOTS):
        twin = (noun[:, slot] == noun[:, 0]) & (noun[:, slot] != NOTHING)
        noun[:, slot] = torch.where(twin, (noun[:, slot] + 1) % 12, noun[:, slot])
    return replace(scene, who=replace(scene.who, noun=noun))


def _keep(caption: Caption, kinds: str) -> Caption:
    """The caption with only the names of these kinds left; the others become their nouns."""
    template, kept = caption.template, {}
    for name, noun in caption.nouns.items():
        if name[0] in kinds:
            kept[name] = noun
        else:
            template = template.replace(f"<{name}>", noun)
    return Caption(template=template, nouns=kept)


def _mean(values: list[Tensor]) -> float:
    return torch.stack(values).mean().item()


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default="miniature")
    parser.add_argument("--count", type=int, default=512, help="pictures for each measurement")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--only", nargs="+")
    arguments = parser.parse_args()
    evaluation = Evaluation(Stack(resolve_stack(arguments.stack)), load_reader(), arguments.count, arguments.seed)
    chosen = {
        name: measure for name, measure in evaluation.all().items() if not arguments.only or name in arguments.only
    }
    measured = {name: {k: round(v, 4) for k, v in measure().items()} for name, measure in chosen.items()}
    print(json.dumps({"count": arguments.count, "seed": arguments.seed, **measured}, indent=1))


if __name__ == "__main__":
    main()
