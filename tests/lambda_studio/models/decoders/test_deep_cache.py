"""Reused deep features, against whole UNets in which one tensor is replaced."""

from contextlib import contextmanager

import pytest
import torch
from diffusers import UNet2DConditionModel

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.models.adapters.lora.attaching import add_lora
from lambda_studio.models.adapters.lora.shape import lora_shape
from lambda_studio.models.decoders.deep_cache import LAYERS, DeepCache, kept_bytes
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.decoders.unclip import karlo, stable_unclip
from tests.lambda_studio.models.decoders.unclip.small import DIMS, save_karlo, save_stable_unclip

STEPS = 8
WHOLE = {2: {0, 2, 4, 6}, 3: {0, 3, 6}, 4: {0, 2, 6}}
"""The whole runs of eight, by the interval."""


@pytest.fixture(scope="module")
def kandinsky(decoder_folder):
    return load_decoder(decoder_folder), 32


@pytest.fixture(scope="module")
def karlo_small(tmp_path_factory):
    return karlo.load_decoder(save_karlo(tmp_path_factory.mktemp("models") / "karlo")), DIMS["l"]


@pytest.fixture(scope="module")
def stable(tmp_path_factory):
    folder = save_stable_unclip(tmp_path_factory.mktemp("models") / "stable", "h")
    return stable_unclip.load_decoder(folder), DIMS["h"]


@pytest.fixture
def with_lora(decoder_folder):
    decoder = load_decoder(decoder_folder)
    add_lora(decoder.unet, lora_shape(FinetuneConfig(rank=2)))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in decoder.unet.named_parameters():
            if "lora" in name:
                weight.normal_(std=0.3, generator=generator)
    return decoder, 32


def inputs(decoder, dim, rows=2):
    """Latents and timestep of each call, and a condition."""
    generator = torch.Generator().manual_seed(3)
    shape = (rows, decoder.unet.config.in_channels, 8, 8)
    calls = [(torch.randn(shape, generator=generator), torch.tensor(900 - 100 * step)) for step in range(STEPS)]
    return calls, decoder.condition(torch.randn(rows, dim, generator=generator))


@contextmanager
def replaced(unet, layers, change):
    """Let `change` see, and replace, the deep features that enter the `layers`-th last residual layer."""
    resnet = [each for block in unet.up_blocks for each in block.resnets][-layers]
    first = [*(each for block in unet.down_blocks for each in (*block.resnets, *(block.downsamplers or ())))]
    skips = [unet.conv_in.out_channels, *(each.out_channels for each in first)]
    deep = resnet.in_channels - skips[layers - 1]

    def entering(module, given):
        return (torch.cat([change(given[0][:, :deep]), given[0][:, deep:]], dim=1), *given[1:])

    hook = resnet.register_forward_pre_hook(entering)
    try:
        yield
    finally:
        hook.remove()


@torch.no_grad()
def reference(decoder, calls, condition, interval, layers):
    """The predictions of whole UNets, with the features of steps between on the line through two whole steps."""
    features, predicted = {}, []
    for step, (latents, timestep) in enumerate(calls):

        def change(deep, step=step):
            if step in WHOLE[interval]:
                features[step] = deep
                return deep
            earlier, last = ([None, *sorted(features)])[-2:]
            if earlier is None:
                return features[last]
            return features[last] + (features[last] - features[earlier]) / (last - earlier) * (step - last)

        with replaced(decoder.unet, layers, change):
            predicted.append(decoder.denoise(latents, timestep, condition))
    return predicted


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("interval", [2, 3, 4])
def test_a_step_between_is_a_whole_one_with_the_expected_features(kandinsky, interval, layers):
    decoder, dim = kandinsky
    calls, condition = inputs(decoder, dim)
    cache = DeepCache(decoder.unet, interval, STEPS, layers)
    with torch.no_grad():
        ours = [decoder.denoise(*call, condition, unet=cache) for call in calls]
        ordinary = [decoder.denoise(*call, condition) for call in calls]
    for step, expected in enumerate(reference(decoder, calls, condition, interval, layers)):
        torch.testing.assert_close(ours[step], expected, rtol=0, atol=1e-5)
        assert torch.equal(ours[step], ordinary[step]) is (step in WHOLE[interval])


@pytest.mark.parametrize("family", ["karlo_small", "stable", "with_lora"])
@pytest.mark.parametrize("layers", [1, 3])
def test_other_families_and_updates_too(request, family, layers):
    decoder, dim = request.getfixturevalue(family)
    calls, condition = inputs(decoder, dim)
    cache = DeepCache(decoder.unet, 3, STEPS, layers)
    with torch.no_grad():
        ours = [decoder.denoise(*call, condition, unet=cache) for call in calls]
    for one, expected in zip(ours, reference(decoder, calls, condition, 3, layers), strict=True):
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-5)


def test_the_steps_between_run_the_outer_layers_only(kandinsky):
    decoder, dim = kandinsky
    calls, condition = inputs(decoder, dim)
    cache, ran = DeepCache(decoder.unet, 4, STEPS), []
    deep = [decoder.unet.mid_block, *decoder.unet.down_blocks[0].resnets, *decoder.unet.up_blocks[-1].resnets[:-1]]
    hooks = [each.register_forward_hook(lambda *_: ran.append(1)) for each in deep]
    with torch.no_grad():
        counts = [(decoder.denoise(*call, condition, unet=cache), len(ran))[1] for call in calls]
    for hook in hooks:
        hook.remove()
    runs = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert [step for step, count in enumerate(runs) if count == len(deep)] == sorted(WHOLE[4])
    assert set(runs) == {0, len(deep)}


def test_the_unet_stays_as_it_was(kandinsky):
    decoder, dim = kandinsky
    calls, condition = inputs(decoder, dim)
    modules = {name: (module, dict(module._modules)) for name, module in decoder.unet.named_modules()}
    with torch.no_grad():
        before = decoder.denoise(*calls[1], condition)
        cache = DeepCache(decoder.unet, 2, STEPS)
        for call in calls[:2]:
            decoder.denoise(*call, condition, unet=cache)
        assert torch.equal(before, decoder.denoise(*calls[1], condition))
    assert {name: (module, dict(module._modules)) for name, module in decoder.unet.named_modules()} == modules


def test_the_features_of_two_runs_are_kept_and_counted(kandinsky):
    decoder, dim = kandinsky
    calls, condition = inputs(decoder, dim)
    cache, held = DeepCache(decoder.unet, 2, STEPS, LAYERS), []
    with torch.no_grad():
        for call in calls:
            decoder.denoise(*call, condition, unet=cache)
            held.append(sum(features.nbytes for _, features in cache.features.runs))
    counted = kept_bytes(decoder.unet, calls[0][0])
    assert held == [counted / 2] * 2 + [counted] * 6


def test_a_unet_of_other_blocks_is_refused():
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    said = "deep_cache_interval is 3, and this decoder's UNet has blocks that are not known. Leave it out."
    with pytest.raises(InvalidSetting) as error:
        DeepCache(unet, 3, STEPS)
    assert (str(error.value), error.value.fields) == (said, ("deep_cache_interval",))
