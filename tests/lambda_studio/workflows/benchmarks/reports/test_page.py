"""A report's page is one file, and overwrites nothing but an earlier report of the same."""

import os

import pytest

from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.workflows.benchmarks.reports.facts import facts_of
from lambda_studio.workflows.benchmarks.reports.page import identity_of, place_of, render, write_page


def page(identity: str = "1" * 64, **about) -> str:
    facts = facts_of({"name": "dreambench", **about})
    found = {"pictures": 0, "subjects": (), "notes": (), "metrics": ()}
    return render("evaluation.html", identity, facts=facts, found=found, folder="one")


def test_an_earlier_report_of_the_same_is_replaced(tmp_path) -> None:
    path = tmp_path / "new" / "report.html"
    assert write_page(page(), path, "1" * 64) == path
    assert write_page(page(stack="later"), path, "1" * 64) == path
    assert "later" in path.read_text(encoding="utf-8")
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("kind", ["a report of another evaluation", "a file", "a folder", "a pipe", "a link"])
def test_another_file_stays(tmp_path, kind: str) -> None:
    path = tmp_path / "report.html"
    match kind:
        case "a file":
            path.write_text("mine")
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a link":
            path.symlink_to(tmp_path / "nothing")
        case _:
            write_page(page("2" * 64), path, "2" * 64)
    before = path.lstat()
    assert write_page(page(), path, "1" * 64) == tmp_path / "report-2.html"
    assert (path.lstat().st_ino, path.lstat().st_size) == (before.st_ino, before.st_size)
    assert write_page(page(), path, "1" * 64) == tmp_path / "report-2.html"


def test_an_out_that_is_no_page_is_refused(tmp_path) -> None:
    assert place_of(tmp_path, "report.html") == tmp_path / "report.html"
    assert place_of(tmp_path / "a.HTML", "report.html") == tmp_path / "a.HTML"
    with pytest.raises(InvalidSetting, match=r"notes\.txt does not name a page"):
        place_of(tmp_path / "notes.txt", "report.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExists, match="file is not a folder"):
        write_page(page(), tmp_path / "file" / "report.html", "1" * 64)


def test_text_is_escaped_and_invisible_characters_are_shown() -> None:
    said = page(stack="<script>alert(1)</script>\u202e")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in said
    assert "<script" not in said and "\u202e" not in said
    assert "default-src &#39;none&#39;" in said or "default-src 'none'" in said


def test_evaluations_have_an_identity(evaluation) -> None:
    one, other = evaluation("one"), evaluation("other", about={"name": "ccd"})
    assert identity_of(one) == identity_of(evaluation("one again")) != identity_of(other)
    assert len({identity_of(one), identity_of(one, other), identity_of(other, one)}) == 3
