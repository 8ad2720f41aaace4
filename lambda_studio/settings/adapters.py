"""Adapters as a user names them: by number, name or hash, with a scale or without."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lambda_studio.settings.base import require

LARGEST_SCALE = 10.0
"""Beyond this, no adapter draws anything but noise."""
WORDS = ("auto", "none")

Wanted = str | int | Sequence[str | int]
"""An adapter as `ScaledAdapter.read` takes it, or several. "auto" and "none" stand alone."""


@dataclass(frozen=True)
class ScaledAdapter:
    """A named adapter, and the factor of its update. 1 is the adapter as it is, and 0 is no adapter."""

    name: str
    """A number, a name, the start of a hash, "auto" or "none"."""
    scale: float = 1.0

    @classmethod
    def read(cls, text: str | int) -> "ScaledAdapter":
        """Read `3`, `3:0.8`, or the same with a name, the start of a hash or auto. Raises InvalidSetting."""
        name, colon, number = str(text).strip().partition(":")
        scale = checked_scale(number, str(text)) if colon else 1.0
        require(name != "none" or not colon, f"The adapter {str(text)[:80]!r} has a scale.", "Give none.", "adapter")
        return cls(name, scale)


def read_adapters(wanted: Wanted) -> tuple[ScaledAdapter, ...]:
    """Return the adapters that are wanted, in their order.

    Raises InvalidSetting for a wrong scale, for none, for "auto" or "none" beside others, and for duplicates.
    """
    texts = [wanted] if isinstance(wanted, str | int) else list(wanted)
    require(bool(texts), "No adapter is given.", "Give auto, none, or adapters by number, name or hash.", "adapter")
    read = tuple(map(ScaledAdapter.read, texts))
    names = [each.name for each in read]
    alone = [name for name in names if name in WORDS]
    require(
        len(names) == 1 or not alone,
        f"The adapter is {alone[0] if alone else ''}, and others are given too.",
        "Give auto or none alone, or name every adapter.",
        "adapter",
    )
    require_different(names)
    return read


def require_different(names: Sequence[str]) -> None:
    """Raise InvalidSetting if a name is given twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"Adapter {twice} is given twice.", f"Give it once, as {twice}:SCALE.", "adapter")


def checked_scale(number: str | float, said: str) -> float:
    """Return a scale. Raises InvalidSetting if it is not a number from -10 to 10."""
    if isinstance(number, str):
        number = float(number) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", number.strip()) else math.nan
    require(
        abs(number) <= LARGEST_SCALE,  # also false for NaN
        f"The scale of the adapter {said[:80]!r} is not a number from -{LARGEST_SCALE:g} to {LARGEST_SCALE:g}.",
        "Give an adapter and its scale as 3:0.8.",
        "adapter",
    )
    return float(number)
