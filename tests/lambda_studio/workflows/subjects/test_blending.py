"""Concepts made of others: their embedding is a weighted sum, and they need no pictures."""

import numpy as np
import pytest
import torch

from concepts.errors import ConceptExists, ConceptNotFound, ImagesMissing, NotPermitted
from lambda_studio.bundles.given import read_note
from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting, PicturesLeftOut
from lambda_studio.studio import Studio
from lambda_studio.workflows.cache import left_out
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.subjects.blending import in_words
from lambda_studio.workflows.subjects.changes import Changes

ONE_STEP = GenerateConfig(num_inference_steps=1, seed=3)


@pytest.fixture
def pack(add, box):
    """Two dogs and a hat."""
    for number, (name, noun) in enumerate((("rex", "dog"), ("max", "Dog"), ("hat", "hat"))):
        add(name, box(number), box(number + 5), noun=noun)


def embedding(studio: Studio, name: str) -> torch.Tensor:
    return studio.workplace.embedder.blended(studio.workplace.get_concepts([name])[0])


def parts(studio: Studio, name: str) -> dict[str, float]:
    return {part.name: part.weight for part in studio.concepts.show(name).blend}


def elsewhere(studio: Studio, monkeypatch) -> None:
    """Let the stack have another CLIP, by name."""
    embedder = studio.workplace.embedder
    other = Encoder("f" * 64, embedder.encoder.dtype, embedder.encoder.width)
    monkeypatch.setitem(embedder.__dict__, "encoder", other)


def test_a_blend_is_the_weighted_mean_and_is_drawn_by_its_name(studio, pack, tmp_path) -> None:
    added = studio.concepts.blend("half", {"rex": 7.0, "max": 3.0})
    assert (added.created, added.concept.noun, added.concept.images[0].source_name) == (
        True,
        "dog",
        "0.7 rex + 0.3 max",
    )
    torch.testing.assert_close(
        embedding(studio, "half"), 0.7 * embedding(studio, "rex") + 0.3 * embedding(studio, "max")
    )
    first = studio.generate("a <half> in a <hat>", ONE_STEP, out=tmp_path).pictures[0].path
    assert studio.pictures.again(first, out=tmp_path).difference == 0
    assert studio.pictures.reconstruct("half", ONE_STEP, out=tmp_path).pictures
    assert studio.pictures.interpolate(["a <half>", "a cat"], ONE_STEP, frames=2, out=tmp_path).pictures
    assert studio.concepts.blend("half", {"rex": 0.7, "max": 0.3}).created is False
    with pytest.raises(ConceptExists, match="with other content"):
        studio.concepts.blend("half", {"rex": 0.6, "max": 0.4})


def test_a_negative_weight_leads_away_and_the_weights_have_the_sum_one(studio, pack) -> None:
    added = studio.concepts.blend("bare", {"rex": 1.0, "hat": -0.2})
    assert (added.concept.images[0].source_name, added.warnings) == ("1.25 rex - 0.25 hat", ())
    torch.testing.assert_close(
        embedding(studio, "bare"), 1.25 * embedding(studio, "rex") - 0.25 * embedding(studio, "hat")
    )


def test_nouns_that_differ_are_said_and_another_can_be_given(studio, pack) -> None:
    (said,) = studio.concepts.blend("both", {"hat": 0.6, "rex": 0.4}).warnings
    assert said == "The nouns are hat, dog. Prompts use hat; give noun=NOUN for another."
    assert studio.concepts.blend("third", {"hat": 0.6, "rex": 0.4}, noun="cat").concept.noun == "cat"


def test_a_blend_of_a_blend_names_the_first_ones_once(studio, pack) -> None:
    studio.concepts.blend("half", {"rex": 0.5, "max": 0.5})
    studio.concepts.blend("most", {"half": 0.5, "rex": 0.5})
    assert parts(studio, "most") == {"rex": 0.75, "max": 0.25}
    torch.testing.assert_close(
        embedding(studio, "most"), 0.75 * embedding(studio, "rex") + 0.25 * embedding(studio, "max")
    )
    studio.concepts.blend("far", {"rex": 5.0, "max": -4.0})
    with pytest.raises(InvalidSetting, match="blended again gets a weight of 25"):
        studio.concepts.blend("wild", {"far": 5.0, "hat": -4.0})


@pytest.mark.parametrize(
    ("weights", "cause"),
    [
        ({"rex": 1.0}, "The number of concepts is 1"),
        ({"rex": 1.0, "REX": 1.0}, "'REX' is named twice"),
        ({"rex": 1.0, "max": 0.0}, "The weight of 'max' is 0"),
        ({"rex": 1.0, "max": float("nan")}, "The weight of 'max' is nan"),
        ({"rex": 1.0, "max": -1.0}, "The weights have the sum 0"),
        ({"rex": 1.0, "max": -0.95}, "Of the whole, the weight of 'rex' is 20"),
        ({"rex": 1e9, "max": 1.0}, "Of the whole, the weight of 'max' is 0"),
    ],
)
def test_weights_that_make_no_concept_are_refused_and_nothing_is_stored(studio, pack, weights, cause) -> None:
    with pytest.raises(InvalidSetting, match=cause):
        studio.concepts.blend("half", weights)
    with pytest.raises(ConceptNotFound):
        studio.concepts.show("half")


def test_pictures_are_not_added_to_a_blend(studio, pack, box) -> None:
    studio.concepts.blend("both", {"rex": 1.0, "max": 1.0})
    with pytest.raises(PicturesLeftOut, match=r"both is a blend.*add-concept"):
        studio.concepts.edit("both", Changes(add=(box(7),)))
    assert len(studio.workplace.get_concepts(["both"])[0].images) == 1
    with pytest.raises(ImagesMissing) as refused:
        studio.concepts.edit("both", Changes(drop=(1,)))
    assert refused.value.remedy.startswith("Hide it: studio concepts remove both.")


