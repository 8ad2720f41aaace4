"""A stage of the recipe in the training loop: stopped and resumed, logged and drawn, in bfloat16."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from lambda_studio.errors import ResumeRefused, TrainingDiverged
from lambda_studio.miniature.recipe.stage import LossOf, StageConfig, StageObjective, train_stage
from lambda_studio.training.randomness import MicroStep

CONFIG = StageConfig(steps=9, batch_size=8, learning_rate=1e-2, warmup_steps=4, checkpoint_every=4)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))


def loss_of(model: nn.Module) -> LossOf:
    def loss(step: int) -> dict[str, Tensor]:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        return {"loss": (model(x).float() - x).pow(2).mean(), "other": torch.tensor(1 / (step + 1))}

    return loss


def objective(model: nn.Module, config: StageConfig = CONFIG, of: LossOf | None = None) -> StageObjective:
    return StageObjective("movq", model, of or loss_of(model), config)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_stage_that_was_stopped_ends_with_the_same_weights_and_statistics(tmp_path: Path, ema_decay: float) -> None:
    config = replace(CONFIG, ema_decay=ema_decay)
    whole, stopped, resumed = network(), network(), network(5)
    train_stage(objective(whole, config), tmp_path / "a")

    def stops(step: int) -> Mapping[str, Tensor]:
        if step == 6:
            raise KeyboardInterrupt
        return loss_of(stopped)(step)

    with pytest.raises(KeyboardInterrupt):
        train_stage(objective(stopped, config, stops), tmp_path / "b")
    train_stage(objective(resumed, config), tmp_path / "b")
    ours, theirs = resumed.state_dict(), whole.state_dict()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert float(theirs["1.running_mean"].abs().max()) > 0


def test_a_stage_trains_as_written_out_by_hand(tmp_path: Path) -> None:
    model, plain = network(), network()
    config = replace(CONFIG, ema_decay=0.5)
    train_stage(objective(model, config), tmp_path)
    optimizer = torch.optim.AdamW(plain.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    average = [parameter.detach().clone() for parameter in plain.parameters()]
    for step in range(9):
        cosine = 0.505 + 0.495 * math.cos(math.pi * step / 9)
        optimizer.param_groups[0]["lr"] = 1e-2 * min(1.0, (step + 1) / 4) * cosine
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(plain)(step)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        decay = min(0.5, (step + 1) / (step + 10))
        average = [a * decay + p.detach() * (1 - decay) for a, p in zip(average, plain.parameters(), strict=True)]
    for ours, expected in zip(model.parameters(), average, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_a_stage_is_computed_in_bfloat16_and_its_weights_stay_in_float32(tmp_path: Path) -> None:
    model, seen = network(), []

    def watched(step: int) -> Mapping[str, Tensor]:
        seen.append(model[0](torch.ones(1, 4)).dtype)
        return loss_of(model)(step)

    train_stage(objective(model, CONFIG, watched), tmp_path)
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("device, cached", [("cpu", True), ("cuda", False)])
def test_autocast_has_no_cache_on_a_gpu_whose_graphs_could_not_be_captured(
    monkeypatch: pytest.MonkeyPatch, device: str, cached: bool
) -> None:
    class On(nn.Module):
        def parameters(self, recurse: bool = True) -> Iterator[Any]:
            yield SimpleNamespace(device=torch.device(device))

    asked = []

    def autocast(*given: object, cache_enabled: bool) -> AbstractContextManager[None]:
        asked.append((*given, cache_enabled))
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    step = objective(On(), of=lambda step: {"loss": torch.zeros(())})
    assert step.losses(step.model, MicroStep(0))["loss"] == 0
    assert asked == [(device, torch.bfloat16, cached)]


def test_a_stage_whose_loss_is_nan_names_its_learning_rate(tmp_path: Path) -> None:
    model = network()
    nan = objective(model, of=lambda step: {"loss": model[0].weight.sum() * torch.nan})
    with pytest.raises(TrainingDiverged, match=r"The loss is nan at step 1\..*Lower the learning rate of stage movq\."):
        train_stage(nan, tmp_path)


def test_a_stage_begun_with_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    train_stage(objective(network()), tmp_path)
    with pytest.raises(ResumeRefused, match=r"learning_rate: 0\.01 -> 0\.02"):
        train_stage(objective(network(), replace(CONFIG, learning_rate=2e-2)), tmp_path)


def test_a_stage_begun_on_another_device_is_not_gone_on_with(tmp_path: Path, monkeypatch) -> None:
    here = objective(network())
    train_stage(here, tmp_path)
    described = StageObjective.describe
    monkeypatch.setattr(StageObjective, "describe", lambda *args: {**described(*args), "device": "cuda"})
    assert described(here, 1)["device"] == "cpu"
    with pytest.raises(ResumeRefused, match=r"device: cpu -> cuda"):
        train_stage(objective(network()), tmp_path)


def test_every_twentieth_step_is_logged_and_drawn_with_all_its_losses(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=60, checkpoint_every=30)
    train_stage(objective(network(), config), tmp_path)
    with open(tmp_path / "movq" / "loss.jsonl", encoding="utf-8") as log:
        rows = [json.loads(line) for line in log]
    assert [row["step"] for row in rows] == [20, 40, 60]
    assert [row["other"] for row in rows] == [0.05, 0.025, 0.01667]
    assert all(row["loss"] > 0 for row in rows)
    with Image.open(tmp_path / "movq" / "loss.png") as plot:
        assert plot.size == (960, 2 * 480), "a panel for the loss, and one for the other"
