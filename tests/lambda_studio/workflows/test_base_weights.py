"""The size of an adapter's update: stored when it is made, measured later for older ones."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.answers.adapters import BF16_ROUNDS_AWAY
from lambda_studio.workflows.base_weights import find_relative_size, relative_size, unet_file

QUICK = FinetuneConfig(steps=2, rank=2, learning_rate=0.05)


@pytest.fixture
def rex(studio, add, box):
    add("rex", box(0))
    return lambda **changes: studio.finetune(["rex"], replace(QUICK, **changes)).adapter


def norm(tensors) -> float:
    return torch.cat([tensor.flatten() for tensor in tensors]).norm().item()


def test_it_is_the_norm_of_the_update_beside_the_weights_that_are_changed(studio, rex) -> None:
    card, base = rex(), load_file(unet_file(studio.workplace))
    lora = load_file(card.path)
    modules = sorted({key.partition(".lora_")[0] for key in lora})
    updates = [lora[f"{module}.lora_B.weight"] @ lora[f"{module}.lora_A.weight"] for module in modules]
    expected = norm(updates) / norm(base[f"{module}.weight"] for module in modules)
    assert card.update_size == pytest.approx(expected, rel=1e-4)
    assert card.update_size == card.settings["update_size"] == relative_size(studio.workplace, card.path)
    assert not card.vanishes
    full = rex(method="full", learning_rate=0.001)
    trained = load_file(full.path)
    expected = norm(trained[name] - base[name] for name in base) / norm(base.values())
    assert full.update_size == pytest.approx(expected, rel=1e-4)


def test_an_adapter_that_has_hardly_learnt_is_said_to_vanish(rex) -> None:
    card = rex(learning_rate=1e-6)
    assert 0 < card.update_size < BF16_ROUNDS_AWAY and card.vanishes


@pytest.mark.parametrize("value", [1.0, 1.5, 1.99, -0.037])
def test_bf16_rounds_every_change_below_the_threshold_away(value: float) -> None:
    weight = torch.tensor(value).bfloat16()
    for sign in (1, -1):
        changed = weight.float() * (1 + sign * 0.999 * BF16_ROUNDS_AWAY)
        assert torch.equal(changed.bfloat16(), weight)
        assert not torch.equal((weight.float() * (1 + sign * 2.001 * BF16_ROUNDS_AWAY)).bfloat16(), weight)


def test_an_older_adapter_is_measured_when_it_is_shown(studio, rex, monkeypatch, notices) -> None:
    card = rex()
    older = {name: value for name, value in card.settings.items() if name != "update_size"}
    with studio.database.transaction() as registry:
        versions = [each.version_id for each in registry.concepts("default")]
        registry.add_adapter("default", card.sha256, card.path.name, "lora", "tiny", older, versions)
    assert studio.adapters.get(card.id).update_size is None
    measured = studio.adapters.measured(card.id)
    assert (measured.update_size, measured.vanishes) == (card.update_size, False)
    card.path.write_bytes(b"no adapter")
    assert find_relative_size(studio.workplace, card.path) is None
    assert studio.adapters.measured(card.id).update_size is None
    card.path.unlink()
    assert studio.adapters.measured(card.id).missing


def test_an_import_is_measured_too(studio, rex, tmp_path) -> None:
    card = rex()
    again = studio.adapters.import_(studio.adapters.export(card.id, tmp_path / "out").path, duplicate=True)
    assert again.update_size == pytest.approx(card.update_size, rel=1e-5)
