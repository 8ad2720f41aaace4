"""Pictures of an embedding alone."""

import pytest
import torch
from PIL import Image

from concepts.errors import ConceptNotFound
from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.models.stacks.stack import Stack

ONE_STEP = GenerateConfig(num_inference_steps=1, seed=3)


def test_a_photo_is_drawn_from_its_own_embedding_without_the_prior(studio, box, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Stack, "prior", lambda *_: pytest.fail("the prior was asked for"))
    found = studio.pictures.reconstruct(str(box(0)), ONE_STEP, count=2, out=tmp_path)
    assert [each.seed for each in found.pictures] == [3, 4] and found.sheet.is_file()
    metric = ClipLikeness(studio.workplace.stack)
    source, drawn = metric.embed([View(Image.open(path), "") for path in (box(0), found.pictures[0].path)])
    (likeness,) = found.pictures[0].likeness.values()
    assert likeness["CLIP-I"] == pytest.approx(float(source @ drawn), abs=2e-3)
    edges = studio.pictures.reconstruct(str(box(0)), ONE_STEP, edges=True, out=tmp_path)
    with Image.open(edges.pictures[0].path) as one, Image.open(found.pictures[0].path) as other:
        assert one.tobytes() != other.tobytes()


def test_a_concept_is_drawn_from_the_embedding_that_prompts_use(studio, add, box, tmp_path, monkeypatch) -> None:
    from lambda_studio.workflows.drawing import reconstructing

    concept = add("rex", box(0), box(1)).concept
    given = []
    draw = reconstructing.drawn_from

    def watched(place, embeds, *rest):
        given.append(embeds)
        return draw(place, embeds, *rest)

    monkeypatch.setattr(reconstructing, "drawn_from", watched)
    assert studio.pictures.reconstruct("rex", ONE_STEP, out=tmp_path).source == "rex"
    torch.testing.assert_close(given[0][0], studio.workplace.embedder.blended(concept))


def test_no_adapter_is_chosen_by_itself_where_there_is_no_prompt(studio, box, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match=r"no prompt takes part.*Give none, or an adapter by its number"):
        studio.pictures.reconstruct(str(box(0)), ONE_STEP, adapter="auto", out=tmp_path)


def test_the_last_of_several_seeds_is_refused_before_anything_is_drawn(studio, box, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="The last of 2 pictures would have the seed"):
        studio.pictures.reconstruct(str(box(0)), GenerateConfig(seed=2**53), count=2, out=tmp_path)


def test_a_name_that_is_nothing_is_refused(studio, tmp_path) -> None:
    with pytest.raises(ConceptNotFound, match="No concept named 'nobody'"):
        studio.pictures.reconstruct("nobody", ONE_STEP, out=tmp_path)


def test_a_folder_and_the_edges_of_a_concept_are_refused(studio, add, box, tmp_path, monkeypatch) -> None:
    add("rex", box(0))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rex").mkdir()
    assert studio.pictures.reconstruct("rex", ONE_STEP, out=tmp_path / "out").pictures, "the concept, not the folder"
    with pytest.raises(InvalidSetting, match=r"is a folder\. Give one picture"):
        studio.pictures.reconstruct(str(tmp_path), ONE_STEP)
    with pytest.raises(InvalidSetting, match=r"rex is no picture file\. The edges are those of a file"):
        studio.pictures.reconstruct("rex", ONE_STEP, edges=True, out=tmp_path)
