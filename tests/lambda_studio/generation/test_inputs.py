"""The pictures that a drawing is given."""

import pytest
import torch
from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import prepare_mask
from hypothesis import given
from hypothesis import strategies as st

from lambda_studio.config import BatchRow
from lambda_studio.generation.inputs import Batch, PictureInputs, faded, redrawn_latents


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.9))
def test_masks_of_latents_are_those_of_diffusers(seed: int, share: float) -> None:
    cells = torch.rand(6, 9, generator=torch.Generator().manual_seed(seed)) < share
    mask = cells.float().repeat_interleave(4, 0).repeat_interleave(4, 1)
    theirs = 1 - prepare_mask((1 - cells.float())[None, None].clone())
    assert torch.equal(redrawn_latents(mask, 4), theirs)


def test_one_white_pixel_is_drawn_anew() -> None:
    mask = torch.zeros(16, 16)
    mask[6, 7] = 1
    assert redrawn_latents(mask, 4).nonzero().tolist() == [[0, 0, 1, 1]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_a_faded_mask_is_0_outside_and_reaches_1_in_each_part(seed: int, fade: int) -> None:
    mask = (torch.rand(12, 15, generator=torch.Generator().manual_seed(seed)) < 0.7).float()
    soft = faded(mask, fade)
    assert soft[mask == 0].eq(0).all() and soft[mask == 1].gt(0).all()
    assert soft.max() == (1 if mask.any() else 0)


def test_a_wide_mask_rises_evenly_from_its_edge_but_not_from_the_pictures() -> None:
    mask = torch.zeros(9, 12)
    mask[:, 4:] = 1
    assert faded(mask, 4)[3].tolist() == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_a_batch_is_cut_with_all_that_belongs_to_its_rows() -> None:
    inputs = PictureInputs(depth=torch.ones(4, 4))
    batch = Batch(torch.arange(6.0).reshape(3, 2), torch.arange(6.0).reshape(3, 2) + 9, [1, 2, 3], inputs)
    part = batch.part(1, 5)
    assert (part.image_embeds.tolist(), part.negative_image_embeds.tolist()) == ([[2, 3], [4, 5]], [[11, 12], [13, 14]])
    assert (part.seeds, part.inputs) == ([2, 3], inputs)
    one = Batch(batch.image_embeds, torch.zeros(2), [1, 2, 3]).part(0, 2)
    assert one.negative_image_embeds.shape == (2,) and one.inputs == PictureInputs()


@pytest.mark.parametrize("several", [False, True])
def test_copies_of_a_picture_have_its_embeddings_and_seed(several: bool) -> None:
    embeds, away = torch.randn(1, 4), torch.randn(1, 4) if several else torch.randn(4)
    copies = Batch(embeds, away, [7]).copies(BatchRow(2, 3))
    assert (copies.seeds, copies.only, copies.image_embeds.shape) == ([7, 7, 7], 2, (3, 4))
    assert copies.image_embeds[2].equal(embeds[0]) and copies.negative_image_embeds.expand(3, -1)[2].equal(away.view(4))
    with pytest.raises(ValueError, match="2 pictures cannot be copies of one"):
        Batch(torch.randn(2, 4), torch.randn(4), [7, 8]).copies(BatchRow(2, 3))
