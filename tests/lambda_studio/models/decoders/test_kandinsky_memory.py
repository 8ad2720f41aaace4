"""Kandinsky 2.2's memory at full size, counted on the meta device from its real configurations."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from lambda_studio.config import Size
from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.decoders.counting import built, config_in
from lambda_studio.models.decoders.deep_cache import DeepCache
from lambda_studio.models.decoders.kandinsky_memory import drawing_footprint, encoding_bytes
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory.live_bytes import peak_bytes
from lambda_studio.models.stacks.planning import GIB, WORKSPACE, needed, plan_drawing

MEASURED = {1: 3.2, 4: 5.1, 8: 7.6}
"""GiB on an H100 in bf16 at 512 pixels, all pictures decoded at once (benchmarks/results/full-size-h100.json)."""
ONE_BY_ONE = Path(__file__).parents[4] / "benchmarks" / "results" / "full-size-h200.json"
"""An H200, in the same precision and size, with pictures decoded one by one."""


def test_the_weights_are_counted_exactly(kandinsky):
    half = drawing_footprint(kandinsky, Size.square(512), torch.bfloat16)
    assert half.weights == 2 * (1_253_057_288 + 67_832_495)
    assert drawing_footprint(kandinsky, Size.square(512), torch.float32).weights == 2 * half.weights


def test_the_count_agrees_with_what_was_measured_on_a_gpu(kandinsky):
    """Before pictures were decoded one by one, the decoding of all of them was the peak."""
    counted = drawing_footprint(kandinsky, Size.square(512), torch.bfloat16)
    for pictures, gib in MEASURED.items():
        at_once = counted.weights + pictures * max(counted.denoising, counted.decoding)
        assert gib * GIB == pytest.approx(at_once, rel=0.05)


@pytest.mark.parametrize(("pictures", "name"), {1: "1", 4: "4 at once", 8: "8 at once"}.items())
def test_pictures_decoded_one_by_one_took_more_than_the_count_and_no_more_than_the_plan(kandinsky, pictures, name):
    counted = drawing_footprint(kandinsky, Size.square(512), torch.bfloat16)
    measured = json.loads(ONE_BY_ONE.read_text())["rows"][f"draw, ours, bf16, {name}"]["peak_gib"] * GIB
    assert needed(counted, pictures) - WORKSPACE < measured <= needed(counted, pictures)


def test_kept_features_are_counted(kandinsky):
    """Of two whole runs: the input of the last residual layer, 384 channels, with and without the condition."""
    half, wide = (drawing_footprint(kandinsky, size, torch.bfloat16) for size in (Size.square(512), Size(512, 1024)))
    assert half.kept == 2 * 2 * 384 * 64 * 64 * 2
    assert wide.kept == 2 * half.kept
    assert half.keeping() == replace(half, denoising=half.denoising + half.kept, kept=0)


def test_a_step_with_reused_features_holds_no_more_than_is_counted(decoder_folder):
    source, config = Source(str(decoder_folder)), config_in(Source(str(decoder_folder)), "unet")
    counted, unet = (
        drawing_footprint(source, Size.square(32), torch.float32),
        built(UNet2DConditionModel, config, torch.float32),
    )
    cache = DeepCache(unet, 2, 6)
    latents, embeds = torch.empty(2, 4, 8, 8, device="meta"), torch.empty(2, config["encoder_hid_dim"], device="meta")
    timestep = torch.empty((), device="meta", dtype=torch.int64)

    def steps():
        for _ in range(6):
            cache(latents, timestep, encoder_hidden_states=None, added_cond_kwargs={"image_embeds": embeds})

    assert counted.denoising < peak_bytes(unet, steps) <= counted.keeping().denoising


def test_the_goals_are_met(kandinsky):
    at = {side: drawing_footprint(kandinsky, Size.square(side), torch.bfloat16) for side in (512, 1024)}
    assert needed(at[512], 1) < 4.5 * 10**9
    assert needed(at[512], 8) < 6 * 10**9
    assert needed(at[1024], 1) < 8 * 10**9


def test_a_step_grows_with_the_area_of_the_picture(kandinsky):
    small, large = (drawing_footprint(kandinsky, Size.square(side), torch.bfloat16) for side in (512, 1024))
    assert large.denoising == pytest.approx(4 * small.denoising, rel=0.2)
    assert large.decoding == pytest.approx(4 * small.decoding, rel=0.2)


def test_height_and_width_are_counted_as_they_are(kandinsky):
    wide, high, square = (
        drawing_footprint(kandinsky, size, torch.bfloat16) for size in (Size(256, 512), Size(512, 256), Size(512, 512))
    )
    assert wide == high
    assert wide.denoising < 0.6 * square.denoising and wide.decoding < 0.6 * square.decoding


def test_decoding_in_tiles_takes_little_more_than_one_tile(kandinsky):
    tile, large = (drawing_footprint(kandinsky, Size.square(side), torch.bfloat16) for side in (768, 1024))
    assert tile.decoding_in_tiles is None
    assert large.decoding_in_tiles is not None
    assert 0 < large.decoding_in_tiles - tile.decoding < 0.05 * GIB
    wide = drawing_footprint(kandinsky, Size(height=512, width=1024), torch.bfloat16)
    assert wide.decoding_in_tiles is not None and wide.decoding_in_tiles < 0.7 * tile.decoding
    assert plan_drawing(large, 1, 1, int(4.2 * GIB)).fits and not plan_drawing(tile, 1, 1, 4 * GIB).fits


def test_encoding_a_photograph_takes_less_than_decoding_and_grows_with_the_area(kandinsky):
    decoding = drawing_footprint(kandinsky, Size.square(512), torch.bfloat16).decoding
    small, large = (encoding_bytes(kandinsky, Size.square(side), torch.bfloat16) for side in (512, 1024))
    assert 0.2 * decoding < small < decoding
    assert large == pytest.approx(4 * small, rel=0.2)


def test_inpainting_and_controlnet_decoders_are_counted_with_what_they_are_given(kandinsky, tmp_path):
    """A mask and a masked photograph are small beside a step; a depth map is convolved at the picture's size."""
    plain = drawing_footprint(kandinsky, Size.square(512), torch.bfloat16)
    for name, change in (("in", {"in_channels": 9}), ("hint", {"in_channels": 8, "addition_embed_type": "image_hint"})):
        folder = shutil.copytree(kandinsky.folder, tmp_path / name)
        file = folder / "unet/config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
        counted = drawing_footprint(Source(str(folder)), Size.square(512), torch.bfloat16)
        assert 0 < counted.weights - plain.weights < 10**7
        assert counted.decoding == plain.decoding
        assert plain.denoising <= counted.denoising < plain.denoising + 10**8


def test_only_configurations_are_read(kandinsky, decoder_folder, tmp_path):
    assert not list(kandinsky.folder.rglob("*.safetensors"))
    assert drawing_footprint(Source(str(decoder_folder)), Size.square(32), torch.float32).weights > 0
    with pytest.raises(ModelFilesMissing, match=r"has no unet/config\.json"):
        drawing_footprint(Source(str(tmp_path)), Size.square(512), torch.float32)
