"""How much pictures are like the references of their concepts."""

import pytest
import torch
from PIL import Image

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting, PromptInvalid
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.pictures.texts.picture_texts import read_texts
from lambda_studio.workflows.drawing import pictures

SCORED = GenerateConfig(num_inference_steps=1, seed=0, score=True)


def cosines(studio, concept, path) -> float:
    """Return the mean cosine of a picture with the references, computed from CLIP itself."""
    views = studio.workplace.embedder.subjects([concept])[0][concept.name]
    drawn = ClipLikeness(studio.workplace.stack).embed([View(Image.open(path), "")])[0]
    return float(torch.stack([torch.cosine_similarity(view, drawn, dim=0) for view in views]).mean())


def test_each_concept_of_a_picture_has_a_likeness_in_the_answer_and_in_the_file(studio, add, box, tmp_path) -> None:
    rex, hat = add("rex", box(0), box(1)).concept, add("hat", box(2), noun="hat").concept
    drawn = studio.generate("a <rex> on a <hat>", SCORED, count=2, out=tmp_path)
    for picture in drawn.pictures:
        assert picture.likeness.keys() == {"rex", "hat"}
        for concept in (rex, hat):
            expected = cosines(studio, concept, picture.path)
            assert picture.likeness[concept.name]["CLIP-I"] == pytest.approx(expected, abs=2e-4)
        assert read_texts(picture.path).likeness == picture.likeness
    plain = studio.generate("a <rex>", GenerateConfig(num_inference_steps=1, seed=0), out=tmp_path)
    assert plain.pictures[0].likeness == {} and read_texts(plain.pictures[0].path).likeness == {}
    assert studio.generate("a cat", SCORED, out=tmp_path).pictures[0].likeness == {}


def test_the_best_are_kept_and_the_best_comes_first(studio, add, box, tmp_path) -> None:
    add("rex", box(0), box(1))
    every = studio.generate("a <rex>", SCORED, count=5, out=tmp_path / "all").pictures
    config = GenerateConfig(num_inference_steps=1, seed=0, best=2)
    best = studio.generate("a <rex>", config, count=5, out=tmp_path / "best").pictures
    ranked = sorted(every, key=lambda each: -each.likeness["rex"]["CLIP-I"])[:2]
    assert [each.seed for each in best] == [each.seed for each in ranked]
    assert [each.path.name for each in best] == ["a-rex-0001.png", "a-rex-0002.png"]
    assert len(list((tmp_path / "best").iterdir())) == 2
    for one, other in zip(best, ranked, strict=True):
        assert read_texts(one.path).likeness == other.likeness
        assert Image.open(one.path).tobytes() == Image.open(other.path).tobytes()


class Corners:
    """A metric in DINO's place: the first values of a picture."""

    name = "DINO"

    def __init__(self, folder, device):
        pass

    def embed(self, views):
        assert all(view.image.width > 1 for view in views), "a note is no picture"
        rows = [torch.tensor(list(view.image.convert("RGB").tobytes()[:64])).float() for view in views]
        return torch.nn.functional.normalize(torch.stack(rows) + 1, dim=-1)


def test_a_concept_without_pictures_is_compared_by_its_embedding_only(studio, add, box, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("lambda_studio.workflows.drawing.scoring.find_dino", lambda source: tmp_path)
    monkeypatch.setattr("lambda_studio.workflows.drawing.scoring.DinoLikeness", Corners)
    add("rex", box(0)), add("max", box(1))
    studio.concepts.blend("half", {"rex": 0.5, "max": 0.5})
    config = GenerateConfig(num_inference_steps=1, seed=0, best=1)
    (kept,) = studio.generate("a <half> on a <rex>", config, count=2, out=tmp_path / "out").pictures
    assert {name: set(each) for name, each in kept.likeness.items()} == {"half": {"CLIP-I"}, "rex": {"CLIP-I", "DINO"}}


def test_more_best_pictures_than_are_drawn_are_refused_and_so_is_a_prompt_without_names(studio, add, box) -> None:
    add("rex", box(0))
    with pytest.raises(InvalidSetting, match=r"best is 3, and 2 are drawn\. Draw more pictures\."):
        studio.generate("a <rex>", GenerateConfig(best=3), count=2)
    with pytest.raises(PromptInvalid, match="The prompt names no concept, so no picture is the best"):
        studio.generate("a cat", GenerateConfig(best=1), count=2)


def test_the_best_need_a_score() -> None:
    with pytest.raises(InvalidSetting, match=r"The best are chosen by their score\. Leave out score=False"):
        GenerateConfig(best=1, score=False)


def test_a_file_that_took_a_pictures_place_is_neither_measured_nor_written_over(
    studio, add, box, tmp_path, monkeypatch, notices
) -> None:
    add("rex", box(0))
    write_each = pictures.write_each

    def moved(*given):
        made = write_each(*given)
        made[0].path.rename(tmp_path / "kept.png")
        made[0].path.write_bytes(b"mine")
        made[1].path.unlink()
        return made

    monkeypatch.setattr(pictures, "write_each", moved)
    drawn = studio.generate("a <rex>", SCORED, count=3, out=tmp_path / "out").pictures
    assert [bool(each.likeness) for each in drawn] == [False, False, True]
    assert drawn[0].path.read_bytes() == b"mine" and not drawn[1].path.exists()
    said = "is not the picture that was written there, so its likeness is not measured."
    assert [f"{each.path} {said}" for each in drawn[:2]] == [each for each in notices if said in each]
