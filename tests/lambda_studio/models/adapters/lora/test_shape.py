"""The shape of a LoRA: its scale, and the layers that its targets name."""

import math

import pytest
import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.adapters.lora.shape import (
    EVERY_TARGET,
    TARGETS,
    LoraShape,
    is_target,
    lora_scale,
    lora_shape,
    targets_of,
)
from lambda_studio.models.decoders.kandinsky_memory import unet_blueprint


def test_the_scale_is_alpha_by_the_rank_or_by_its_root() -> None:
    assert [lora_scale(16, alpha, False) for alpha in (None, 16.0, 32.0)] == [1.0, 1.0, 2.0]
    assert [lora_scale(16, alpha, True) for alpha in (None, 8.0)] == [4.0, 2.0]


def test_the_settings_of_fine_tuning_are_a_shape() -> None:
    assert lora_shape(FinetuneConfig()) == LoraShape(16)
    assert LoraShape(16).alpha == 16.0
    given = {"lora_alpha": 8.0, "lora_dropout": 0.1, "use_dora": True, "use_rslora": True, "targets": "image"}
    assert lora_shape(FinetuneConfig(rank=4, **given)) == LoraShape(4, **given)


def test_a_target_is_a_name_or_the_end_of_one() -> None:
    assert is_target("mid_block.attentions.0.to_q") and is_target("add_embedding.image_proj")
    assert not is_target("mid_block.attentions.0.into_q") and not is_target("conv_in")
    assert not is_target("mid_block.resnets.0.conv1", TARGETS["attention"])


def test_the_targets_of_modules_are_the_first_that_have_them_all() -> None:
    attention, convolution, image = "mid_block.attentions.0.to_q", "mid_block.resnets.0.conv1", "add_k_proj"
    assert targets_of([attention, "x.add_k_proj"]) == "attention"
    assert targets_of([attention, convolution]) == "attention-and-convolutions"
    assert targets_of([image, "add_embedding.image_proj"]) == "image"
    assert targets_of([attention, "add_embedding.image_proj"]) == "any"


@pytest.mark.parametrize("targets", TARGETS)
def test_every_target_is_a_layer_of_kandinskys_unet(kandinsky, targets) -> None:
    unet = unet_blueprint(kandinsky, 512, torch.bfloat16).unet
    layers = [name for name, module in unet.named_modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)]
    for target in TARGETS[targets]:
        if target.startswith("class_embedding."):
            continue  # of Stable unCLIP: training/objectives/test_other_families.py
        assert [name for name in layers if is_target(name, [target])], target
    named = [name for name in layers if is_target(name, TARGETS[targets])]
    if targets == "image":
        first = ["encoder_hid_proj.image_embeds", "add_embedding.image_proj"]
        assert [name for name in named if "attentions" not in name] == first
        of_the_embedding = (unet.config.encoder_hid_dim, unet.config.cross_attention_dim)
        widths = [unet.get_submodule(name).in_features for name in named]
        assert set(widths) == set(of_the_embedding), "each reads the embedding, or its tokens"
    if targets == "attention-and-convolutions":
        left = [name for name in layers if not is_target(name, TARGETS[targets])]
        kinds = {name.rpartition(".")[2] for name in left}
        assert kinds == {"conv_in", "conv_out", "linear_1", "linear_2", "time_emb_proj", "image_embeds", "image_proj"}


def test_every_target_is_known() -> None:
    assert set(EVERY_TARGET) == {target for targets in TARGETS.values() for target in targets}
    assert math.isclose(lora_scale(2, 2.0, True), math.sqrt(2))
