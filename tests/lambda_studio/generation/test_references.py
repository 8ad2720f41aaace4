"""Which reference images of a subject are drawn."""

import torch

from lambda_studio.generation.prompt import BoundPrompt, Span
from lambda_studio.generation.references import blended, subject_embeds

VIEWS = [torch.tensor([1.0, 0.0]), torch.tensor([0.6, 0.8]), torch.tensor([0.0, 2.0])]


def prompt(*spans: Span) -> BoundPrompt:
    return BoundPrompt("", "", (0,), 1, spans)


def test_a_subject_is_the_mean_of_its_images_or_of_those_that_are_named() -> None:
    spans = (Span("rex", 1, 2), Span("rex", 3, 4, images=(3,)), Span("rex", 5, 6, images=(1, 3)))
    found = subject_embeds(prompt(*spans), {"rex": VIEWS}, "mean", 0)
    assert found.keys() == {"rex", "rex#3", "rex#1,3"}
    torch.testing.assert_close(found["rex"], torch.stack(VIEWS).mean(0))
    torch.testing.assert_close(found["rex#3"], VIEWS[2])
    torch.testing.assert_close(found["rex#1,3"], torch.tensor([0.5, 1.0]))


def test_the_nearest_is_the_one_that_is_most_like_the_mean() -> None:
    assert torch.equal(blended(torch.stack(VIEWS), "nearest", 0), VIEWS[1])


def test_each_seed_draws_the_next_image_and_the_same_seed_the_same() -> None:
    drawn = [blended(torch.stack(VIEWS), "each", seed) for seed in (3, 4, 5, 3)]
    assert all(torch.equal(one, VIEWS[number]) for one, number in zip(drawn, (0, 1, 2, 0), strict=True))
