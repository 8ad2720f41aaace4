"""The prior's predictions take the place of pictures' own embeddings, or stand beside them."""

from dataclasses import replace

import torch

from lambda_studio.training.conditions import with_predictions
from lambda_studio.training.examples import Example


def test_each_picture_gets_as_many_predictions_as_the_others() -> None:
    pictures = [
        Example(name, f"{name}{i}", torch.full((4, 8, 8), float(i)), torch.zeros(3)) for name in "ab" for i in (0, 1)
    ]
    predicted = {name: torch.arange(4.0)[:, None] + torch.zeros(3) for name in "ab"}
    only = with_predictions(pictures, predicted, own=False)
    assert sorted((each.image_sha, each.prediction) for each in only) == sorted(
        (f"{name}{i}", number) for name in "ab" for i in (0, 1) for number in (1, 2)
    )
    for each in only:
        assert each.latents[0, 0, 0] == float(each.image_sha[1]), "a prediction keeps its picture's latents"
    assert sorted(float(each.image_embeds[0]) for each in only if each.concept == "a") == [0.0, 1.0, 2.0, 3.0]
    both = with_predictions(pictures, predicted, own=True)
    assert both[:4] == pictures and len(both) == 12


def test_predictions_in_places_go_to_the_pictures_with_a_mask() -> None:
    mask = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    pictures = [
        Example("rex", name, torch.zeros(4, 2, 2), torch.zeros(8), mask=found)
        for name, found in (("a", mask), ("b", None), ("c", 0 * mask), ("d", mask))
    ]
    table = with_predictions(
        pictures, {"rex": torch.ones(8, 8)}, True, {"rex": torch.arange(4.0)[:, None].expand(4, 8)}
    )
    placed = [(each.image_sha, each.prediction, float(each.image_embeds[0])) for each in table if each.only_subject]
    assert placed == [("a", 3, 0.0), ("d", 3, 1.0), ("a", 4, 2.0), ("d", 4, 3.0)]
    assert len({(each.image_sha, each.prediction) for each in table}) == len(table)
    sliver = replace(pictures[0], mask=torch.full((2, 2), 0.01))
    assert not any(each.only_subject for each in with_predictions([sliver], {}, True, {"rex": torch.ones(4, 8)}))
    assert not any(each.only_subject for each in with_predictions(pictures[1:3], {}, True, {"rex": torch.ones(4, 8)}))


def test_a_picture_that_a_lora_leaves_as_it_is_has_an_empty_mask() -> None:
    mask = torch.ones(2, 2)
    pictures = [
        Example("rex", name, torch.zeros(4, 2, 2), torch.zeros(8), mask=found)
        for name, found in (("a", mask), ("b", None))
    ]
    rows = torch.arange(3.0)[:, None].expand(3, 8)
    table = with_predictions(pictures, {"rex": torch.ones(2, 8)}, True, None, {"rex": rows})
    kept = [each for each in table if each.only_subject]
    assert [(each.image_sha, each.prediction, float(each.image_embeds[0])) for each in kept] == [
        ("a", 2, 0.0),
        ("b", 2, 1.0),
        ("a", 3, 2.0),
    ]
    assert all(each.mask is not None and not each.mask.any() for each in kept)
    assert table[: len(pictures)] == pictures and len(table) == len(pictures) + 2 + len(kept)


def test_predictions_go_with_the_middles_of_pictures_or_with_their_mirror_images() -> None:
    found = []
    for number in range(3):
        latents = torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(number))
        middle = Example("rex", f"{number}", latents, torch.zeros(8), crop="0,0,9,7", mask=torch.ones(8, 8))
        mirror = replace(middle, latents=latents.flip(-1), crop="0,0,9,7 mirrored")
        found += [middle, mirror, replace(middle, crop="1,1,5"), replace(mirror, crop="1,1,5 mirrored")]
    rows = torch.ones(6, 8)
    table = with_predictions(found, {"rex": rows}, True, {"rex": rows}, {"rex": rows}, {("rex", "1")})
    assert table[: len(found)] == found, "from their own embeddings, mirror images are learnt too"
    learnt = [("0", "0,0,9,7"), ("1", "0,0,9,7 mirrored"), ("2", "0,0,9,7")]
    assert [(each.image_sha, each.crop) for each in table[len(found) :]] == learnt * 6
    assert [each.prediction for each in table[len(found) :]] == [number for number in range(1, 7) for _ in "012"]
