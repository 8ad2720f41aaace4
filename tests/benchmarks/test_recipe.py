"""The recipe's stages beside each other: who failed, who was stopped, and which weights are brought."""

import json
import operator
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks import recipe as benchmark
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.kept import weights_file
from lambda_studio.miniature.recipe.networks import build_movq, build_prior, build_unet
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stages.whitening import Whitening, readers
from lambda_studio.training.checkpoints.checkpoint import save_checkpoint


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A recipe that goes on from random weights."""
    torch.manual_seed(0)
    for folder, build in {"decoder/movq": build_movq, "decoder/unet": build_unet}.items():
        build().half().save_pretrained(tmp_path / "start" / folder)
    (tmp_path / "out").mkdir()
    return Recipe(tmp_path / "work", RecipeConfig(start=tmp_path / "start"))


def test_a_failed_call_is_named_and_one_that_the_time_stops_is_not() -> None:
    calls = {"done": (time.sleep, (0,)), "failed": (operator.truediv, (1, 0)), "slow": (time.sleep, (600,))}
    began = time.monotonic()
    assert benchmark.run_beside(calls, seconds=8) == ["failed"]
    assert time.monotonic() - began < 100
    assert benchmark.run_beside({"failed": (operator.truediv, (1, 0))}, seconds=None) == ["failed"]


def test_a_failed_stage_fails_the_command_and_the_finished_ones_are_brought(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = []

    def run_beside(calls: dict, seconds: float) -> list[str]:
        begun.extend((*calls, seconds))
        save_file({"a": torch.ones(2)}, recipe.work / "movq.safetensors")
        return [name for name in calls if name == "decoder"]

    save_file({"a": torch.zeros(2)}, recipe.work / "oracle.safetensors")
    monkeypatch.setattr(benchmark, "opened", lambda asked, device: recipe)
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: None)
    monkeypatch.setattr(benchmark, "run_beside", run_beside)
    given = ["recipe.py", str(recipe.work), "--start", str(tmp_path), "--out", str(tmp_path / "out"), "--seconds", "9"]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit) as stop:
        benchmark.main()
    assert stop.value.code == "failed: decoder"
    assert begun[:-1] == ["decoder", "prior", "movq"], "the oracle was finished"
    assert 8 < begun[-1] <= 9
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["movq.safetensors", "oracle.safetensors"]
    printed = capsys.readouterr().out
    assert "decoder is not finished: no checkpoint" in printed and "prior is not finished" in printed
    assert "movq" not in printed and "oracle" not in printed
    monkeypatch.setattr(sys, "argv", [*given, "--only", "movq", "oracle"])
    with pytest.raises(SystemExit) as stop:
        benchmark.main()
    assert stop.value.code == 0


@pytest.fixture
def from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe from nothing, whose benchmark is called without options."""
    recipe = Recipe(tmp_path / "work", RecipeConfig())
    (recipe.work / "clip").mkdir()
    monkeypatch.setattr(benchmark, "opened", lambda asked, device: recipe)
    monkeypatch.setattr(Recipe, "corpus", None)
    monkeypatch.setattr(sys, "argv", ["recipe.py", str(recipe.work), "--out", str(tmp_path / "out")])
    return recipe


@pytest.mark.parametrize("unfinished", [[], ["movq"]])
def test_from_nothing_what_others_need_is_trained_first(
    from_nothing: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unfinished: list[str]
) -> None:
    begun = []

    def run_beside(calls: dict, seconds: float | None) -> list[str]:
        begun.append([*calls])
        for name in set(calls) - set(unfinished):
            weights_file(from_nothing.work, name).write_bytes(name.encode())
        return []

    monkeypatch.setattr(benchmark, "run_beside", run_beside)
    with pytest.raises(SystemExit) as stop:
        benchmark.main()
    assert stop.value.code == 0, "what the time stops is no failure"
    assert (
        begun == [["clip", "movq"], ["decoder", "prior", "oracle"], ["control", "decoding"]][: 1 if unfinished else 3]
    )
    assert (tmp_path / "out" / "clip.safetensors").read_bytes() == b"clip"


