"""Which evaluations can be compared: the judges, prompts and photographs are the same, and stacks may differ."""

from pathlib import Path

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.comparisons.comparable import labels, require_comparable, require_same_prompts
from lambda_studio.workflows.benchmarks.results.results_folder import Row

ONE, OTHER = Path("one"), Path("other")


def about(dino="dino-vits16", clip="clip-b32", hashes=("d1", "c1"), **more) -> dict:
    of_metrics = dict(zip(("dino-vits16", "clip-b32"), hashes, strict=False))
    return {"name": "dreambench", "protocol": {"DINO": dino, "CLIP": clip}, "metric_weights": of_metrics, **more}


def notes(first: dict, second: dict) -> tuple[str, ...]:
    return require_comparable(ONE, OTHER, (first, second))


def test_the_same_weights_at_two_places_are_the_same_judge() -> None:
    assert notes(about("dino-vits16 with weights of a"), about("dino-vits16 with weights of b")) == ()
    assert notes(about(), about("dino-vits16 with weights of b")) == ()
    with pytest.raises(InvalidSetting, match="DINO is dino-vits16, and dino-vits8 in the other"):
        notes(about(), about("dino-vits8 with weights of b"))


def test_other_weights_at_one_place_are_another_judge() -> None:
    with pytest.raises(
        InvalidSetting, match="scored with other weights: clip-b32 is c1, and c2 in the other"
    ) as refused:
        notes(about(), about(hashes=("d1", "c2")))
    assert "--score-only" in refused.value.remedy


def test_stacks_may_differ_and_not_their_clip_where_it_is_a_judge() -> None:
    assert notes(about(weights={"clip": "x", "prior": "p"}), about(weights={"clip": "y", "prior": "q"})) == ()

    def own(stack: str, clip: str, prior: str) -> dict:
        judged = {"clip": f"the stack's own ({stack})", "hashes": ("d1",)}
        return about(**judged, weights={"clip": clip, "prior": prior})

    assert notes(own("tiny", "x", "p"), own("other", "x", "q")) == ()
    with pytest.raises(InvalidSetting, match="the stack's CLIP is x, and y in the other"):
        notes(own("tiny", "x", "p"), own("tiny", "y", "p"))


def test_an_evaluation_that_does_not_say_its_weights_is_noted() -> None:
    old = about()
    del old["metric_weights"]
    assert notes(old, about()) == ("One does not say with which weights it was scored, so they may be others.",)
    assert notes(old, old) == ()
    with pytest.raises(InvalidSetting, match="DINO is dino-vits16, and dino-vits16 with weights of b in the other"):
        notes(old, about("dino-vits16 with weights of b"))


def test_other_photographs_of_a_subject_are_refused() -> None:
    def of(**hashes) -> dict:
        return about(photographs_sha256=hashes)

    assert notes(of(dog="1", cat="2"), of(dog="1", vase="3")) == () == notes(of(dog="1"), about())
    with pytest.raises(InvalidSetting, match=r"other photographs of dog\."):
        notes(of(dog="1", cat="2"), of(dog="4", cat="2"))


def test_other_prompts_of_a_picture_are_refused() -> None:
    row, there = (Row("dog/01/1", ("dog",), "a <dog>", 1, {}, {}, {"text": text}) for text in ("a dog", "a puppy"))
    require_same_prompts(ONE, OTHER, [(row, row)])
    with pytest.raises(
        InvalidSetting, match=r"1 of 2 pictures of one and other have other prompts, such as dog/01/1\."
    ):
        require_same_prompts(ONE, OTHER, [(row, row), (row, there)])


def test_labels_are_said_once_or_with_the_name_of_their_evaluation() -> None:
    assert notes(about(notes=["Restricted.", "A."]), about(notes=["Restricted.", "B."])) == (
        "Restricted.", "ONE: A.", "OTHER: B.",
    )  # fmt: skip
    assert labels({"notes": "no list"}) == () == labels({}) and labels({"notes": ["a", 1]}) == ("a",)
