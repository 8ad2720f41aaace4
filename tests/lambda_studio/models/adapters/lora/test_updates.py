"""Low-rank updates of linear layers and convolutions, against peft's own merging, and hostile ones."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapters.lora.shape import lora_scale
from lambda_studio.models.adapters.lora.updates import LowRankUpdate, updates_of

FILE = Path("lora.safetensors")


@pytest.mark.parametrize("use_dora", [False, True])
@pytest.mark.parametrize("use_rslora", [False, True])
def test_a_sum_is_the_one_that_peft_merges(use_dora: bool, use_rslora: bool) -> None:
    torch.manual_seed(0)
    layers = {"linear": torch.nn.Linear(5, 3), "conv": torch.nn.Conv2d(4, 6, 3), "small": torch.nn.Conv2d(4, 6, 1)}
    network = torch.nn.ModuleDict(layers)
    weights = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    config = LoraConfig(
        r=2,
        lora_alpha=3,
        use_dora=use_dora,
        use_rslora=use_rslora,
        target_modules=list(layers),
        init_lora_weights=False,
    )
    tuned = get_peft_model(network, config)
    tensors = get_peft_model_state_dict(tuned)
    updates = updates_of(
        {key.removeprefix("base_model.model."): value for key, value in tensors.items()}, use_dora, FILE
    )
    merged = tuned.merge_and_unload()
    for name, weight in weights.items():
        assert updates[name].fits(tuple(weight.shape), 2)
        ours = updates[name].added_to(weight, lora_scale(2, 3.0, use_rslora))
        torch.testing.assert_close(ours, merged[name].weight.detach())
        assert not torch.allclose(ours, weight, atol=1e-3)


def update(magnitude: tuple[int, ...] | None = None) -> LowRankUpdate:
    return LowRankUpdate(torch.ones(2, 5), torch.ones(3, 2), None if magnitude is None else torch.ones(magnitude))


def test_a_shape_that_does_not_fit_is_known() -> None:
    assert update().fits((3, 5), 2) and update((3,)).fits((3, 5), 2)
    assert not update().fits((3, 5), 4)
    assert not update().fits((3, 4), 2)
    assert not update((1, 3)).fits((3, 5), 2)
    assert not update().fits((3, 5, 1, 1), 2)


def test_a_row_without_a_length_is_not_a_number() -> None:
    gone = LowRankUpdate(torch.zeros(1, 2), torch.zeros(2, 1), torch.ones(2))
    assert torch.isnan(gone.added_to(torch.zeros(2, 2), 1.0)).all(), "which apply_adapter refuses"


def test_what_is_incomplete_or_of_the_other_kind_is_refused() -> None:
    pair = {f"a.to_q.lora_{side}.weight": torch.ones(2, 2) for side in "AB"}
    with_length = {**pair, "a.to_q.lora_magnitude_vector": torch.ones(2)}
    assert updates_of(pair, False, FILE).keys() == updates_of(with_length, True, FILE).keys() == {"a.to_q"}
    for tensors, use_dora, said in (
        (pair, True, r"update of a\.to_q is incomplete"),
        (with_length, False, r"update of a\.to_q is of DoRA, and the file is not"),
        ({"a.to_q.lora_magnitude_vector": torch.ones(2)}, True, "is incomplete"),
        ({"a.to_q.weight": torch.ones(2)}, False, "not a low-rank update"),
        ({}, False, "it is empty"),
    ):
        with pytest.raises(ModelFilesInvalid, match=said):
            updates_of(tensors, use_dora, FILE)
