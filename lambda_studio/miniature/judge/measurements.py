"""Measure a miniature stack on held-out identities and scenes."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.generation.generator import condition_prompts, predict_image_embeds
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import sample
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.bench import bench_subjects
from lambda_studio.miniature.judge.oracle import identity_of
from lambda_studio.miniature.judge.reader import ANSWERS, Reader
from lambda_studio.miniature.world.captions import Caption, captions
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import NOTHING, NOUNS, SLOTS, Identity, identities, in_every_slot
from lambda_studio.miniature.world.rendering import PIXELS, SEEN, render, render_cutouts, seen
from lambda_studio.miniature.world.scenes import RELATIONS, Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.parts import Crop
from lambda_studio.training.conditions import with_predictions
from lambda_studio.training.examples import Example
from lambda_studio.training.facing import pictures_to_mirror
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.workflows.tuning.other_scenes import dressed, placed

DEFAULT = FinetuneConfig()
A_PICTURE = 2
"""The number of the prior's predictions for each picture of a subject, as in `workflows/tuning/predictions.py`."""
REFERENCES = 4
"""The number of pictures per subject: cut-outs for CLIP, whole pictures for the oracle's identity."""
RIVALS = 30
"""The number of identities of one noun that the oracle must distinguish."""


class Evaluation:
    """The measurements, each over `count` pictures drawn from `seed`."""

    def __init__(self, stack: Stack, reader: Reader, count: int, seed: int, steps: int = 25):
        self.stack, self.reader, self.count, self.seed = stack, reader, count, seed
        self.config = GenerateConfig(num_inference_steps=steps, batch_size=64).preferring(stack.spec.generate)
        self.clip = stack.clip(("text", "vision"))
        self.zero = self.clip.zero_image_embeds()

    def scenes(self, name: str, relation: str = "alone", dressed: float = 0.5) -> Scene:
        """Return held-out subjects in random places. `dressed` is the share with a worn thing."""
        wanted = torch.full((self.count,), RELATIONS.index(relation))
        generator = seeded(self.seed, name)
        scene = scenes(self.count, generator, held_out=True, relation=wanted, worn_share=dressed, things_share=0.0)
        return _distinct(scene)

    def clip_retrieval(self, among: int = 256) -> dict[str, float]:
        """Measure how often CLIP finds a picture's caption among those of 256 held-out pictures, and the reverse."""
        scene = scenes(max(among, self.count // among * among), seeded(self.seed, "retrieval"), held_out=True)
        words = [c.text for c in captions(scene, seeded(self.seed, "retrieval words"), attributes=0.65)]
        images = F.normalize(self.clip.encode_pixels(render(scene, SEEN).images, batch_size=128), dim=-1)
        tokens = self.clip.tokenizer(words)
        texts = F.normalize(torch.cat([self.clip.encode_text(t).pooled for t in tokens.split(128)]), dim=-1)
        target = torch.arange(among)
        pairs = [(i @ t.T) for i, t in zip(images.split(among), texts.split(among), strict=True)]
        return {
            "caption_top1": _mean([(p.argmax(1) == target).float().mean() for p in pairs]),
            "image_top1": _mean([(p.argmax(0) == target).float().mean() for p in pairs]),
        }

    def there_and_back(self) -> dict[str, float]:
        """Measure MoVQ's reconstruction, the ceiling of generated pictures. `psnr` is in dB over values in 0..1."""
        scene = self.scenes("movq")
        decoder, back, errors = self.stack.decoder(), [], []
        for rows in torch.arange(len(scene)).split(self.config.batch_size):
            images = render(scene[rows]).images
            with self._computing():
                back.append(decoder.decode(decoder.encode(images)).float())
            errors.append((back[-1] - images).pow(2).mean((1, 2, 3)))
        return {"psnr": (-10 * torch.log10(torch.cat(errors))).mean().item()} | self._single(torch.cat(back), scene)

    def oracle(self) -> dict[str, float]:
        """Measure the oracle on rendered pictures: the ceiling of its answers on generated pictures.

        `identity_top1` is the share of pictures that are most similar to another picture of the same subject. The
        candidates are `RIVALS` subjects of one noun, in other places.
        """
        scene = self.scenes("oracle")
        found = [self._told_apart(noun) for noun in range(len(FIGURES))]
        return self._single(render(scene, SEEN).images, scene) | {"identity_top1": _mean(found)}

    def _told_apart(self, noun: int) -> Tensor:
        generator = seeded(self.seed, "rivals", noun)
        who = identities(RIVALS, generator, held_out=True, nouns=(tuple(FIGURES)[noun],))
        first, second = (self._identity(who, generator) for _ in range(2))
        return ((first @ second.T).argmax(1) == torch.arange(RIVALS)).float().mean()

    def _identity(self, who: Identity, generator: torch.Generator) -> Tensor:
        """Return the oracle's identity embedding of each subject, alone in a new place and pose."""
        scene = scenes(len(who.noun), generator, who=in_every_slot(who), relation=torch.zeros_like(who.noun))
        return identity_of(self.reader.oracle(render(scene, SEEN).images), who.noun)

    def decoder_from_embeddings(self) -> dict[str, float]:
        """Measure pictures generated from the embeddings of rendered pictures."""
        scene = self.scenes("decoder")
        embeds = self.clip.encode_pixels(render(scene, SEEN).images, batch_size=128)
        return self._single(self._draw(embeds), scene)

    def zero_shot(self, shown: bool = True) -> dict[str, float]:
        """Measure the λ prior with the subject as pictures (its noun if not `shown`) and a prompt without looks."""
        scene = self.scenes("zero-shot")
        prior_embeds = self._prior(scene, shown)
        target = self.clip.encode_pixels(render(scene, SEEN).images, batch_size=128)
        cosine = F.cosine_similarity(prior_embeds, target).mean().item()
        return self._single(self._draw(prior_embeds), scene) | {"cosine": cosine}

    def zero_shot_pictures(self, scene: Scene, places: float) -> tuple[list[str], Tensor]:
        """Return prompts without looks, of which this share names the place, and a picture of each with its subject."""
        prompts = captions(scene, seeded(self.seed, "words"), attributes=0.0, places=places)
        return [prompt.text for prompt in prompts], self._draw(self._prior(scene, True, places))

    def two_subjects(self) -> dict[str, float]:
        """Measure two subjects beside each other, both as pictures."""
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
        """Return the mean identity embedding of other pictures of each scene's subjects."""
        generator, slots = seeded(self.seed, "likenesses"), []
        for slot in range(int((scene.who.noun != NOTHING).sum(1).max())):
            who = replace(scene.who[:, slot], noun=scene.who.noun[:, slot].clamp_min(0))
            slots.append(torch.stack([self._identity(who, generator) for _ in range(REFERENCES)]).mean(0))
        return F.pad(torch.stack(slots, 1), (0, 0, 0, SLOTS - len(slots)))

    def _prior(self, scene: Scene, shown: bool, places: float = 1.0) -> Tensor:
        words = captions(scene, seeded(self.seed, "words"), attributes=0.0, places=places)
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

    def _draw(self, embeds: Tensor, numbers: Tensor | None = None) -> Tensor:
        """Draw the pictures of these numbers, by which they are seeded. None: the first ones."""
        numbers = torch.arange(len(embeds)) if numbers is None else numbers
        seeds = (self.seed + numbers).tolist()
        parts = []
        with self._computing():
            for start in range(0, len(embeds), self.config.batch_size):
                rows = slice(start, start + self.config.batch_size)
                parts.append(sample(self.stack.decoder(), embeds[rows], self.zero, seeds[rows], self.config))
        return torch.cat(parts).float()

    def _computing(self) -> torch.autocast:
        """Return autocast to bfloat16 on a CPU with support: two thirds of the time for the same readings."""
        enabled = self.stack.device.type == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
        return torch.autocast("cpu", torch.bfloat16, enabled=enabled)

    def fine_tuned(self, config: FinetuneConfig = DEFAULT, apart: bool = False) -> dict[str, float]:
        """Measure LoRAs on the bench's subjects (Eq. 2): pictures before and after, with the same seeds.

        It uses half as many scenes, because each is drawn twice. The bits of a picture depend on its batch, which is
        smaller with `apart`.

        Args:
            config: of the training. The stack's preferences and the measurement's seed are added.
            apart: one LoRA on each subject that is drawn, in place of one on all.
        """
        who = _joined(list(bench_subjects().values()))
        rows = torch.arange(self.count // 2) % len(who.noun)
        alone = torch.zeros_like(rows)
        generator = seeded(self.seed, "fine-tuned")
        scene = scenes(len(rows), generator, who=in_every_slot(who[rows]), relation=alone, worn_share=0.5)
        embeds, likenesses = self._prior(scene, True), self._likenesses(scene)
        images = self._draw(embeds)
        before = self.reader.mark(images, scene)
        config = replace(config, seed=self.seed).preferring(self.stack.spec.finetune)
        examples = self._learnt(who, generator, config)
        drawn = rows.unique()
        for some in drawn.split(1) if apart else [torch.arange(len(who.noun))]:
            these = torch.isin(rows, some).nonzero()[:, 0]
            with tempfile.TemporaryDirectory() as folder:
                shown = [example for example in examples if int(example.concept) in some.tolist()]
                finetune_decoder(self.stack.decoder(), shown, config, Path(folder) / "run")
            images[these] = self._draw(embeds[these], these)
        after = self.reader.mark(images, scene)
        self.stack.free("decoder")
        changes = {
            f"{name}_change": after.share(name) - before.share(name) for name in ("place", "worn", "noun", "main")
        }
        gain = after.likeness(likenesses) - before.likeness(likenesses)
        return {
            "identity_before": before.likeness(likenesses),
            "identity_change": gain,
            "details_before": before.share("details"),
            "details_after": after.share("details"),
            **changes,
        }

    def _learnt(self, who: Identity, generator: torch.Generator, config: FinetuneConfig) -> list[Example]:
        """Return the examples of every subject alone by these settings, without pairs of subjects."""
        examples, way = self._examples(who, generator, config.random_flip), config.conditions
        predicted = self._predictions(who, ["a <s>"] * A_PICTURE * REFERENCES) if way != "paper" else {}
        in_places = self._predictions(who, placed("<s>", REFERENCES)) if way == "scenes" else None
        worn = dressed("<s>", REFERENCES, config.keep_dressed)
        return with_predictions(
            examples, predicted, way != "prior", in_places, self._predictions(who, worn) if worn else None,
            pictures_to_mirror(examples) if predicted else frozenset(),
        )  # fmt: skip

    def _predictions(self, who: Identity, templates: Sequence[str]) -> dict[str, Tensor]:
        """Return the prior's predictions of each subject for the templates, as `studio finetune` learns from."""
        count, references, found = len(templates), self._references(who), {}
        for row, noun in enumerate(who.noun.tolist()):
            bound = [bind(parse(template), {"s": NOUNS[noun]}, self.clip.tokenizer) for template in templates]
            inputs = condition_prompts(self.clip, bound, [{"s": references[row]}] * count, self.zero)
            seeds = range(self.seed + count * row, self.seed + count * (row + 1))
            found[str(row)] = predict_image_embeds(self.stack.prior(), inputs, seeds)
        return found

    def _examples(self, who: Identity, generator: torch.Generator, mirrored: bool) -> list[Example]:
        """Return training examples (Eq. 2) of every subject, alone and undressed in random places.

        `mirrored` adds the mirror image of each.
        """
        rows = torch.arange(len(who.noun)).repeat_interleave(REFERENCES)
        alone = torch.zeros(len(rows), dtype=torch.int64)
        drawn = render(scenes(len(rows), generator, who=in_every_slot(who[rows]), relation=alone, worn_share=0.0))
        found = [self._encoded(rows, drawn.images, drawn.subjects.sum(1), "")]
        if mirrored:
            crop = str(Crop.square(0, 0, PIXELS, mirrored=True))
            found.append(self._encoded(rows, drawn.images.flip(-1), drawn.subjects.sum(1).flip(-1), crop))
        return [example for same in zip(*found, strict=True) for example in same]

    def _encoded(self, rows: Tensor, images: Tensor, subjects: Tensor, crop: str) -> list[Example]:
        """Return the examples of pictures of these subjects, whose shares are `subjects`."""
        latents, embeds = self.stack.decoder().encode(images), self.clip.encode_pixels(seen(images), 128)
        masks = F.adaptive_avg_pool2d(subjects, (latents.shape[-2], latents.shape[-1]))
        return [
            Example(
                str(row), f"{self.seed}-{i}", latents[i].clone(), embeds[i].clone(), crop=crop, mask=masks[i].clone()
            )
            for i, row in enumerate(rows.tolist())
        ]


MEASUREMENTS: dict[str, Callable[[Evaluation], dict[str, float]]] = {
    "oracle": Evaluation.oracle,
    "clip": Evaluation.clip_retrieval,
    "movq": Evaluation.there_and_back,
    "decoder": Evaluation.decoder_from_embeddings,
    "zero-shot": Evaluation.zero_shot,
    "text-only": lambda evaluation: evaluation.zero_shot(shown=False),
    "two-subjects": Evaluation.two_subjects,
    "fine-tuned": Evaluation.fine_tuned,
}
"""The measurements by name."""


def _joined(people: list[Identity]) -> Identity:
    values = {f.name: torch.cat([getattr(who, f.name) for who in people]) for f in fields(Identity)}
    return Identity(**values)


def _distinct(scene: Scene) -> Scene:
    """Replace duplicate nouns in a scene, because the oracle reads looks by noun."""
    noun = scene.who.noun.clone()
    for slot in range(1, SLOTS):
        twin = (noun[:, slot] == noun[:, 0]) & (noun[:, slot] != NOTHING)
        noun[:, slot] = torch.where(twin, (noun[:, slot] + 1) % 12, noun[:, slot])
    return replace(scene, who=replace(scene.who, noun=noun))


def _keep(caption: Caption, kinds: str) -> Caption:
    """Return the caption with only the names of these kinds. Other names become their nouns."""
    template, kept = caption.template, {}
    for name, noun in caption.nouns.items():
        if name[0] in kinds:
            kept[name] = noun
        else:
            template = template.replace(f"<{name}>", noun)
    return Caption(template=template, nouns=kept)


def _mean(values: list[Tensor]) -> float:
    return torch.stack(values).mean().item()
