"""An optimiser's class comes from an installed package, and never from a file that has its name."""

import sys
from pathlib import Path

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.training.optimisation.installed import FOLDERS, installed_class


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, first on the path, as `python -m` has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend("")
    return tmp_path


def package(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def test_a_class_of_an_installed_package_is_found() -> None:
    assert installed_class("torch.optim:SGD") is torch.optim.SGD


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_the_current_folder_never_stands_in_for_a_package(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    package(here, "moments_of_test", "open('was-run', 'w').close()\nclass Rule: where = 'here'")
    with pytest.raises(InvalidSetting, match="no installed package has the module moments_of_test"):
        installed_class("moments_of_test:Rule")
    package(here / "lib" / name, "moments_of_test", "class Rule: where = 'installed'")
    monkeypatch.setattr(sys, "path", [*sys.path, str(here / "lib" / name)])
    monkeypatch.delitem(sys.modules, "moments_of_test", raising=False)
    assert installed_class("moments_of_test:Rule").where == "installed"
    assert not (here / "was-run").exists()
    monkeypatch.delitem(sys.modules, "moments_of_test")


def test_a_file_that_was_imported_in_place_of_the_package_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(here, "steps_of_test", "class Rule: pass")
    package(here / "site-packages", "steps_of_test", "class Rule: pass")
    __import__("steps_of_test")
    monkeypatch.setattr(sys, "path", [*sys.path, str(here / "site-packages")])
    with pytest.raises(InvalidSetting, match=r"steps_of_test was imported from .*steps_of_test\.py\. Move that file"):
        installed_class("steps_of_test:Rule")
    monkeypatch.delitem(sys.modules, "steps_of_test")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("torch.optim:Nothing", "torch.optim has no class Nothing"),
        ("torch.optim:lr_scheduler", "torch.optim has no class lr_scheduler"),
        ("torch.nothing:SGD", "torch.nothing cannot be imported: No module named 'torch.nothing'"),
        ("os:path", "no installed package has the module os"),
    ],
)
def test_a_name_without_a_class_is_refused(name: str, cause: str) -> None:
    with pytest.raises(InvalidSetting, match=cause) as refused:
        installed_class(name)
    assert refused.value.field == "optimizer"


def test_a_package_that_fails_to_import_is_named_and_left_out(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(here / "site-packages", "broken_of_test", "raise ValueError('no such GPU\\nat all')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(here / "site-packages")])
    with pytest.raises(InvalidSetting, match=r"broken_of_test cannot be imported: no such GPU\. Check"):
        installed_class("broken_of_test:Rule")
    assert "broken_of_test" not in sys.modules
