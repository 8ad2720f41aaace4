"""The miniature DreamBench: the format that DreamBench has, subjects never seen, the same bytes every time."""

import json
import re

import pytest
from PIL import Image

from lambda_studio.miniature.judge.bench import PROMPTS, Bench, bench_subjects, write_bench
from lambda_studio.miniature.recipe.networks import vocabulary
from lambda_studio.miniature.world.captions import OPENINGS
from lambda_studio.miniature.world.figures import WORN
from lambda_studio.miniature.world.identities import COLOURS, NOUNS, is_held_out
from lambda_studio.miniature.world.places import PLACES


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return write_bench(tmp_path_factory.mktemp("bench"))


def test_it_has_thirty_subjects_that_training_never_saw():
    subjects = bench_subjects()
    assert len(subjects) == 30
    assert all(is_held_out(who).all() for who in subjects.values())
    looks = {tuple(int(getattr(who, f)) for f in ("noun", "main", "second", "pattern")) for who in subjects.values()}
    assert len(looks) == 30, "two subjects look alike"


def test_every_subject_has_four_to_six_photographs(bench):
    counts = [len(list((bench.folder / name).glob("*.jpg"))) for name in bench.subjects]
    assert set(counts) == {4, 5, 6}
    assert sum(counts) == bench.images == 150
    with Image.open(bench.folder / "dog" / "00.jpg") as photo:
        assert photo.format == "JPEG" and photo.size == (256, 256)


def test_the_prompt_file_is_read_as_dreambenchs_is(bench):
    """The class table between two blank lines, then two lists of format strings, as in the published file."""
    text = (bench.folder / "prompts_and_classes.txt").read_text(encoding="utf-8")
    table = re.search(r"subject_name,class\n(.*?)\n\n", text, re.DOTALL)
    classes = dict(line.split(",") for line in table[1].splitlines())
    assert tuple(classes) == bench.subjects and set(classes.values()) <= set(NOUNS)
    assert classes["stuffed_animal2"] == "stuffed animal"
    lists = re.findall(r"prompt_list = \[\n(.*?)\n\]", text, re.DOTALL)
    assert len(lists) == 2
    for prompts in lists:
        lines = [line.rstrip(",") for line in prompts.splitlines()]
        assert len(lines) == len(PROMPTS) == bench.prompts == 25
        assert all(
            line.startswith("'a {0} {1} ") and line.endswith("'.format(unique_token, class_token)") for line in lines
        )


def test_the_truth_says_what_each_prompt_should_show(bench):
    truth = json.loads((bench.folder / "truth.json").read_text(encoding="utf-8"))
    assert tuple(truth["subjects"]) == bench.subjects
    known = set(vocabulary()) | {"{0}", "{1}"} | {word for opening in OPENINGS for word in opening.split()}
    for prompt in truth["prompts"]:
        assert set(prompt["text"].split()) <= known, prompt["text"]
        assert prompt["place"] in PLACES
        assert prompt["worn"] is None or (prompt["worn"] in WORN and prompt["worn"] in prompt["text"])
        assert prompt["worn_colour"] is None or (
            prompt["worn_colour"] in COLOURS and prompt["worn_colour"] in prompt["text"]
        )
        assert prompt["company"] is None or (prompt["company"] in NOUNS and prompt["company"] in prompt["text"])
    assert {prompt["worn"] for prompt in truth["prompts"]} == {None, *WORN}
    assert {prompt["place"] for prompt in truth["prompts"]} == set(PLACES)


def test_several_subjects_in_one_prompt_have_different_nouns(bench):
    multi = json.loads((bench.folder / "multi_subject_prompts.json").read_text(encoding="utf-8"))
    assert len(multi) == bench.multi_subject_prompts == 20
    assert {len(each["subjects"]) for each in multi} == {2, 3}
    for each in multi:
        assert set(each["subjects"]) <= set(bench.subjects)
        assert len({name.rstrip("23") for name in each["subjects"]}) == len(each["subjects"])
        assert each["prompt"].format(*each["subjects"]).count("{") == 0


def test_it_is_written_alike_twice(bench, tmp_path):
    write_bench(tmp_path)
    files = sorted(path.relative_to(bench.folder) for path in bench.folder.rglob("*") if path.is_file())
    assert len(files) == 153
    assert all((bench.folder / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)
