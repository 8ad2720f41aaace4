"""Find a class in an installed package. A file in the current folder never stands in for a package."""

import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting

FOLDERS = ("site-packages", "dist-packages")
"""The names of the folders that pip and the systems' packages install into."""


def installed_class(name: str) -> Any:
    """Return the class that MODULE:CLASS names. Raises InvalidSetting if no installed package has it."""
    module_name, _, class_name = name.partition(":")
    package = module_name.partition(".")[0]
    spec = _installed(package)
    if spec is None or spec.loader is None:
        cause = f"optimizer is {name}, and no installed package has the module {package}."
        raise InvalidSetting(cause, "Install the package that has it.", "optimizer")
    _refuse_stand_in(package, spec)
    try:
        _load(package, spec)
        found = getattr(importlib.import_module(module_name), class_name, None)
    except Exception as error:  # a package's own code runs here: it may raise anything
        raise InvalidSetting(
            f"optimizer is {name}, and {module_name} cannot be imported: {str(error).partition(chr(10))[0][:300]}.",
            "Check the name and the package.",
            "optimizer",
        ) from error
    cause = f"optimizer is {name}, and {module_name} has no class {class_name}."
    require(isinstance(found, type), cause, "Check the name.", "optimizer")
    return found


def _installed(package: str) -> ModuleSpec | None:
    """Return where a package is installed, or None. Other entries of the path, as the current folder, are left out."""
    return PathFinder.find_spec(package, [entry for entry in sys.path if Path(entry).name in FOLDERS])


def _refuse_stand_in(package: str, spec: ModuleSpec) -> None:
    """Raise InvalidSetting if another file with the package's name is imported already."""
    if package in sys.modules:
        there = getattr(sys.modules[package].__spec__, "origin", None)
        require(there == spec.origin, f"{package} was imported from {there}.", "Move that file away.", "optimizer")


def _load(package: str, spec: ModuleSpec) -> None:
    """Import the installed package, unless it is imported already."""
    if package in sys.modules or spec.loader is None:
        return
    module = sys.modules[package] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:  # KeyboardInterrupt too: no half-imported package may stay
        del sys.modules[package]
        raise
