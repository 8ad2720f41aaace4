"""Published networks are looked for where a stack or a person says, and are named with how they come."""

from dataclasses import replace

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.networks import NETWORKS, missing, not_found, source_of
from lambda_studio.models.stacks.specification import BUILT_IN, METRIC_NETWORKS

SPEC = BUILT_IN["miniature"]


def test_a_stack_knows_the_names_of_all_networks() -> None:
    assert tuple(NETWORKS) == METRIC_NETWORKS


def test_a_given_place_comes_before_the_stacks_and_this_before_the_published_one() -> None:
    spec = replace(SPEC, metrics={"clip-b32": "org/of-the-stack"})
    assert source_of("clip-b32", spec, {"clip-b32": "./mine"}).place == "./mine"
    assert source_of("clip-b32", spec).place == "org/of-the-stack"
    assert source_of("clip-b32").place == "timm/vit_base_patch32_clip_224.openai"


def test_the_dino_of_a_stack_is_its_vit_s_16_unless_its_metrics_name_another() -> None:
    hashes = {"dino": {"model.safetensors": "0" * 64}}
    spec = replace(SPEC, dino="org/dino", hashes=hashes)
    assert (source_of("dino-vits16", spec).place, source_of("dino-vits16", spec).hashes) == ("org/dino", hashes["dino"])
    assert source_of("dino-vits8", spec).place == "timm/vit_small_patch8_224.dino"
    other = replace(spec, metrics={"dino-vits16": "org/other"})
    assert source_of("dino-vits16", other).place == "org/other"


def test_a_place_of_an_unknown_network_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="no network 'clip-b33'"):
        source_of("clip-b32", None, {"clip-b33": "./mine"})


def test_missing_weights_are_named_with_size_licence_and_command() -> None:
    said = missing("clip-b32", source_of("clip-b32"))
    assert said == (
        "The weights of clip-b32 are 605 MB, MIT: "
        'hf download timm/vit_base_patch32_clip_224.openai --include "open_clip*"'
    )
    assert missing("dino-vits16", source_of("dino-vits16", replace(SPEC, dino="org/dino"))).endswith(
        "87 MB, Apache-2.0: hf download org/dino"
    )
    inception = missing("inception", source_of("inception"))
    assert "curl -LO https://github.com/toshas/torch-fidelity/releases/" in inception
    error = not_found("dinov2-vits14", source_of("dinov2-vits14"))
    assert error.cause == "The files of dinov2-vits14 are not in the hub's cache."
    assert "hf download timm/vit_small_patch14_dinov2.lvd142m" in error.remedy
    assert "--weights dinov2-vits14=FOLDER" in error.remedy
    assert "are not in ./mine" in not_found("clip-b32", source_of("clip-b32", None, {"clip-b32": "./mine"})).cause
