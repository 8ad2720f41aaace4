"""What a stopped training keeps is read off its work folder."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lambda_studio.miniature.recipe.kept import Kept, kept_in
from lambda_studio.miniature.recipe.recipe import CLIP_WEIGHTS
from lambda_studio.miniature.recipe.stage import StageConfig, StageObjective, train_stage


def test_a_folder_without_a_training_keeps_nothing(tmp_path: Path) -> None:
    assert kept_in(tmp_path) == kept_in(tmp_path / "not there") == Kept((), {})


def test_ended_stages_and_the_newest_checkpoint_of_a_stopped_one_are_kept(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)

    def stops(step: int) -> dict[str, torch.Tensor]:
        if step == 7:
            raise KeyboardInterrupt
        return {"loss": model(torch.ones(1, 2)).float().sum()}

    config = StageConfig(steps=9, batch_size=1, learning_rate=0.01, checkpoint_every=2)
    with pytest.raises(KeyboardInterrupt):
        train_stage(StageObjective("decoder", model, stops, config), tmp_path)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / CLIP_WEIGHTS).touch()
    (tmp_path / "movq.safetensors").touch()
    (tmp_path / "movq" / "checkpoints" / "step-00000004").mkdir(parents=True)
    assert kept_in(tmp_path) == Kept(("clip", "movq"), {"decoder": 6})
