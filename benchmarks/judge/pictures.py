"""Draw the pictures that are labelled: held-out subjects with references and in words, and rendered ones among them.

The demo's pictures follow, before and after its fine-tuning.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.generator import Picture, PictureRequest, draw
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.references import subject_embeds
from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.report import STEPS
from lambda_studio.miniature.show import demo
from lambda_studio.miniature.show.demo import PROMPTS, run_demo, subject_of
from lambda_studio.miniature.world.captions import Caption, captions
from lambda_studio.miniature.world.identities import NOTHING, PARTS
from lambda_studio.miniature.world.rendering import render, render_cutouts
from lambda_studio.miniature.world.scenes import RELATIONS, Scene, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.clip.clip import Clip
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.texts.picture_texts import read_texts

from .looks import BARE, CLASSES, Content, Subject

SEED = 65
REFERENCES = 4


@dataclass(frozen=True)
class Kind:
    """One kind of pictures: how many, the relation of the subjects, and the share with a worn thing.

    `shown` subjects are given as references, and the prompt does not describe them. Others are described in words.
    Pictures that are not `drawn` are rendered, then encoded and decoded by MoVQ.
    """

    count: int
    relation: str
    dressed: float
    shown: bool = False
    drawn: bool = True


KINDS = {
    "subject": Kind(130, "alone", 0.5, shown=True),
    "two subjects": Kind(90, "beside", 0.0, shown=True),
    "words": Kind(50, "alone", 0.5),
    "two in words": Kind(30, "beside", 0.5),
    "rendered": Kind(36, "alone", 0.5, drawn=False),
    "two rendered": Kind(24, "beside", 0.3, drawn=False),
}
"""The kinds by name. The first two are drawn as the model card's `zero-shot` and `two-subjects`."""


DEMO = {"before": "demo before", "after": "demo after"}
"""The kinds of the demo's pictures."""


@dataclass(frozen=True)
class Asked:
    """One picture: its kind, its prompt in words, and the content that was asked for."""

    kind: str
    prompt: str
    content: Content
    image: Image.Image


def asked_pictures(stack: Stack) -> list[Asked]:
    """Draw all pictures, in an order that tells nothing of their kinds but that the demo's are the last."""
    made = [each for name in KINDS for each in _of_kind(stack, name)]
    return [*_mixed(made, "order"), *_mixed(_of_the_demo(), "order of the demo")]


def _mixed(made: Sequence[Asked], name: str) -> list[Asked]:
    return [made[at] for at in torch.randperm(len(made), generator=seeded(SEED, name)).tolist()]


def _of_the_demo() -> list[Asked]:
    """Return the pictures of a demo, with the parts' colours in what was asked for."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        run_demo(Path(folder) / "home", Path(folder), seed=SEED)
        for when, kind in DEMO.items():
            for path in sorted((Path(folder) / when).glob("*.png")):
                asked = next(each for each in PROMPTS if each.prompt == read_texts(path).prompt)
                with Image.open(path, formats=("PNG",)) as image:
                    made.append(Asked(kind, asked.prompt, _content_of(asked), image.convert("RGB")))
    return made


def _content_of(asked: demo.Asked) -> Content:
    """Return the content that a prompt of the demo asks for."""
    subjects = []
    for number, name in enumerate(asked.names):
        who = subject_of(name)
        looks = (CLASSES[each][int(getattr(who, each))] for each in ("noun", "main", "pattern"))
        parts = (CLASSES[each][int(getattr(who, each))] for each in PARTS)
        subjects.append(Subject(*looks, (asked.worn if number == 0 else None) or BARE, *parts))
    return Content(asked.place, tuple(subjects))


def _of_kind(stack: Stack, name: str) -> list[Asked]:
    kind = KINDS[name]
    scene = _distinct_scenes(kind, name)
    words = captions(scene, seeded(SEED, "words", name), attributes=0.0 if kind.shown else 1.0, places=1.0)
    if kind.drawn:
        requests = _requests(stack.clip(), scene, words, kind.shown)
        config = GenerateConfig(num_inference_steps=STEPS).preferring(stack.spec.generate)
        made = [each.to_image() for each in draw(stack, requests, stack.clip().zero_image_embeds(), config)]
    else:
        decoder, images = stack.decoder(), render(scene).images
        made = [Picture(each, SEED).to_image() for each in decoder.decode(decoder.encode(images))]
    contents = [_content(scene, row, patterns=kind.shown or not kind.drawn) for row in range(len(scene))]
    return [Asked(name, c.text, what, each) for c, what, each in zip(words, contents, made, strict=True)]


def _distinct_scenes(kind: Kind, name: str) -> Scene:
    """Return scenes of held-out subjects that all have another noun, because the oracle reads looks by noun."""
    many = 2 * kind.count
    relation = torch.full((many,), RELATIONS.index(kind.relation))
    scene = scenes(
        many,
        seeded(SEED, name),
        held_out=True,
        relation=relation,
        worn_share=kind.dressed,
        things_share=0.0,
    )
    noun = scene.who.noun
    distinct = (noun[:, 0] != noun[:, 1]).nonzero()[: kind.count, 0]
    return scene[distinct]


def _requests(clip: Clip, scene: Scene, words: Sequence[Caption], shown: bool) -> list[PictureRequest]:
    references = _references(clip, scene) if shown else {}
    requests = []
    for row, caption in enumerate(words):
        template, nouns = caption.text, {}
        if shown:
            template, nouns = _worn_in_words(caption)
        prompt = bind(parse(template), nouns, clip.tokenizer)
        views = {name: list(references[int(name[1])][row]) for name in nouns}
        requests.append(PictureRequest(prompt, SEED + row, subject_embeds(prompt, views, "mean", SEED + row)))
    return requests


def _worn_in_words(caption: Caption) -> tuple[str, dict[str, str]]:
    """Return the template with only its subjects as names."""
    template = caption.template
    for name, noun in caption.nouns.items():
        if name.startswith("w"):
            template = template.replace(f"<{name}>", noun)
    return template, {name: noun for name, noun in caption.nouns.items() if name.startswith("s")}


def _references(clip: Clip, scene: Scene) -> dict[int, Tensor]:
    """Return the embeddings of each slot's cut-outs: `picture reference dim`."""
    found = {}
    for slot in (scene.who.noun != NOTHING).any(0).nonzero()[:, 0].tolist():
        who = scene.who[:, slot]
        cut_outs = [render_cutouts(who, seeded(SEED, "references", slot, i)) for i in range(REFERENCES)]
        found[slot] = torch.stack([clip.encode_pixels(images, batch_size=128) for images in cut_outs], dim=1)
    return found


def _content(scene: Scene, row: int, patterns: bool) -> Content:
    """Return a scene's content. A prompt in words does not always name the pattern."""
    who, subjects = scene.who, []
    for slot in (who.noun[row] != NOTHING).nonzero()[:, 0].tolist():
        subjects.append(
            Subject(
                CLASSES["noun"][who.noun[row, slot]],
                CLASSES["main"][who.main[row, slot]],
                CLASSES["pattern"][who.pattern[row, slot]] if patterns else None,
                BARE if scene.worn[row, slot] == NOTHING else CLASSES["worn"][scene.worn[row, slot] + 1],
            )
        )
    return Content(CLASSES["place"][scene.place[row]], tuple(subjects))
