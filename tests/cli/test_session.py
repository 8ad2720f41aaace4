"""The form of answers in JSON."""

import json
from pathlib import Path

import pytest

from cli.session import Session, numbered


def test_an_answer_says_its_format_and_so_does_each_of_a_list() -> None:
    assert numbered({"a": {"b": 1}}) == {"format": 1, "a": {"b": 1}}
    assert numbered([{"a": 1}, {"a": 2}]) == [{"format": 1, "a": 1}, {"format": 1, "a": 2}]
    assert (numbered([]), numbered(None), numbered("x")) == ([], None, "x")


def test_json_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Session(json=True).show({"folder": Path("a"), "λ": [1]}, lambda: ["never"])
    assert json.loads(capsys.readouterr().out) == {"format": 1, "folder": "a", "λ": [1]}
    Session().show({"folder": 1}, lambda: ["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"
