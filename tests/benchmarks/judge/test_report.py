"""The report finds errors that were put in, and the whole benchmark runs at a hundredth of its size."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from benchmarks.judge import pictures
from benchmarks.judge.looks import BARE, CLASSES, OF_A_SUBJECT, Content, Subject
from benchmarks.judge.pictures import DEMO, KINDS, asked_pictures
from benchmarks.judge.report import Study, agreements, corrected, details
from lambda_studio.miniature.judge.measures import PictureReader
from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.judge.questions import DETAILS, LOOKS
from lambda_studio.miniature.show import demo
from lambda_studio.miniature.show.demo import PROMPTS, run_demo
from lambda_studio.miniature.world.identities import NOUNS, PARTS
from lambda_studio.models.stacks.stack import Stack, resolve_stack

CARD = {
    "zero-shot": {"place": 0.9, "noun": 0.9, "main": 0.9, "pattern": 0.9, "worn": 0.9},
    "two-subjects": {"both_nouns": 0.9, "both_main": 0.9},
}


def read(contents: list[Content]) -> Reading:
    """Return an oracle's logits that say these contents."""
    nouns = {
        name: torch.zeros(len(contents), len(NOUNS), count)
        for name, count in {"present": 1, **LOOKS, **DETAILS}.items()
    }
    place = torch.zeros(len(contents), len(CLASSES["place"]))
    for row, content in enumerate(contents):
        place[row, CLASSES["place"].index(content.place)] = 1
        for each in content.subjects:
            nouns["present"][row, NOUNS.index(each.noun)] = 1
            for question in (*OF_A_SUBJECT, *PARTS):
                answer = CLASSES[question].index(getattr(each, question) or CLASSES[question][0])
                nouns[question][row, NOUNS.index(each.noun), answer] = 1
    return Reading(place, nouns, torch.zeros(len(contents), len(NOUNS), 1), torch.zeros(len(contents), 1, 1))


def study() -> Study:
    """Return 40 drawn pictures of a red dog and 20 rendered ones: drawn red ones are called orange in 1 of 4."""
    dog = Subject("dog", "red", "plain", "hat")
    orange = replace(dog, main="orange")
    truth = [Content("beach", (dog,))] * 60
    answers = [Content("beach", (orange if row < 10 else dog,)) for row in range(60)]
    kinds = ["subject"] * 40 + ["rendered"] * 20
    pair = Content("moon", (dog, Subject("cat", "blue", "plain", BARE)))
    kinds += ["two subjects", "two rendered"]
    return Study(kinds, [*truth, pair, pair], [*truth, pair, pair], read([*answers, pair, pair]))


def test_the_oracles_error_on_drawn_pictures_is_found() -> None:
    main = agreements(study(), "one")["main"]
    assert (main["agreement"], main["rendered_agreement"], main["oracle"], main["reader"]) == (0.75, 1.0, 1.0, 1.0)
    assert main["drawn"] == 0.75 and 0.55 < main["drawn_low"] < 0.7 < 0.8 < main["drawn_high"] < 0.95
    assert main["confusion"] == {"red as orange": 10}
    assert (main["answers"], main["unclear"]) == (40, 0)


def test_a_figure_of_the_card_rises_by_what_the_oracle_missed() -> None:
    short = {name: {figure: 0.5 for figure in figures} for name, figures in CARD.items()}
    found = corrected(study(), short)
    assert found["zero-shot"]["main"]["labels"] == 0.75
    assert found["zero-shot"]["main"]["true"] == 0.75, "the reader made no errors"
    assert found["zero-shot"]["place"]["labels"] == 0.5
    assert "rogan_gladen" not in found["zero-shot"]["main"], "no picture is wrong"


def test_details_are_right_if_the_colours_of_both_parts_are() -> None:
    dog = Subject("dog", "red", "plain", "hat", "blue", "green")
    pink = replace(dog, tips="pink")
    blurred = replace(dog, odd="unclear")
    asked, seen = ([Content("beach", (each,)) for each in row] for row in ([dog] * 4, [dog, pink, blurred, dog]))
    answers = read([Content("beach", (each,)) for each in (dog, dog, dog, pink)])
    found = details(Study([DEMO["after"]] * 4, asked, seen, answers), DEMO["after"])
    assert found == {"subjects": 4, "oracle": 0.75, "unclear": 1, "reader": 0.5, "agreement": 0.333}


@pytest.mark.slow  # it draws pictures of every kind, and the demo's
def test_the_benchmark_runs_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PER_PROMPT", 1)
    short = partial(run_demo, steps=1, num_inference_steps=2)
    monkeypatch.setattr(pictures, "run_demo", short)
    monkeypatch.setattr(pictures, "KINDS", {name: replace(kind, count=3) for name, kind in KINDS.items()})
    made = asked_pictures(Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32))
    assert sorted({each.kind for each in made}) == sorted([*KINDS, *DEMO.values()])
    assert all(each.kind in DEMO.values() for each in made[-2 * len(PROMPTS) :])
    shown, worded = ([each for each in made if each.kind == kind] for kind in ("subject", "words"))
    assert all(each.content.subjects[0].main not in each.prompt for each in shown), "the prompt tells nothing of looks"
    assert all(each.content.subjects[0].main in each.prompt for each in worded)
    assert all(len({subject.noun for subject in each.content.subjects}) == len(each.content.subjects) for each in made)
    contents = [each.content for each in made]
    reading = PictureReader().read([each.image for each in made])
    seen = Study([each.kind for each in made], contents, contents, reading)
    assert agreements(seen, "one")["place"]["reader"] == 1.0
    assert details(seen, DEMO["after"])["reader"] == 1.0, "the reader saw what was asked for"
