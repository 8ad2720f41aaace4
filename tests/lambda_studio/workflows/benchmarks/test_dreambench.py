"""DreamBench's folder: what is there, what is missing, and which photograph counts."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.dreambench import dreambench_in
from tests.dreambench import in_file


def test_cells_have_the_prompts_of_their_subjects(dataset, config) -> None:
    found = dreambench_in(dataset, config(unique_token="sks", prompts=("2",)))
    assert [(cell.key, cell.prompt, cell.text) for cell in found.cells] == [
        ("dog/02", "a <dog> in a hat", "a sks dog in a hat"),
        ("cat2/02", "a <cat2> in a hat", "a sks cat in a hat"),
        ("vase/02", "a red <vase>", "a red sks vase"),
    ]
    assert found.notes == ("It has 3 of 4 subjects. Without: mug.", "It has the prompt 2 only.")
    assert found.subjects["cat2"].noun == "cat"


def test_the_one_photograph_is_the_one_that_kosmos_g_keeps(dataset, config) -> None:
    assert dreambench_in(dataset, config()).subjects["dog"].one.name == "02.png"
    with pytest.raises(InvalidSetting, match=r"cat2 has no photograph 02, the one that Kosmos-G"):
        dreambench_in(dataset, config(references="one"))
    assert dreambench_in(dataset, config(references="one", subjects=("dog",))).subjects["dog"].one.name == "02.png"


def test_a_subject_that_is_not_there_is_refused(dataset, config, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match=r"no photographs of rex, mug\. It has photographs of: dog, cat2, vase\."):
        dreambench_in(dataset, config(subjects=("rex", "dog", "mug")))
    for prompts, missing in (("1-4", "3, 4"), ("2-8", "3, 4, 5, 6, 7, …")):
        with pytest.raises(InvalidSetting, match=rf"prompts names {missing}, which no prompt has\. Give .* 1 to 2"):
            dreambench_in(dataset, config(prompts=(prompts,)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidSetting, match=r"cannot be read \(No such file or directory\)"):
        dreambench_in(tmp_path / "empty", config())
    (tmp_path / "empty/prompts_and_classes.txt").write_text(in_file({"dog": "dog"}))
    with pytest.raises(InvalidSetting, match="has no photographs of a subject"):
        dreambench_in(tmp_path / "empty", config())
    (tmp_path / "empty/prompts_and_classes.txt").write_text(in_file({"../dataset/dog": "dog"}))
    with pytest.raises(InvalidSetting, match="is not DreamBench's file"):
        dreambench_in(tmp_path / "empty", config())
