"""Edge maps: Canny as published, and the gradient that the miniature's weights learnt."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from lambda_studio.miniature.world.rendering import SEEN, render
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks import stack
from lambda_studio.pictures.edges import EDGE_MAPS, canny, edge_map, gradient


def halves(step: int) -> np.ndarray:
    """A picture whose right half is brighter than its left by `step`."""
    pixels = np.full((16, 16, 3), 50, dtype=np.uint8)
    pixels[:, 8:] += step
    return pixels


def learnt(images: torch.Tensor) -> torch.Tensor:
    """The map as it was computed when the miniature's weights were trained."""
    grey = images.mean(1, keepdim=True)
    dx = F.pad(grey[..., :, 1:] - grey[..., :, :-1], (0, 1)).abs()
    dy = F.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1)).abs()
    return ((dx + dy) > 0.12).float()[:, 0]


def test_the_gradient_is_what_the_miniatures_weights_learnt() -> None:
    drawn = (render(scenes(8, seeded(3, "edges")), SEEN).images * 255).round().byte()
    noise = torch.randint(0, 60, (8, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = torch.cat([drawn, noise])
    found = np.stack([gradient(picture.permute(1, 2, 0).numpy()) for picture in pixels])
    assert set(np.unique(found)) == {0, 255} and 0.02 < (found > 0).mean() < 0.9
    assert np.array_equal(found / 255, learnt(pixels.float() / 255).numpy())


def test_canny_has_the_published_thresholds() -> None:
    pixels = np.random.default_rng(0).integers(0, 80, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(canny(pixels), cv2.Canny(pixels, 100, 200))
    assert (canny(pixels) != cv2.Canny(pixels, 200, 400)).any()


@pytest.mark.parametrize(("step", "by_canny", "by_gradient"), [(30, 0, 0), (31, 0, 16), (60, 16, 16)])
def test_a_step_is_a_line_where_it_is_steep_enough(step: int, by_canny: int, by_gradient: int) -> None:
    pixels = halves(step)
    assert ((canny(pixels) > 0).sum(), (gradient(pixels) > 0).sum()) == (by_canny, by_gradient)


@pytest.mark.parametrize("name", EDGE_MAPS)
def test_a_map_is_of_the_middle_square_white_on_black_and_of_the_size_that_is_asked_for(name: str) -> None:
    pixels = np.zeros((64, 128, 3), dtype=np.uint8)
    pixels[:, 64:] = 255  # in the middle; beside the square is another step, which does not count
    pixels[:, :16] = 255
    found = edge_map(Image.fromarray(pixels), name, resolution=64, size=32)
    assert (found.mode, found.size) == ("RGB", (32, 32))
    values = np.asarray(found)
    assert values[:, 14:18].max() > 100 and values[:, :12].max() == values[:, 20:].max() == 0
    assert (values[..., 0] == values[..., 2]).all()


def test_a_stack_may_name_every_map_and_no_other() -> None:
    assert tuple(EDGE_MAPS) == stack.EDGE_MAPS


def test_lower_thresholds_find_more_edges_and_the_gradient_map_has_none() -> None:
    pixels = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None] // 40 * 40, (64, 1, 3))
    picture = Image.fromarray(pixels)
    counts = [
        int(np.count_nonzero(np.asarray(edge_map(picture, "canny", 64, 64, thresholds))))
        for thresholds in (None, (100, 200), (20, 40))
    ]
    assert counts[0] == counts[1] < counts[2]
    assert edge_map(picture, "gradient", 64, 64, (0, 1)).tobytes() == edge_map(picture, "gradient", 64, 64).tobytes()
