"""What is released: weights as good as those that ship, and which edge map they know."""

import json
import sys

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.errors import OutputExists, QualityTooLow
from lambda_studio.miniature.judge.report import Figure, Report
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.corpus import edges
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.release import exported, release
from lambda_studio.miniature.world.rendering import render, seen
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import BUILT_IN, EDGE_MAPS, Stack
from lambda_studio.progress import silent


def report(**figures: float) -> Report:
    found = {name: Figure(value, 0.01, (value,)) for name, value in figures.items()}
    return Report(10, (1,), {"zero-shot": found})


class Trained(Recipe):
    """A recipe that has run."""

    def __init__(self):
        self.config = RecipeConfig(edges="gradient")

    def export(self, folder):
        folder.mkdir()


@pytest.fixture
def measured(monkeypatch):
    """What a release measures, and the card it is compared with."""
    module = sys.modules[release.__module__]

    def measure(stack, *_, **__):
        assert stack.edges == "gradient", "the map that the recipe taught"
        return report(noun=0.8)

    monkeypatch.setattr(module, "measure", measure)
    card = {"zero-shot": {"noun": 0.8}}
    monkeypatch.setattr(module, "load_quality", lambda: card)
    return card


def test_weights_that_are_worse_than_those_that_ship_are_not_released(measured, tmp_path):
    measured["zero-shot"]["noun"] = 0.95
    with pytest.raises(
        QualityTooLow, match=r"zero-shot noun: 0.8 is below 0.95.*The new weights are in .*out.unchecked"
    ):
        release(Trained(), tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()
    kept = json.loads((tmp_path / "out.unchecked" / "quality.json").read_text(encoding="utf-8"))
    assert kept["figures"]["zero-shot"]["noun"]["mean"] == 0.8


def test_weights_that_are_as_good_are_released_with_what_was_measured(measured, tmp_path):
    assert release(Trained(), tmp_path / "out", silent).count == 10
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "quality.json").exists()
    with pytest.raises(OutputExists, match=r"out is already there"):
        release(Trained(), tmp_path / "out", silent)


def test_exported_weights_are_used_as_the_miniature_and_asked_with_the_map_that_the_recipe_teaches(tmp_path):
    spec, built_in = exported(tmp_path), BUILT_IN["miniature"]
    assert (spec.clip, spec.prior) == (f"local-dir:{tmp_path / 'clip'}", str(tmp_path / "prior"))
    assert (spec.precision, spec.generate, spec.finetune) == ("fp32", built_in.generate, built_in.finetune)
    assert spec.edges == RecipeConfig.edges == "canny"


def test_what_ships_is_asked_with_the_edge_map_that_it_learnt():
    """Weights trained anew know another map: the built-in stack must name it."""
    images = (render(scenes(128, seeded(4, "maps"), held_out=True)).images * 255).round()
    clip, rows = Stack(BUILT_IN["miniature"], device="cpu").clip(("vision",)), torch.arange(128)
    pictures = F.normalize(clip.encode_pixels(seen(images / 255)), dim=-1)
    found = {}
    for name in EDGE_MAPS:
        maps = clip.encode_pixels(seen(edges(images.byte().permute(0, 2, 3, 1).numpy(), rows, name)))
        found[name] = int(((F.normalize(maps, dim=-1) @ pictures.T).argmax(1) == rows).sum())
    best = max(found, key=lambda name: found[name])
    assert found[best] > 1.3 * sorted(found.values())[0], found
    assert best == BUILT_IN["miniature"].edges
