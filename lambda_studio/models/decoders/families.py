"""The families of decoders, by the names in a stack's `family`. Checking a name does not import torch."""

import difflib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lambda_studio.config import require

if TYPE_CHECKING:
    from lambda_studio.models.decoders.protocol import Family

KANDINSKY, STABLE_UNCLIP, KARLO = "kandinsky-2.2", "stable-unclip", "karlo"


def _kandinsky() -> "Family":
    from lambda_studio.models.decoders.kandinsky import FAMILY

    return FAMILY


def _stable_unclip() -> "Family":
    from lambda_studio.models.decoders.unclip.stable_unclip import FAMILY

    return FAMILY


def _karlo() -> "Family":
    from lambda_studio.models.decoders.unclip.karlo import FAMILY

    return FAMILY


FAMILIES: dict[str, "Callable[[], Family]"] = {KANDINSKY: _kandinsky, STABLE_UNCLIP: _stable_unclip, KARLO: _karlo}
"""Families by name. Calling a value imports the family's module."""
SETTINGS: dict[str, dict[str, tuple[int, int]]] = {
    STABLE_UNCLIP: {"noise_level": (0, 999)},
    KARLO: {"super_res_steps": (2, 999)},
}
"""The settings of each family that a stack may give, with their least and greatest value."""


def require_family(name: str) -> None:
    """Raise InvalidSetting, with the nearest name, for an unknown family."""
    near = difflib.get_close_matches(name, FAMILIES, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    require(name in FAMILIES, f"There is no decoder family {name!r}.", f"{meant}Give one of: {', '.join(FAMILIES)}.")


def require_settings(family: str, settings: Mapping[str, Any]) -> None:
    """Raise InvalidSetting for settings that the decoders of a family do not have, or that are out of their range."""
    known = SETTINGS.get(family, {})
    for name, value in settings.items():
        has = f"It has: {', '.join(known)}." if known else "It has none."
        require(name in known, f"The decoder family {family} has no setting {name!r}.", has)
        least, most = known[name]
        valid = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        require(valid, f"The stack's {name} is {value!r}.", f"Give a whole number from {least} to {most}.")


def get_family(name: str) -> "Family":
    """Import and return the family with this name. Raises InvalidSetting."""
    require_family(name)
    return FAMILIES[name]()
