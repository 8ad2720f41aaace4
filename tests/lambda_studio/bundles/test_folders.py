"""The folders that people have, and what they say of their subjects."""

import json
from pathlib import Path

import pytest

from lambda_studio.bundles.folders import find_concepts
from lambda_studio.errors import BundleRefused


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names or ("1.jpg",):
        (folder / name).write_bytes(b"not looked at here")
    return folder


def found(source: Path) -> list[tuple[str, str, int]]:
    return [(concept.name, concept.noun, len(concept.pictures)) for concept in find_concepts(source)]


def test_dreambench_says_its_nouns(tmp_path: Path) -> None:
    fill(tmp_path / "cat2", "01.jpg", "00.jpg")
    fill(tmp_path / "bear_plushie")
    table = "Classes\r\n\r\nsubject_name,class\r\nbear_plushie,stuffed animal\r\ncat2,cat\r\n\r\nPrompts\r\na,b\r\n"
    (tmp_path / "prompts_and_classes.txt").write_bytes(table.encode())
    assert found(tmp_path) == [("bear_plushie", "stuffed animal", 1), ("cat2", "cat", 2)]
    assert [path.name for path in find_concepts(tmp_path)[1].pictures] == ["00.jpg", "01.jpg"]


def test_kohyas_folders_say_repeats_name_and_noun(tmp_path: Path) -> None:
    fill(tmp_path / "10_cat")
    fill(tmp_path / "4_sks corgi dog")
    assert found(tmp_path) == [("cat", "cat", 1), ("sks", "corgi dog", 1)]


def test_a_plain_folder_gives_its_name_as_noun_and_says_so(tmp_path: Path) -> None:
    fill(tmp_path / "toy_robot3", "1.PNG", "1.txt", ".hidden.jpg")
    (concept,) = find_concepts(tmp_path)
    assert (concept.name, concept.noun, len(concept.pictures)) == ("toy_robot3", "toy robot", 1)
    assert concept.notes[0] == "skipped: 1.txt"
    assert concept.notes[1].startswith("the noun 'toy robot' comes from the folder's name")


@pytest.mark.parametrize("as_file", [True, False])
def test_custom_diffusions_list_says_folders_and_class_prompts(tmp_path: Path, as_file: bool) -> None:
    fill(tmp_path / "data" / "my_cat")
    row = {"instance_prompt": "photo of a <new1> cat", "class_prompt": "photo of a cat", "class_data_dir": "x"}
    (tmp_path / "concepts_list.json").write_text(json.dumps([{**row, "instance_data_dir": "./data/my_cat"}]))
    assert found(tmp_path / "concepts_list.json" if as_file else tmp_path) == [("my_cat", "cat", 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no subfolder contains pictures"),
        ("[1]", "is not a list of instance_data_dir and class_prompt"),
        ("[" * 100_000, "concepts_list.json"),
        ('[{"class_prompt": "cat"}]', "is not a list of instance_data_dir and class_prompt"),
        ('[{"class_prompt": "cat", "instance_data_dir": "gone"}]', "names 'gone', which contains no pictures"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "concepts_list.json").write_text(text)
    with pytest.raises(BundleRefused) as caught:
        find_concepts(tmp_path)
    assert said in caught.value.cause
    assert "kohya" in caught.value.remedy


def test_pictures_outside_the_folder_are_refused_by_link_and_by_list(tmp_path: Path) -> None:
    private = fill(tmp_path / "private")
    bench = fill(tmp_path / "bench" / "cat").parent
    (bench / "cat" / "2.jpg").symlink_to(private / "1.jpg")
    with pytest.raises(BundleRefused, match=r"2\.jpg is outside the folder, at \S*private"):
        find_concepts(bench)
    (bench / "concepts_list.json").write_text('[{"class_prompt": "cat", "instance_data_dir": "../private"}]')
    with pytest.raises(BundleRefused, match=r"1\.jpg is outside the folder, at \S*private"):
        find_concepts(bench)


def test_a_folder_without_pictures_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="no subfolder contains pictures"):
        find_concepts(tmp_path)
    with pytest.raises(BundleRefused, match=r"gone does not exist"):
        find_concepts(tmp_path / "gone")
