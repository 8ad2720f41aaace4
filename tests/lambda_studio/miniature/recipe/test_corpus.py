"""The corpus: rendered once, read by rows, and its edge maps."""

import numpy as np
import pytest
import torch

from lambda_studio.miniature.recipe.corpus import build_corpus, edges, open_corpus, pixels
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import SLOTS, is_held_out
from lambda_studio.miniature.world.rendering import render
from lambda_studio.pictures.edges import EDGE_MAPS


def test_a_corpus_is_rendered_once_and_opened_again(tmp_path):
    made = build_corpus(tmp_path, 40, seed=3)
    opened = open_corpus(tmp_path)
    assert len(opened) == 40 and opened.cutout_rows.shape == (40, SLOTS)
    rows = torch.arange(40)
    again = render(opened.scene).images
    assert (pixels(opened.images, rows) - again).abs().max() <= 0.5 / 255 + 1e-6
    assert int((opened.cutout_rows >= 0).sum()) == len(opened.cutouts)
    assert int((opened.worn_rows >= 0).sum()) == len(opened.worn_cutouts)
    modified = (tmp_path / "images.npy").stat().st_mtime_ns
    build_corpus(tmp_path, 40, seed=3)
    assert (tmp_path / "images.npy").stat().st_mtime_ns == modified
    assert not is_held_out(made.scene.who).any() or made.scene.who.noun.max() >= len(FIGURES)


@pytest.mark.parametrize("name", EDGE_MAPS)
def test_training_finds_edges_as_drawing_does(name):
    pictures = np.random.default_rng(0).integers(0, 80, (5, 64, 64, 3), dtype=np.uint8)
    maps = edges(pictures, torch.tensor([3, 1]), name)
    assert maps.shape == (2, 3, 64, 64) and set(maps.unique().tolist()) == {0.0, 1.0}
    for row, found in zip((3, 1), maps, strict=True):
        assert np.array_equal(found[0].numpy() * 255, EDGE_MAPS[name](pictures[row]))
    assert edges(pictures, torch.tensor([], dtype=torch.int64), name).shape == (0, 3, 64, 64)
