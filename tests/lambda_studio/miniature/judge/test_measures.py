"""The oracle as a judge of pictures: the same subject is more alike than another, and words are found in pictures."""

import numpy as np
import pytest
import torch
from einops import rearrange
from PIL import Image

from lambda_studio.evaluation.measures import Composition, Likeness, View
from lambda_studio.miniature.judge.measures import OracleComposition, OracleLikeness, PictureReader
from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import NOTHING, identities, in_every_slot
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded


@pytest.fixture(scope="module")
def oracle() -> PictureReader:
    return PictureReader()


def pictures(nouns: list[str], place: str, seed: int, worn: str | None = None) -> list[Image.Image]:
    """Draw a subject of each noun, the same ones for every seed, in new poses."""
    people = [identities(4, seeded(5, noun), held_out=True, nouns=(noun,))[:1] for noun in nouns]
    found = []
    for who in people:
        cast, alone = in_every_slot(who), torch.zeros(1, dtype=torch.int64)
        scene = scenes(1, seeded(seed, "pose"), who=cast, relation=alone, worn_share=0.0)
        scene.place[:] = list(PLACES).index(place)
        scene.worn[:, 0] = NOTHING if worn is None else list(WORN).index(worn)
        pixels = (render(scene, 128).images[0] * 255).round().byte()
        found.append(Image.fromarray(np.ascontiguousarray(rearrange(pixels, "c h w -> h w c").numpy())))
    return found


def test_the_metrics_have_the_form_of_their_protocols(oracle) -> None:
    assert isinstance(OracleLikeness(oracle), Likeness)
    assert isinstance(OracleComposition(oracle), Composition)


def test_two_pictures_of_a_subject_are_more_alike_than_two_subjects(oracle) -> None:
    nouns = list(FIGURES)[:6]
    judge = OracleLikeness(oracle)
    one, other = (
        judge.embed([View(image, noun) for image, noun in zip(pictures(nouns, place, seed), nouns, strict=True)])
        for place, seed in (("beach", 1), ("snow", 2))
    )
    pairs = one @ other.T
    assert pairs.diagonal().mean() > 0.7
    assert pairs.diagonal().mean() - pairs[~torch.eye(6, dtype=torch.bool)].mean() > 0.3
    assert torch.allclose((one @ one.T).diagonal(), torch.ones(6))


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("a dog on the beach", "a dog in the snow"),
        ("a dog with the sea in the background", "a dog on the moon"),
        ("a dog", "a car"),
        ("a photo of a dog wearing a hat on the beach", "a photo of a dog wearing a scarf on the beach"),
    ],
)
def test_a_true_prompt_scores_more_than_a_false_one(oracle, true: str, false: str) -> None:
    picture = pictures(["dog"], "beach", 3, worn="hat")[0]
    right, wrong = OracleComposition(oracle).score([picture, picture], [true, false]).tolist()
    assert right > 0.9
    assert wrong < 0.7


def test_a_prompt_that_asks_for_nothing_of_the_world_is_kept() -> None:
    assert OracleComposition(PictureReader()).score(pictures(["dog"], "city", 1), ["a picture"]).tolist() == [1.0]