def test_a_blend_is_not_trained_on_and_all_means_those_with_pictures(studio, pack, notices) -> None:
    studio.concepts.blend("half", {"rex": 1.0, "max": 1.0})
    with pytest.raises(PicturesLeftOut, match=r"half: imported without pictures, or a blend\. Pictures are needed"):
        studio.finetune(["half"], FinetuneConfig(steps=1, rank=2))
    studio.finetune(None, FinetuneConfig(steps=1, rank=2))
    assert "Left out, because they have no pictures: half." in notices
    (adapter,) = studio.adapters.list()
    assert sorted(adapter.knows) == ["hat", "max", "rex"]
    drawn = studio.generate("a <half>", ONE_STEP, out=studio.workplace.home)
    assert drawn.adapter is None and "There are no pictures to train one with." in notices[-1]


def test_a_part_that_changes_or_goes_changes_no_blend(studio, pack, box) -> None:
    studio.concepts.blend("half", {"rex": 1.0, "max": 1.0})
    before = embedding(studio, "half")
    studio.concepts.edit("rex", Changes(add=(box(9),)))
    studio.concepts.rename("rex", "bello")
    assert parts(studio, "half") == {"bello": 0.5, "max": 0.5}
    assert [part.version for part in studio.concepts.show("half").blend] == [1, 1]
    assert studio.concepts.forget("max", None, lambda _: None).blends == ("half",)
    assert [part.version for part in studio.concepts.show("half").blend] == [1, None]
    assert torch.equal(embedding(studio, "half"), before)
    said = [finding for finding in studio.doctor(depth="usual") if finding.what == "concept half"]
    assert [(each.whole, each.said.partition(",")[0]) for each in said] == [
        (True, "a blend. max is not in the library")
    ]


def test_what_another_concept_still_is_is_not_told_as_forgotten(studio, pack) -> None:
    studio.concepts.blend("half", {"rex": 1.0, "max": 1.0})
    studio.concepts.copy("rex", "default", "twin")
    assert studio.concepts.forget("twin", None, lambda _: None).blends == ()
    assert studio.concepts.forget("rex", None, lambda _: None).blends == ("half",)


def test_another_clip_sees_the_same_versions_or_says_what_is_missing(studio, pack, box, monkeypatch) -> None:
    studio.concepts.blend("half", {"rex": 0.75, "max": 0.25})
    first = studio.workplace.get_concepts(["rex", "max"])
    studio.concepts.edit("rex", Changes(add=(box(9),)))
    elsewhere(studio, monkeypatch)
    seen = []
    embed = studio.workplace.embedder.embed
    monkeypatch.setattr(studio.workplace.embedder, "embed", lambda images: seen.extend(images) or embed(images))
    found = embedding(studio, "half")
    assert {image.sha for image in seen} == {image.sha for concept in first for image in concept.images}
    one, other = (studio.workplace.embedder.blended(concept) for concept in first)
    torch.testing.assert_close(found, 0.75 * one + 0.25 * other)
    studio.concepts.remove("max")
    gone = (
        r"half is a blend that another CLIP has encoded, and 'max', which it was made of, is not in library 'default'"
    )
    with pytest.raises(PicturesLeftOut, match=gone):
        embedding(studio, "half")


def test_a_blend_travels_with_its_recipe(studio, pack, tmp_path, stack_file, monkeypatch) -> None:
    studio.concepts.blend("half", {"rex": 0.75, "max": 0.25})
    sent = embedding(studio, "half")
    for pictures, names in ((True, ["half", "rex", "max"]), (False, ["half"])):
        out = tmp_path / f"{pictures}.zip"
        studio.libraries.export(names, out, pictures=pictures)
        with Studio(tmp_path / f"other {pictures}", stack=str(stack_file)) as other:
            other.libraries.import_(out)
            assert np.array_equal(embedding(other, "half").numpy(), sent.numpy())
            assert parts(other, "half") == {"rex": 0.75, "max": 0.25}
            elsewhere(other, monkeypatch)
            if pictures:
                assert embedding(other, "half").shape == sent.shape
            else:
                with pytest.raises(PicturesLeftOut, match="which it was made of, is not in library"):
                    embedding(other, "half")


def test_a_reader_cannot_blend(studio, pack, monkeypatch) -> None:
    def refuse() -> None:
        raise NotPermitted("You may only read.", "Ask.")

    monkeypatch.setattr(studio.workplace, "require_editor", refuse)
    with pytest.raises(NotPermitted):
        studio.concepts.blend("half", {"rex": 1.0, "max": 1.0})


def test_a_chain_of_blends_from_a_stranger_is_not_followed(studio, pack, monkeypatch) -> None:
    studio.concepts.blend("half", {"rex": 1.0, "max": 1.0})
    half = studio.workplace.get_concepts(["half"])[0]
    with studio.database.reading() as registry:
        note = read_note(registry.blob(half.images[0].sha))
        assert [part.name for part in note.blend] == ["rex", "max"]
        monkeypatch.setattr(left_out, "_note", lambda *_: note)
        monkeypatch.setattr(type(registry), "find_version", lambda *_: half)
        with pytest.raises(PicturesLeftOut, match="half is a blend that another CLIP has encoded"):
            left_out.parts_of(registry, half, half.images[0])


def test_weights_are_said_as_a_sum() -> None:
    assert in_words({"rex": 0.7, "max": 0.3}) == "0.7 rex + 0.3 max"
    assert in_words({"hat": -0.25, "rex": 1.25}) == "- 0.25 hat + 1.25 rex"
