"""Scores of other prompts and photographs are never taken for those of today."""

import json

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.dreambench import dreambench_in
from lambda_studio.workflows.benchmarks.multibench import multibench_in
from lambda_studio.workflows.benchmarks.results.contents import contents
from lambda_studio.workflows.benchmarks.results.results_folder import ABOUT
from tests.dreambench import NOUNS, OBJECTS, in_file, write_noise

ONE = {"prompts": ("1",), "pictures": 1}


def test_hashes_follow_the_words_and_the_pixels_and_not_the_names(dataset, config) -> None:
    def found(**settings) -> dict:
        bench = dreambench_in(dataset, config(**settings))
        return contents(bench.cells, bench.subjects)

    before = found()
    assert list(before["photographs_sha256"]) == ["dog", "cat2", "vase"]
    (dataset / "vase/00.png").rename(dataset / "vase/first.png")
    assert found() == before
    write_noise(dataset / "dog/01.png", 77)
    after = found()
    assert [
        name for name, each in after["photographs_sha256"].items() if each != before["photographs_sha256"][name]
    ] == ["dog"]
    assert after["prompts_sha256"] == before["prompts_sha256"] != found(prompts=("1",))["prompts_sha256"]
    write_noise(dataset / "toy/00.png", 1)
    several = multibench_in(dataset, config(), 3)
    assert set(contents(several.cells, several.subjects)["photographs_sha256"]) == {"dog", "toy", "vase", "cat2"}


def test_other_prompts_and_photographs_are_refused_and_the_old_ones_go_on(bench, dataset) -> None:
    bench(**ONE)
    photograph, file = dataset / "dog/01.png", dataset / "prompts_and_classes.txt"
    old, text = photograph.read_bytes(), file.read_text()
    write_noise(photograph, 77)
    with pytest.raises(InvalidSetting, match=r"these have changed: the photographs of dog\.") as refused:
        bench(**ONE)
    assert refused.value.remedy == "Give a new folder with out, or bring the old files back to go on."
    photograph.unlink()
    with pytest.raises(InvalidSetting, match=r"these have changed: the photographs of dog\."):
        bench(**ONE)
    photograph.write_bytes(old)
    file.write_text(in_file({**NOUNS, "mug": "mug"}, ("a {0} {1} on the moon", *OBJECTS[1:])))
    with pytest.raises(InvalidSetting, match=r"these have changed: the prompts\."):
        bench(**ONE)
    file.write_text(text)
    bench(**ONE)


def test_other_pictures_to_score_are_refused(bench, tmp_path) -> None:
    bench("drawn", **ONE)
    given = tmp_path / "drawn/pictures"
    bench("taken", given, **ONE)
    write_noise(given / "dog/01/1.png", 5)
    with pytest.raises(InvalidSetting, match=r"these have changed: the pictures to score\."):
        bench("taken", given, **ONE)


def test_a_folder_of_an_earlier_edition_is_left_as_it_is(bench, tmp_path) -> None:
    bench(**ONE)
    path = tmp_path / "out" / ABOUT
    about = json.loads(path.read_text())
    new = ("prompts_sha256", "photographs_sha256", "references", "pictures", "notes")
    path.write_text(json.dumps({name: each for name, each in about.items() if name not in new}))
    before = path.read_bytes()
    with pytest.raises(InvalidSetting, match="did not note which prompts and photographs") as refused:
        bench(**ONE)
    assert refused.value.remedy.startswith("Give a new folder with out.") and path.read_bytes() == before
