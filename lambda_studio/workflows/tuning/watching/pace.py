"""The speed of a training, for its progress line."""

import time
from collections import deque
from statistics import median

STEPS = 20
"""The speed is the median of so many steps, so that a preview between two of them does not count."""


class Pace:
    """Tells how fast the last steps were."""

    def __init__(self) -> None:
        self._ended: float | None = None
        self._took: deque[float] = deque(maxlen=STEPS)

    def said(self) -> str:
        """Return the speed in words after a step that has just ended, empty after the first: ", 2.3 steps/s"."""
        now = time.monotonic()
        if self._ended is not None:
            self._took.append(now - self._ended)
        self._ended = now
        seconds = median(self._took) if self._took else 0.0
        if not seconds:
            return ""
        return f", {1 / seconds:.1f} steps/s" if seconds < 1 else f", {seconds:.1f} s/step"
