"""DreamBench's file is read as its authors wrote it, and nothing in it is evaluated."""

import re
from pathlib import Path

import pytest

from lambda_studio.evaluation.benchmarks.dreambench import KOSMOS_G, PROMPTS, SUBJECTS, read_dreambench
from lambda_studio.miniature.judge import bench
from tests.dreambench import LIVE, NOUNS, OBJECTS, in_file

PUBLISHED = Path(__file__).parents[5] / "shared" / "dreambench" / "prompts_and_classes.txt"


def test_live_subjects_have_prompts_of_their_own() -> None:
    read = read_dreambench(in_file(NOUNS))
    assert read.nouns == NOUNS
    assert read.prompts("vase") == ("a {} on the toy", "a red {}")
    assert read.prompts("dog") == read.prompts("cat2") == ("a {} on the toy", "a {} in a hat")


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published file is not beside this checkout")
def test_the_published_file_has_its_published_numbers() -> None:
    read = read_dreambench(PUBLISHED.read_text(encoding="utf-8"))
    assert len(read.nouns) == SUBJECTS == 30 and len(set(read.nouns.values())) == 15
    assert len(read.objects) == len(read.live) == PROMPTS == 25
    assert len(set(read.objects) & set(read.live)) == 15
    assert [name for name in read.nouns if read.prompts(name) == read.live] == [
        "cat", "cat2", "dog", "dog2", "dog3", "dog5", "dog6", "dog7", "dog8",
    ]  # fmt: skip
    assert read.objects[2] == "a {} on the beach" and read.objects[-1] == "a cube shaped {}"
    assert KOSMOS_G.keys() == read.nouns.keys() and KOSMOS_G["dog3"] == "05"


def test_the_miniatures_bench_is_read_too() -> None:
    text = bench._prompts_and_classes(bench.bench_subjects())
    read = read_dreambench(text)
    assert len(read.nouns) == 30 and len(read.objects) == 25
    assert read.objects[0] == "a {} on the beach"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no line subject_name,class"),
        (in_file({}), "has 0 subjects"),
        (in_file({"../x": "dog"}), "'../x' has a name with other characters"),
        (in_file({"dog": "do<g>"}), "the class of dog is empty, longer than 300"),
        (in_file({"dog": ""}), "the class of dog is empty"),
        (in_file(NOUNS).replace("Live Subject Prompts", "Prompts"), "no heading 'Live Subject Prompts'"),
        (in_file(NOUNS, objects=()), "it has 0 prompts below 'Object Prompts'"),
        (in_file(NOUNS, objects=("a {0} dog",)), "line 13 is no prompt with {0} {1}"),
        (in_file(NOUNS, objects=("a {0} {1} <rex>",)), "the prompt in line 13 is empty, longer"),
        (in_file(NOUNS, objects=("a {0} {1} {2}",)), "the prompt in line 13"),
        (in_file(NOUNS, objects=("x" * 301 + "{0} {1}",)), "the prompt in line 13"),
        (in_file(NOUNS).replace("'a red", "__import__('os').system('false') or 'a red"), "line 14 is no prompt"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        read_dreambench(text)


def test_prompts_of_the_tests_are_in_the_published_notation() -> None:
    assert all("{0} {1}" in each for each in (*OBJECTS, *LIVE))
