"""The families of decoders, by the names in a stack's `family`. Checking a name does not import torch."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from lambda_studio.config import require

if TYPE_CHECKING:
    from lambda_studio.models.decoders.protocol import Family

KANDINSKY = "kandinsky-2.2"


def _kandinsky() -> "Family":
    from lambda_studio.models.decoders.kandinsky import FAMILY

    return FAMILY


FAMILIES: dict[str, "Callable[[], Family]"] = {KANDINSKY: _kandinsky}
"""Families by name. Calling a value imports the family's module."""


def require_family(name: str) -> None:
    """Raise InvalidSetting, with the nearest name, for an unknown family."""
    near = difflib.get_close_matches(name, FAMILIES, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    require(name in FAMILIES, f"There is no decoder family {name!r}.", f"{meant}Give one of: {', '.join(FAMILIES)}.")


def get_family(name: str) -> "Family":
    """Import and return the family with this name. Raises InvalidSetting."""
    require_family(name)
    return FAMILIES[name]()
