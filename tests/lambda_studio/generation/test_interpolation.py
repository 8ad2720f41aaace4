"""Paths between embeddings."""

import pytest
import torch
from PIL import Image

from lambda_studio.generation.interpolation import evenness, grid, path

ONE, OTHER = torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 4.0, 0.0])


def test_a_straight_way_has_both_ends_and_even_steps() -> None:
    found = path(ONE, OTHER, 5)
    assert torch.equal(found[0], ONE) and torch.equal(found[-1], OTHER)
    torch.testing.assert_close(found[2], torch.tensor([1.0, 2.0, 0.0]))
    torch.testing.assert_close(found.diff(dim=0), ((OTHER - ONE) / 4).expand(4, -1))


def test_a_spherical_way_turns_evenly_and_its_length_changes_evenly() -> None:
    found = path(ONE, OTHER, 4, spherical=True)
    torch.testing.assert_close(found.norm(dim=1), torch.tensor([2.0, 8 / 3, 10 / 3, 4.0]))
    turned = torch.cosine_similarity(found[:-1], found[1:]).acos()
    torch.testing.assert_close(turned, torch.full((3,), torch.pi / 6))


@pytest.mark.parametrize("end", [ONE, -ONE, 3 * ONE])
def test_where_directions_are_equal_or_opposite_the_way_is_straight(end) -> None:
    assert torch.equal(path(ONE, end, 3, spherical=True), path(ONE, end, 3))


@pytest.mark.parametrize("spherical", [False, True])
def test_a_square_has_its_corners_in_reading_order(spherical) -> None:
    corners = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 1.0, 1.0]])
    found = grid(corners, 3, spherical)
    torch.testing.assert_close(torch.stack([found[0, 0], found[0, 2], found[2, 0], found[2, 2]]), corners)
    torch.testing.assert_close(found[0], path(corners[0], corners[1], 3, spherical))
    torch.testing.assert_close(found[:, 0], path(corners[0], corners[2], 3, spherical))


def test_even_changes_are_1_and_a_jump_is_far_below() -> None:
    def pictures(*values: float) -> list[Image.Image]:
        return [Image.new("RGB", (4, 4), (round(value * 200),) * 3) for value in values]

    assert evenness(pictures(0, 0.25, 0.5, 0.75), 4) == pytest.approx(1)
    assert evenness(pictures(0, 0, 0, 1), 4) == pytest.approx(1 / 3)
    assert evenness(pictures(0, 0.5, 0.5, 1), 2) == pytest.approx(1), "two rows of two"
    assert evenness(pictures(0.5, 0.5), 2) == 1
