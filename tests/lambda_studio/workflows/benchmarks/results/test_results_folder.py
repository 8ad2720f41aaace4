"""Results of evaluations on disk: resumed, never mixed, hostile until checked."""

import json

import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.results.results_folder import ABOUT, SCORES, ResultsFolder, Row

ABOUT_IT = {"name": "dreambench", "stack": "miniature", "seeds": (1, 2)}


def row(key: str) -> Row:
    return Row(key, ("rex",), "a dog", 3, {"DINO": 0.5}, {"rex": {"DINO": 0.5}}, {"prompt": 1})


def drawn(folder: ResultsFolder, *keys: str) -> None:
    with folder.adding() as writer:
        for key in keys:
            folder.picture(key).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (2, 2)).save(folder.picture(key))
            writer.add(row(key))


def test_rows_come_back_and_the_evaluation_is_resumed(tmp_path) -> None:
    folder = ResultsFolder(tmp_path / "out")
    assert folder.begin(ABOUT_IT) == {}
    drawn(folder, "rex/1", "rex/2")
    assert folder.begin(ABOUT_IT) == {"rex/1": row("rex/1"), "rex/2": row("rex/2")}
    drawn(folder, "rex/3")
    assert list(ResultsFolder(tmp_path / "out").rows()) == ["rex/1", "rex/2", "rex/3"]
    assert folder.about()["versions"]["torch"]


def test_a_line_that_was_cut_off_and_a_row_without_its_picture_are_done_again(tmp_path) -> None:
    folder = ResultsFolder(tmp_path / "out")
    folder.begin(ABOUT_IT)
    drawn(folder, "one", "two")
    folder.picture("two").unlink()
    with (folder.out / SCORES).open("a") as file:
        file.write('{"key": "thr')
    assert list(folder.rows()) == ["one"]
    drawn(folder, "three")
    assert list(folder.rows()) == ["one", "three"]


def test_each_process_adds_to_a_file_of_its_own(tmp_path) -> None:
    folder = ResultsFolder(tmp_path / "out")
    folder.begin(ABOUT_IT)
    drawn(folder, "one", "two")
    with folder.adding(process=3) as writer:
        Image.new("RGB", (2, 2)).save(folder.picture("three"))
        writer.add(row("three"))
    assert (folder.out / "scores.3.jsonl").read_text().count("\n") == 1
    assert list(folder.rows()) == ["one", "two", "three"]


def test_another_evaluation_and_other_files_are_refused(tmp_path) -> None:
    folder = ResultsFolder(tmp_path / "out")
    folder.begin(ABOUT_IT)
    with pytest.raises(InvalidSetting, match=r"with other settings: stack miniature, now kandinsky-2\.2\."):
        folder.begin({**ABOUT_IT, "stack": "kandinsky-2.2"})
    with pytest.raises(InvalidSetting, match="adapter none, now 3"):
        folder.begin({**ABOUT_IT, "adapter": 3})
    with pytest.raises(InvalidSetting, match=r"has an evaluation of dreambench, and this one is of ccd\."):
        folder.begin({**ABOUT_IT, "name": "ccd"})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "rex.jpg").write_bytes(b"")
    with pytest.raises(InvalidSetting, match="has other files"):
        ResultsFolder(tmp_path / "photos").begin(ABOUT_IT)
    with pytest.raises(InvalidSetting, match=r"has no evaluation: it has no evaluation\.json\."):
        ResultsFolder(tmp_path / "photos").about()
    with pytest.raises(InvalidSetting, match=r"has no evaluation: there is no such folder\."):
        ResultsFolder(tmp_path / "nothing").about()
    (tmp_path / "photos" / ABOUT).write_text("{")
    with pytest.raises(InvalidSetting, match=r"has no evaluation \(.*line 1"):
        ResultsFolder(tmp_path / "photos").about()


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        '{"key": "../../x", "subjects": [], "prompt": "", "seed": 1, "scores": {}}',
        '{"key": "/x", "subjects": [], "prompt": "", "seed": 1, "scores": {}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {"a": "b"}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {"a": NaN}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {"a": 1e999}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {"a": true}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {}, "by_subject": {"rex": {"a": "b"}}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {}, "by_subject": {"rex": 1}}',
        '{"key": "x", "subjects": [1], "prompt": "", "seed": 1, "scores": {}}',
        '{"key": "x", "subjects": [], "prompt": {}, "seed": 1, "scores": {}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": "1", "scores": {}}',
        '{"key": "x", "subjects": [], "prompt": "", "seed": 1, "scores": {}, "more": 1}',
    ],
)
def test_a_wrong_line_is_named(tmp_path, line: str) -> None:
    folder = ResultsFolder(tmp_path / "out")
    folder.begin(ABOUT_IT)
    (folder.out / SCORES).write_text(f"{line}\n")
    with pytest.raises(InvalidSetting, match=r"Line 1 of .* is no row of scores"):
        folder.rows()


def test_a_newer_format_is_not_read(tmp_path) -> None:
    folder = ResultsFolder(tmp_path / "out")
    folder.begin(ABOUT_IT)
    (folder.out / ABOUT).write_text(json.dumps({**folder.about(), "format": 99}))
    with pytest.raises(InvalidSetting, match="format 99"):
        folder.begin(ABOUT_IT)


def test_a_folder_of_the_papers_claims_names_its_pages(tmp_path) -> None:
    (tmp_path / "table-4-seed-1.json").write_text("{}")
    with pytest.raises(InvalidSetting, match=r"has measurements of the paper's claims\.") as unwritten:
        ResultsFolder(tmp_path).about()
    assert unwritten.value.remedy == "Write their pages: studio evaluate paper CLAIM"
    for name in ("table-4.md", "table-4-seed-2.json", "figure-3.md", "figure-3-seed-1.json", "notes.md"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(InvalidSetting, match="has no evaluation: it has measurements") as refused:
        ResultsFolder(tmp_path).about()
    pages = f"{tmp_path / 'figure-3.md'}, {tmp_path / 'table-4.md'}"
    assert refused.value.remedy == f"Read the pages of the claims: {pages}."
