"""The families of decoders, by the name that a stack's `family` gives. Naming one imports no torch."""

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
"""Each family by its name; calling the value imports its module."""


def require_family(name: str) -> None:
    """Raise InvalidSetting for a family that is not known, and name the nearest."""
    near = difflib.get_close_matches(name, FAMILIES, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    require(name in FAMILIES, f"There is no decoder family {name!r}.", f"{meant}Give one of: {', '.join(FAMILIES)}.")


def get_family(name: str) -> "Family":
    """Import the family of that name. Raises InvalidSetting."""
    require_family(name)
    return FAMILIES[name]()