def test_a_failure_ends_it_and_what_is_trained_is_not_trained_again(
    from_nothing: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights_file(from_nothing.work, "clip").write_bytes(b"weights")
    begun: list[str] = []
    monkeypatch.setattr(benchmark, "run_beside", lambda calls, seconds: begun.extend(calls) or ["movq"])
    with pytest.raises(SystemExit, match="failed: movq"):
        benchmark.main()
    assert begun == ["movq"], "the decoder needs MoVQ"


def test_stages_without_what_they_need_are_refused(from_nothing: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--only", "decoder"])
    with pytest.raises(SystemExit, match="The other stages need clip and movq: name them too"):
        benchmark.main()


def test_of_clips_checkpoint_clip_alone_is_brought(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path / "work", RecipeConfig())
    (tmp_path / "out").mkdir()
    parameters = {"clip.logit_scale": torch.ones(1), "readout.bias": torch.ones(1)}
    state = {"parameters": parameters, "buffers": {"clip.running": torch.zeros(1)}}
    save_checkpoint(recipe.work / "clip" / "checkpoints", 7, state, {})
    benchmark.bring(recipe, "clip", tmp_path / "out")
    assert load_file(tmp_path / "out" / "clip-step-7.safetensors").keys() == {"logit_scale", "running"}


def test_a_stage_reports_its_device_its_steps_and_its_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(recipe: Recipe) -> None:
        (recipe.work / "prior").mkdir()
        (recipe.work / "prior" / "loss.jsonl").write_text('{"step": 20, "loss": 0.5}\n')

    monkeypatch.setattr(Recipe, "train_prior", train)
    monkeypatch.setattr(benchmark, "opened", lambda asked, device: Recipe(tmp_path, RecipeConfig()))
    (tmp_path / "out").mkdir()
    asked = Namespace(work=tmp_path, out=tmp_path / "out", device="cpu", share=0.5)
    benchmark.run_stage("prior", asked, torch.get_num_threads())
    report = json.loads((tmp_path / "out" / "prior.json").read_text(encoding="utf-8"))
    config = RecipeConfig().prior
    assert (report["steps"], report["batch_size"], report["share"]) == (config.steps, config.batch_size, 0.5)
    assert report["losses"] == [{"step": 20, "loss": 0.5}] and report["seconds"] >= 0


def test_of_a_stage_that_is_taken_as_it_was_there_is_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Recipe, "train_movq", lambda recipe: None)
    monkeypatch.setattr(benchmark, "opened", lambda asked, device: Recipe(tmp_path, RecipeConfig()))
    asked = Namespace(work=tmp_path, out=tmp_path / "out", device="cpu", share=1.0)
    benchmark.run_stage("movq", asked, torch.get_num_threads())
    assert capsys.readouterr().out == "movq: nothing was trained\n" and not (tmp_path / "out").exists()


@pytest.mark.parametrize("stage", ["movq", "decoding"])
def test_of_movqs_checkpoint_the_average_is_brought_beside_the_weights_that_it_did_not_train(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    movq, start = build_movq(), load_file(tmp_path / "start/decoder/movq/diffusion_pytorch_model.safetensors")
    if stage == "decoding":
        start = {name: value + 2 for name, value in start.items()}
        save_file(start, weights_file(recipe.work, "movq"))
    average = {f"decoder.{name}": value for name, value in movq.decoder.state_dict().items()}
    state = {"parameters": {name: value + 1 for name, value in average.items()}, "average": average}
    save_checkpoint(recipe.work / stage / "checkpoints", 250, state, {})
    benchmark.bring(recipe, stage, tmp_path / "out")
    brought = load_file(tmp_path / "out" / f"{stage}-step-250.safetensors")
    assert brought.keys() == start.keys()
    for name, value in start.items():
        assert torch.equal(brought[name], average[name].half() if name in average else value), name
    assert capsys.readouterr().out == f"{stage} is not finished: step 250\n"


def test_the_decoders_checkpoint_is_brought_for_plain_embeddings(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unet, embeds = build_unet(), torch.randn(300, 256)
    monkeypatch.setattr(Recipe, "targets", lambda recipe: {"image_embeds": embeds})
    save_checkpoint(recipe.work / "decoder" / "checkpoints", 3, {"parameters": dict(unet.state_dict())}, {})
    benchmark.bring(recipe, "decoder", tmp_path / "out")
    Whitening.of(embeds).fold_into(*readers(unet))
    brought = load_file(tmp_path / "out" / "decoder-step-3.safetensors")
    assert all(torch.equal(brought[name], value.half()) for name, value in unet.state_dict().items())


def test_the_priors_checkpoint_is_brought_for_plain_embeddings_of_edges(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior, whiten = build_prior(), Whitening.of(torch.randn(300, 256))
    monkeypatch.setattr(Recipe, "embedded", lambda recipe: None)
    monkeypatch.setattr(benchmark, "control_whitening", lambda data: whiten)
    (tmp_path / "start" / "prior").mkdir()
    save_file(prior.state_dict(), tmp_path / "start" / "prior" / "diffusion_pytorch_model.safetensors")
    save_checkpoint(recipe.work / "control" / "checkpoints", 3, {"parameters": dict(prior.state_dict())}, {})
    benchmark.bring(recipe, "control", tmp_path / "out")
    before = prior.embedding_control.weight.clone()
    whiten.fold_into(prior.embedding_control)
    brought = load_file(tmp_path / "out" / "control-step-3.safetensors")
    assert all(torch.equal(brought[name], value.half()) for name, value in prior.state_dict().items())
    assert not torch.allclose(prior.embedding_control.weight, before)


def test_buffers_are_brought_too(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "start" / "oracle").mkdir()
    save_file({"old": torch.zeros(1)}, tmp_path / "start" / "oracle" / "diffusion_pytorch_model.safetensors")
    state = {"parameters": {"new": torch.ones(2)}, "buffers": {"count": torch.tensor(5)}}
    save_checkpoint(recipe.work / "oracle" / "checkpoints", 1, state, {})
    benchmark.bring(recipe, "oracle", tmp_path / "out")
    brought = load_file(tmp_path / "out" / "oracle-step-1.safetensors")
    assert brought["new"].dtype == torch.float16 and brought["count"] == 5
