"""Tiles: what is decoded in parts is the whole picture, without a seam."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.decoders.tiles import OVERLAP, decode_in_tiles, tile_starts
from lambda_studio.models.stacks.specification import BUILT_IN

GALLERY = Path(__file__).parents[4] / "docs" / "gallery.png"


def enlarged(latents):
    return F.interpolate(latents[:, :3].float(), scale_factor=4)


@given(length=st.integers(1, 600), side=st.integers(8, 128))
def test_tiles_cover_everything_and_overlap(length: int, side: int) -> None:
    span, starts = tile_starts(length, side)
    assert span == min(side, length)
    assert (starts[0], starts[-1] + span) == (0, length)
    gaps = np.diff(starts)
    assert all(1 <= gap <= side - int(OVERLAP * side) for gap in gaps)
    assert not len(gaps) or max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 8), (5, 40), (23, 31)])
def test_a_decoder_that_sees_no_neighbours_gives_the_whole_picture(height: int, width: int) -> None:
    latents = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(0))
    seen = []

    def decode(tile):
        seen.append(tile.shape[-2:])
        return enlarged(tile)

    torch.testing.assert_close(decode_in_tiles(decode, latents, 8, 4), enlarged(latents))
    assert set(seen) == {(min(height, 8), min(width, 8))}


def test_tiles_of_different_brightness_fade_into_each_other() -> None:
    numbers = iter(range(100))
    picture = decode_in_tiles(lambda tile: enlarged(tile) + next(numbers) % 2, torch.zeros(1, 4, 64, 100), 64, 4)
    assert (picture.min(), picture.max()) == (0, 1)
    steps = picture.diff(dim=-1).abs()
    assert steps.max() < 1.1 / (OVERLAP * 64 * 4)
    assert picture.diff(dim=-2).abs().max() < 1e-6


def test_a_photo_in_tiles_is_the_whole_picture_almost(monkeypatch) -> None:
    """The miniature's MoVQ has Kandinsky's layers. Its attention and its norms see only a tile."""
    monkeypatch.setattr("lambda_studio.models.decoders.tiles.TILE", 192)
    decoder = load_decoder(BUILT_IN["miniature"].decoder, parts=("autoencoder",))
    with Image.open(GALLERY) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB").crop((0, 0, 256, 256)))) / 255
    latents = decoder.encode(pixels.movedim(-1, 0)[None])
    whole, tiles = (decoder.decode(latents, in_tiles) for in_tiles in (False, True))
    difference = tiles - whole
    assert 0 < difference.square().mean() < 10 ** (-35 / 10), "35 dB"
    steps = difference.diff(dim=-1).square().mean(dim=(0, 1, 2)).sqrt()
    assert steps[[63, 191]].max() < 2 * steps.median(), "the edges of tiles do not stand out; unfaded, 5 times"


def test_only_pictures_above_a_tile_are_decoded_in_tiles(decoder_folder, monkeypatch) -> None:
    decoder = load_decoder(decoder_folder)
    wide = torch.randn(2, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    for tile, same in ((16 * decoder.scale_factor, True), (8 * decoder.scale_factor, False)):
        monkeypatch.setattr("lambda_studio.models.decoders.tiles.TILE", tile)
        assert torch.equal(decoder.decode(wide), decoder.decode(wide, in_tiles=True)) is same
