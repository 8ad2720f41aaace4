"""The claims that can be measured without training, by the paper's numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import torch
from PIL import Image

from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.generator import predict_image_embeds
from lambda_studio.generation.interpolation import evenness, path
from lambda_studio.generation.prompt import BoundPrompt, bind
from lambda_studio.generation.samplers import seeded_noise
from lambda_studio.generation.template import parse
from lambda_studio.miniature.paper.claim import Claim, Expected, Job, OfSeed
from lambda_studio.miniature.paper.players import Players, Subject, identity, is_present, photographs
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.pictures.crops import square_crop
from lambda_studio.pictures.edges import EDGE_MAPS, edge_map

PLACES = ("on the beach", "in the snow", "in the city", "in the forest")
TOGETHER = {
    "one subject": "a {0} %s", "two subjects": "a {0} beside a {1} %s", "three subjects": "a {0}, a {1} and a {2} %s",
}  # fmt: skip
IDENTITY = "cosine similarity of the oracle's identity embeddings with those of the subject's photographs"
CLIP_T = "cosine similarity of a picture with its prompt by the miniature's CLIP"
COMPOSITION = "the oracle's mean probability of what the prompt asks for"
PRESENT = "share of subjects that are there"
FRAMES = 9
EDGE_REACH = 1
"""A drawn edge follows a given one if it is at most so many pixels beside it."""


def figure_3(job: Job) -> OfSeed:
    """Draw the embeddings of photographs, and of their edges, and compare the pictures with the photographs."""
    players = Players()
    subjects = players.subjects(job.pictures, job.seed)
    shown, again = (
        [photographs(each.who, 1, first + 1000 * job.seed + row)[0] for row, each in enumerate(subjects)]
        for first in (70_000, 90_000)
    )
    clip, spec = players.stack.clip(), players.stack.spec
    edges = [edge_map(image, spec.edges, players.stack.resolution, clip.image_size) for image in shown]
    seeds = [1000 * job.seed + number for number in range(job.pictures)]
    ways = {"photograph": shown, "edges": edges}
    found = {}
    with job.progress("Drawing", total=len(ways)) as advance:
        for way, images in ways.items():
            embeds = clip.encode_images([square_crop(image, clip.image_size) for image in images])
            found[way] = _kept(players, players.drawn_embeds(embeds, seeds), subjects, shown)
            advance()
    return {**found, "another photograph of it": _kept(players, again, subjects, shown)}


def _kept(
    players: Players, images: Sequence[Image.Image], subjects: Sequence[Subject], shown: Sequence[Image.Image]
) -> dict[str, float]:
    reading, truth = players.reader.read(images), players.reader.read(shown)
    rows = list(enumerate(subjects))
    same_place = reading.place.argmax(-1) == truth.place.argmax(-1)
    return {
        "identity": fmean(identity(reading, row, subject) for row, subject in rows),
        "noun": fmean(is_present(reading, row, subject) for row, subject in rows),
        "place": float(same_place.float().mean()),
    }


def figure_7(job: Job) -> OfSeed:
    """Draw the way between two prompts: between the predicted embeddings, between the text states, between noises."""
    players = Players()
    one, other = players.subjects(job.pictures, job.seed), players.subjects(job.pictures, job.seed + 500)
    ways: dict[str, list[float]] = {"image embeddings": [], "text states": [], "noises": []}
    with job.progress("Drawing", total=job.pictures) as advance:
        for number, pair in enumerate(zip(one, other, strict=True)):
            row = 1000 * job.seed + number
            prompts = [_bound(players, f"a <s> {place}", each) for each, place in zip(pair, PLACES[:2], strict=True)]
            states = [_conditioning(players, prompt, each) for prompt, each in zip(prompts, pair, strict=True)]
            ends = [predict_image_embeds(players.stack.prior(), each, [row])[0] for each in states]
            between = [
                predict_image_embeds(players.stack.prior(), _mixed(states[0], states[1], float(share)), [row])[0]
                for share in torch.linspace(0, 1, FRAMES)
            ]
            for way, embeds in {
                "image embeddings": path(ends[0], ends[1], FRAMES),
                "text states": torch.stack(between),
            }.items():
                ways[way].append(_evenness(players.drawn_embeds(embeds, [row] * FRAMES)))
            shape = players.stack.decoder().latent_shape(players.config.size(players.stack.resolution))
            noises = [seeded_noise(seed, tuple(shape)).flatten() for seed in (row, row + 500_000)]
            turned = path(noises[0], noises[1], FRAMES, spherical=True).unflatten(1, tuple(shape))
            ways["noises"].append(_evenness(players.drawn_noises(ends[0], turned)))
            advance()
    return {way: {"evenness": fmean(each)} for way, each in ways.items()}


def _evenness(images: Sequence[Image.Image]) -> float:
    return evenness(images, len(images))


def _bound(players: Players, words: str, subject: Subject) -> BoundPrompt:
    return bind(parse(words), {"s": subject.noun}, players.stack.tokenizer)


def _conditioning(players: Players, prompt: BoundPrompt, subject: Subject) -> Conditioning:
    text = players.stack.clip(("text",)).encode_text(torch.tensor([prompt.token_ids]))
    return condition(text, [prompt], [{"s": subject.embeds}], players.zero)


def _mixed(one: Conditioning, other: Conditioning, share: float) -> Conditioning:
    return replace(
        one,
        text_encoder_hidden_states=torch.lerp(one.text_encoder_hidden_states, other.text_encoder_hidden_states, share),
        prompt_embeds=torch.lerp(one.prompt_embeds, other.prompt_embeds, share),
        text_mask=one.text_mask | other.text_mask,
    )


def table_4(job: Job) -> OfSeed:
    """Draw one, two and three subjects in a picture, zero-shot."""
    players, found = Players(), {}
    with job.progress("Drawing", total=len(TOGETHER)) as advance:
        for way, asked in together(players, job.pictures, job.seed):
            found[way] = players.scores(players.drawn(asked, job.seed), asked)
            advance()
    return found


def together(players: Players, pictures: int, seed: int) -> Iterator[tuple[str, list[tuple[str, Sequence[Subject]]]]]:
    """Yield prompts for one, two and three subjects of different nouns."""
    nouns = tuple(FIGURES)
    casts = [players.subjects(pictures, seed + at, nouns[at::3]) for at in range(3)]
    for count, (way, words) in enumerate(TOGETHER.items(), start=1):
        rows = zip(*casts[:count], strict=True)
        yield way, [(words % PLACES[number % len(PLACES)], each) for number, each in enumerate(rows)]


def table_5(job: Job) -> OfSeed:
    """Draw subjects with and without the edges of pictures of the same prompts that were drawn from text alone."""
    players, found = Players(), {}
    subjects = players.subjects(job.pictures, job.seed)
    asked: list[tuple[str, Sequence[Subject]]] = [
        (f"a {{0}} {PLACES[number % len(PLACES)]}", [each]) for number, each in enumerate(subjects)
    ]
    plain: list[tuple[str, Sequence[Subject]]] = [(words.format(each[0].noun), []) for words, each in asked]
    with job.progress("Drawing", total=3) as advance:
        shown = players.drawn(plain, job.seed + 50)
        advance()
        clip, spec = players.stack.clip(), players.stack.spec
        maps = [edge_map(image, spec.edges, players.stack.resolution, clip.image_size) for image in shown]
        for way, controls in {"no edges": None, "edges": clip.encode_images(maps)}.items():
            images = players.drawn(asked, job.seed, controls)
            followed = fmean(_followed(one, other, spec.edges) for one, other in zip(shown, images, strict=True))
            scores = players.scores(images, asked)
            found[way] = {
                **{name: scores[name] for name in ("identity", "composition", "CLIP-T")},
                "followed": followed,
            }
            advance()
    return found


def _followed(shown: Image.Image, drawn: Image.Image, name: str) -> float:
    """Return the F1 score of drawn edges against given ones, within `EDGE_REACH` pixels."""
    given, made = (_edges(image, name) for image in (shown, drawn))
    if not given.any() or not made.any():
        return float(given.any() == made.any())
    precision, recall = float(_near(given)[made].mean()), float(_near(made)[given].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _edges(image: Image.Image, name: str) -> np.ndarray:
    return EDGE_MAPS[name](np.asarray(image.convert("RGB"))) > 0


def _near(lines: np.ndarray) -> np.ndarray:
    """Return where a line is at most `EDGE_REACH` pixels away."""
    padded = np.pad(lines, EDGE_REACH)
    reach = range(2 * EDGE_REACH + 1)
    height, width = lines.shape
    return np.any([padded[y : y + height, x : x + width] for y in reach for x in reach], axis=0)


CLAIMS = (
    Claim(
        key="figure-3",
        title="What an image embedding alone keeps",
        says="Kandinsky draws a photograph's embedding as nearly the same thing (DINO 0.66), and an edge map's as its "
        "outline.",
        here="Photographs of subjects that no training saw, and their edge maps, drawn from their embeddings alone.",
        ways=("photograph", "edges", "another photograph of it"),
        columns={"identity": IDENTITY, "noun": "share of pictures with the noun", "place": "share with the same place"},
        expected=(
            Expected("photograph", "edges", "identity"),
            Expected("photograph", "edges", "place"),
        ),
        measure=figure_3,
    ),
    Claim(
        key="figure-7",
        title="Ways between pictures",
        says="Between image embeddings that the prior predicts, pictures change smoothly.",
        here="Nine pictures from a subject in a place to another, with one noise; and of one prompt between noises.",
        ways=("image embeddings", "text states", "noises"),
        columns={"evenness": "mean over largest change between neighbours; 1 is an even change, 0 a jump"},
        expected=(
            Expected("image embeddings", "text states", "evenness"),
            Expected("image embeddings", "noises", "evenness"),
        ),
        measure=figure_7,
    ),
    Claim(
        key="table-4",
        title="One, two and three subjects in a picture",
        says="With more subjects likeness falls (DINO 0.613, 0.448, 0.342), and text alignment rises (CLIP-T 0.307, "
        "0.333, 0.347).",
        here="Zero-shot, subjects of different nouns that no training saw.",
        ways=tuple(TOGETHER),
        columns={
            "identity": IDENTITY, "present": PRESENT, "composition": COMPOSITION,
            "CLIP-T": CLIP_T,
        },
        expected=(
            Expected("one subject", "two subjects", "identity"), Expected("two subjects", "three subjects", "identity"),
            Expected("two subjects", "one subject", "CLIP-T"), Expected("three subjects", "two subjects", "CLIP-T"),
        ),
        measure=table_4,
    ),
    Claim(
        key="table-5",
        title="Edges: how far they are followed, and what likeness they cost",
        says="With edges of un-customised pictures likeness falls (DINO 0.613 to 0.517), and CLIP-T rises (0.307 to "
        "0.316).",
        here="Edges of pictures that were drawn from the same prompts without the subject.",
        ways=("no edges", "edges"),
        columns={
            "identity": IDENTITY, "composition": COMPOSITION, "CLIP-T": CLIP_T,
            "followed": "F1 of drawn edges against given ones, within one pixel",
        },
        expected=(Expected("no edges", "edges", "identity"), Expected("edges", "no edges", "followed"),
            Expected("edges", "no edges", "CLIP-T")),
        measure=table_5,
    ),
)  # fmt: skip
