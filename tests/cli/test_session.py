"""The form of answers in JSON."""

import json
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from cli.session import Session, numbered
from lambda_studio.workflows import answers


def test_an_answer_says_its_format_and_so_does_each_of_a_list() -> None:
    assert numbered({"a": {"b": 1}}) == {"format": 1, "a": {"b": 1}}
    assert numbered([{"a": 1}, {"a": 2}]) == [{"format": 1, "a": 1}, {"format": 1, "a": 2}]
    assert (numbered([]), numbered(None), numbered("x")) == ([], None, "x")


def test_an_answer_with_a_field_of_that_name_is_refused() -> None:
    with pytest.raises(AssertionError, match="would replace the format number"):
        numbered([{"format": "peft"}])
    modules = [import_module(f"{answers.__name__}.{module.name}") for module in iter_modules(answers.__path__)]
    kinds = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    found = {each.__name__: [field.name for field in fields(each)] for each in kinds if is_dataclass(each)}
    assert "ExportedAdapter" in found
    assert [name for name, names in found.items() if "format" in names] == []


def test_json_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Session(json=True).show({"folder": Path("a"), "λ": [1]}, lambda: ["never"])
    assert json.loads(capsys.readouterr().out) == {"format": 1, "folder": "a", "λ": [1]}
    Session().show({"folder": 1}, lambda: ["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"
