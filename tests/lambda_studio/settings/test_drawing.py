"""The size of pictures, and the names of samplers."""

import diffusers
import pytest

from lambda_studio.config import GenerateConfig, Size
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation import samplers
from lambda_studio.settings.drawing import SAMPLERS, SCHEDULERS


def test_the_size_of_pictures_is_the_given_one_or_the_stacks() -> None:
    assert GenerateConfig().size(64) == GenerateConfig(resolution=64).size(32) == Size.square(64)
    assert GenerateConfig(width=96).size(64) == GenerateConfig(width=96, height=64).size(32) == Size(64, 96)
    assert (str(Size.square(64)), str(Size(height=64, width=96))) == ("64", "96x64")


@pytest.mark.parametrize("size", [{"height": 64}, {"width": 64}, {"height": 64, "width": 64}])
def test_a_resolution_and_a_size_are_refused_together(size: dict[str, int]) -> None:
    with pytest.raises(InvalidSetting, match=r"Both resolution and size \(height, width\) are given\. Give one"):
        GenerateConfig(resolution=64, **size)


def test_a_given_size_outranks_a_preferred_one_of_the_other_kind() -> None:
    wide = GenerateConfig(width=96).preferring({"resolution": 64, "guidance_scale": 3.0})
    assert (wide.resolution, wide.width, wide.guidance_scale) == (None, 96, 3.0)
    square = GenerateConfig(resolution=64).preferring({"width": 96})
    assert (square.resolution, square.width) == (64, None)
    assert GenerateConfig().preferring({"width": 96, "height": 32}).size(64) == Size(32, 96)


def test_samplers_have_the_names_of_diffusers_classes_too() -> None:
    assert {GenerateConfig(sampler=name).sampler for name in SCHEDULERS} == set(SAMPLERS)
    for name, sampler in SCHEDULERS.items():
        kind = getattr(diffusers, name).__name__
        assert sampler == "ddim" or kind == samplers.SCHEDULERS[sampler][0]
        config = GenerateConfig(sampler=name, num_inference_steps=8)
        assert (config, config.given) == (GenerateConfig(sampler=sampler, num_inference_steps=8), config.given)
    assert GenerateConfig().preferring({"sampler": "LCMScheduler"}).sampler == "lcm"
    with pytest.raises(
        InvalidSetting, match=r"sampler is 'PNDMScheduler'\. Give one of: ddim, ddpm.* EulerDiscreteScheduler"
    ):
        GenerateConfig(sampler="PNDMScheduler")
