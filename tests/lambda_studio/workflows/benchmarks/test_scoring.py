"""Scores of pictures, against cosines computed by hand."""

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from lambda_studio.config import BenchmarkConfig
from lambda_studio.errors import ModelFilesMissing
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.models.files.locating import file_sha256
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from lambda_studio.workflows.benchmarks.scoring import metrics_of

TINY = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 1, "num_heads": 2}


@pytest.fixture
def dino_folder(tmp_path: Path) -> Path:
    """A tiny ViT in timm's layout."""
    torch.manual_seed(0)
    folder = tmp_path / "dino"
    folder.mkdir()
    network = timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=0, **TINY)
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_small_patch16_224", "model_args": TINY}))
    return folder


def test_dino_is_left_out_with_a_note_if_it_is_not_here_and_refused_if_it_is_asked_for(studio) -> None:
    found = metrics_of(studio.workplace, BenchmarkConfig())
    assert [each.name for each in found.likenesses] == ["clip-i"] and found.said["DINO"] == "none"
    assert "hf download timm/vit_small_patch16_224.dino" in found.notes[0]
    assert metrics_of(studio.workplace, BenchmarkConfig(dino="none")).notes == ()
    with pytest.raises(ModelFilesMissing, match="dino-vits8"):
        metrics_of(studio.workplace, BenchmarkConfig(dino="dino-vits8"))


def test_given_weights_are_in_the_protocol(studio, dino_folder, clip_folder) -> None:
    places = (f"dino-vits16={dino_folder}", f"clip-b32={clip_folder}")
    found = metrics_of(studio.workplace, BenchmarkConfig(clip="b32", weights=places))
    assert [each.name for each in found.likenesses] == ["dino-vits16", "clip-i-b32"]
    assert found.composition.name == "clip-t-b32"
    assert found.weights.keys() == {"dino-vits16", "clip-b32"}
    assert found.weights["dino-vits16"] == file_sha256(dino_folder / "model.safetensors")
    assert found.said["DINO"] == f"dino-vits16 with weights of {dino_folder}"
    assert metrics_of(studio.workplace, BenchmarkConfig(dino="none")).said["CLIP"] == "the stack's own (tiny)"


def test_a_likeness_is_the_mean_over_the_references_or_that_of_one(bench, studio, dataset, tmp_path) -> None:
    bench("all", subjects=("dog",), prompts=("1",))
    bench("one", tmp_path / "all/pictures", subjects=("dog",), prompts=("1",), references="one")
    metric, door = ClipLikeness(studio.workplace.stack), studio.workplace.door
    photographs = [dataset / "dog" / f"0{number}.png" for number in range(3)]
    references = metric.embed([View(door.photo(path).image, "dog") for path in photographs])
    picture = metric.embed([View(door.photo(tmp_path / "all/pictures/dog/01/1.png").image, "dog")])[0]
    found = {name: ResultsFolder(tmp_path / name).rows()["dog/01/1"].scores["clip-i"] for name in ("all", "one")}
    assert found["all"] == pytest.approx(float((references @ picture).mean()), abs=1e-5)
    assert found["one"] == pytest.approx(float(references[2] @ picture), abs=1e-5)  # 02, which Kosmos-G keeps


def test_the_row_of_photographs_has_no_pairs_of_one_with_itself(bench, studio, dataset) -> None:
    found = {each.name: each for each in bench(prompts=("1",), pictures=1).subjects}
    metric, door = ClipLikeness(studio.workplace.stack), studio.workplace.door
    one, other = metric.embed([View(door.photo(dataset / "cat2" / f"0{number}.png").image, "cat") for number in (0, 1)])
    assert found["cat2"].real["clip-i"] == pytest.approx(float(one @ other), abs=1e-5)
    assert found["vase"].real["clip-i"] is None and found["vase"].references == 1


def test_the_photograph_itself_has_the_likeness_1(bench, dataset, tmp_path) -> None:
    for number in (1, 2):
        place = tmp_path / f"copies/vase/0{number}"
        place.mkdir(parents=True)
        (place / "a.png").write_bytes((dataset / "vase/00.png").read_bytes())
    found = bench("out", tmp_path / "copies", subjects=("vase",), pictures=1)
    assert found.overall["clip-i"].mean == pytest.approx(1, abs=1e-6)
    assert ResultsFolder(tmp_path / "out").rows()["vase/01/1"].seed == -1
    assert "another program" in found.drawn_by
