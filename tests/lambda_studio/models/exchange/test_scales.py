"""The factor of a module's update."""

from pathlib import Path

import pytest

from lambda_studio.models.exchange.scales import Scales, read_scales, scales_of

FILE = Path("lora.safetensors")


def test_without_any_alpha_the_scale_is_one():
    assert Scales().of("a.to_q", 4) == 1.0


def test_alpha_is_divided_by_the_rank_or_its_root():
    assert scales_of({"lora_alpha": 8}, FILE).of("a.to_q", 4) == 2.0
    assert scales_of({"lora_alpha": 8, "use_rslora": True}, FILE).of("a.to_q", 4) == 4.0
    assert scales_of({}, FILE).of("a.to_q", 4) == 2.0, "peft's own default is 8"


@pytest.mark.parametrize(("pattern", "named"), [("to_q", True), ("a.to_q", True), ("^a.to_q", True), ("^to_q", False)])
def test_a_pattern_names_the_end_of_a_module_or_all_of_it(pattern, named):
    scales = scales_of({"lora_alpha": 4, "alpha_pattern": {pattern: 12}}, FILE)
    assert scales.of("a.to_q", 4) == (3.0 if named else 1.0)
    assert scales.of("a.auto_q", 4) == 1.0


def test_keys_may_have_the_prefix_of_a_network():
    assert read_scales({"unet.lora_alpha": 2, "unet.r": 4}, ("unet.",), FILE).of("a", 4) == 0.5
