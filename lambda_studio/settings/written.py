"""Values of settings as people write them."""

from collections.abc import Mapping
from typing import Any


def written(value: Any) -> str:
    """Return a setting's value without Python's notation."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {written(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value)) or "none"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
