"""How well do the checks of training pictures tell blurred subjects, bursts, one view, and an image of another subject?

    python -m benchmarks.experiments.training_pictures [--record]

Photographs are DreamBench's in ../shared, drawn pictures the miniature's bench of held-out subjects. Embeddings are by
the miniature's CLIP, which has seen no photographs. For each subject a burst is made of its first picture, and one
picture of another subject is put among its own. A burst from the hand has six frames; from one to the next it turns by
0.4 degrees and moves by 5 of 1600 pixels, and it is a little brighter and has other noise.
"""

import argparse
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.masks import PHOTOS
from benchmarks.measured import add_record_option, record
from lambda_studio import Studio
from lambda_studio.miniature.judge.bench import write_bench
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.near_duplicates import NEAR_DUPLICATE, differences, thumbnail
from lambda_studio.pictures.sharpness import BLURRED, SIDE, blur
from lambda_studio.training.examples import encode_image_embeds
from lambda_studio.workflows.subjects.photos.unlike import FEWEST, UNLIKE, mean_cosine
from lambda_studio.workflows.tuning.planning.dataset import SAME_VIEW

FOCUS = 2.5
"""The Gaussian blur, in pixels of a subject's box that is at most `SIDE` long."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_record_option(parser)
    arguments, values = parser.parse_args(), {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "drawn").mkdir()
        write_bench(Path(folder) / "drawn")
        for kind, photos in (("photographs", PHOTOS), ("drawn", Path(folder) / "drawn")):
            with Studio(Path(folder) / kind) as studio:
                studio.libraries.import_(photos)
                for name, value in checks(studio):
                    values[f"{kind}_{name}"] = value
                    print(f"{kind} {name}: {value:.3f}")
    if arguments.record:
        record("training-pictures", "shares of images or subjects", values)


def checks(studio: Studio) -> Iterator[tuple[str, float]]:
    """Measure each check on a library."""
    concepts = studio.workplace.named_or_all(None)
    views, _ = studio.workplace.embedder.subjects(concepts)
    rows = [F.normalize(torch.stack(each), dim=-1) for each in views.values() if len(each) >= FEWEST]
    yield "subjects", len(rows)
    yield "unlike_alarms", share(max(margins(each)) > UNLIKE for each in rows)
    intruders = [margins(torch.cat([own[:-1], other[:1]]))[-1] for own, other in itertools.permutations(rows, 2)]
    yield "intruders_found", share(margin > UNLIKE for margin in intruders)
    yield from blurs(studio, concepts)
    yield from bursts(studio, concepts)
    yield from near_duplicates(studio, concepts)


def margins(rows: torch.Tensor) -> list[float]:
    """Return for each row how much less it is like the others than they are like each other."""
    others = [torch.cat([rows[:at], rows[at + 1 :]]) for at in range(len(rows))]
    return [mean_cosine(rest) - float((rest @ rows[at]).mean()) for at, rest in enumerate(others)]


def blurs(studio: Studio, concepts) -> Iterator[tuple[str, float]]:
    found = []
    for image in (image for concept in concepts for image in concept.images):
        with studio.database.reading() as registry:
            picture = decode_png(registry.blob(image.sha)).convert("RGB")
            mask = decode_png(registry.blob(image.mask_sha)).convert("L") if image.mask_sha else None
        box = (mask.getbbox() if mask else None) or (0, 0, *picture.size)
        scale = max(1, max(box[2] - box[0], box[3] - box[1]) / SIDE)
        found.append((blur(picture, mask), blur(picture.filter(ImageFilter.GaussianBlur(FOCUS * scale)), mask)))
    yield "images", len(found)
    yield "sharp_alarms", share(sharp > BLURRED for sharp, _ in found)
    yield "blurred_found", share(blurred > BLURRED for _, blurred in found)


def bursts(studio: Studio, concepts) -> Iterator[tuple[str, float]]:
    clip, chosen, real, burst = studio.workplace.stack.clip(("vision",)), random.Random(0), [], []
    for concept in concepts:
        pictures = pictures_of(studio, concept)
        real.append(likeness(clip, pictures))
        burst.append(likeness(clip, [moved(pictures[0], chosen) for _ in range(5)]))
    yield "view_alarms", share(value >= SAME_VIEW for value in real)
    yield "bursts_found", share(value >= SAME_VIEW for value in burst)


def near_duplicates(studio: Studio, concepts) -> Iterator[tuple[str, float]]:
    """Measure the check for almost the same pictures: false alarms in all pairs of a subject, and bursts found."""
    pairs, found = [], {1: [], 2: []}
    for concept in concepts:
        pictures = pictures_of(studio, concept)
        small = [thumbnail(picture) for picture in pictures]
        pairs += [differences(one, other[None])[0] for one, other in itertools.combinations(small, 2)]
        for times, whole in found.items():
            frames = [thumbnail(frame) for frame in handheld(pictures[0], times)]
            whole.append(max(differences(new, old[None])[0] for old, new in itertools.pairwise(frames)))
    yield "pairs", len(pairs)
    yield "near_alarms", share(each < NEAR_DUPLICATE for each in pairs)
    yield "nearest_pair", float(min(pairs))
    for times, whole in found.items():
        yield f"handheld_found_{times}", share(each < NEAR_DUPLICATE for each in whole)


def handheld(picture: Image.Image, times: int) -> Iterator[Image.Image]:
    """Yield the frames of a burst from the hand, which moves `times` as much as this module's docstring says."""
    width, height = picture.size
    noise = np.random.default_rng(0)
    for number in range(6):
        turned = picture.rotate(times * 0.4 * number - 1, Image.Resampling.BICUBIC)
        left, top = round((0.01 + times * number * 5 / 1600) * width), round(0.01 * height)
        part = turned.crop((left, top, left + round(0.92 * width), top + round(0.92 * height))).resize(picture.size)
        values = np.asarray(part) * (1 + 0.01 * number) + noise.integers(-3, 4, (height, width, 1))
        yield Image.fromarray(values.clip(0, 255).astype(np.uint8))


def pictures_of(studio: Studio, concept) -> list[Image.Image]:
    with studio.database.reading() as registry:
        return [decode_png(registry.blob(image.sha)).convert("RGB") for image in concept.images]


def likeness(clip, pictures: list[Image.Image]) -> float:
    return mean_cosine(F.normalize(encode_image_embeds(clip, pictures), dim=-1))


def moved(picture: Image.Image, chosen: random.Random) -> Image.Image:
    """Return the picture as the next one of a burst: moved by up to a tenth, and a little lighter or darker."""
    zoom = chosen.uniform(0.9, 1)
    left, top = (chosen.uniform(0, (1 - zoom) * side) for side in picture.size)
    part = picture.crop((int(left), int(top), int(left + zoom * picture.width), int(top + zoom * picture.height)))
    return ImageEnhance.Brightness(part).enhance(chosen.uniform(0.9, 1.1))


def share(said: Iterator[bool]) -> float:
    told = list(said)
    return sum(told) / len(told)


if __name__ == "__main__":
    sys.exit(main())
