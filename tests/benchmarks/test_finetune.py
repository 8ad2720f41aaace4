"""The benchmark of fine-tuning measures what `studio finetune` trains on, and its numbers can be marked in Markdown."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.measured import ROOT, render


@pytest.fixture
def benchmark(monkeypatch) -> ModuleType:
    """The module, imported as when it is run."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("finetune")


def test_the_default_is_measured_with_masks_predictions_and_other_scenes(benchmark, stack_file, tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.toml"
    scenes.write_text(stack_file.read_text().replace("preview_every = 0", 'preview_every = 0, conditions = "scenes"'))
    examples = benchmark.examples_of_a_run(str(scenes))
    assert {each.concept for each in examples} == {"rex", "max"}
    assert all(each.mask is not None and 0 < each.mask.mean() < 1 for each in examples)
    own, beside = [each for each in examples if not each.prediction], [each for each in examples if each.only_subject]
    assert len(own) == 8 and any("max" in each.image_sha for each in beside)


def test_the_ratios_have_names_that_a_mark_can_have(benchmark, capsys) -> None:
    names = ("bare", "paper", "default", "script")
    took = {f"{name} {method}": [2.0 if name == "default" else 1.0] for name in names for method in ("full", "lora")}
    took |= {f"script {method} {name}": [4.0] for method in ("full", "lora") for name in benchmark.SCRIPTS}
    found = benchmark.report(took)
    means = {method: {name: rounds[0] for name, rounds in ratios.items()} for method, ratios in found.items()}
    mark = "<!-- measured: speed.lora of_bare default_of_paper paper_beside_full_1x4 default_beside_lora_4 -->"
    assert render(f"0.0 0.0 0.0 0.0{mark}", {"speed": means}) == f"1.0 2.0 4.0 2.0{mark}"
    assert "lora default_of_paper" in capsys.readouterr().out
