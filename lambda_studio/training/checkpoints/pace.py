"""Decide when a checkpoint is worth its time: a run must not spend more on checkpoints than on training."""

import time
from collections.abc import Callable

BYTES_A_SECOND = 400e6
"""The rate at which a checkpoint is hashed, written and synced; measured with the 15 GB of a full fine-tuning."""
SHARE = 0.1
"""The largest share of a run's time that its checkpoints take, by this rate."""
ALWAYS = 0.1
"""A checkpoint of fewer seconds is written whenever it is due."""


class Pace:
    """The time since the last checkpoint. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._last = clock()

    @staticmethod
    def is_large(size: int) -> bool:
        """Return whether writing a checkpoint of `size` bytes takes a time that is felt."""
        return size / BYTES_A_SECOND >= ALWAYS

    def allows(self, size: int) -> bool:
        """Return whether a checkpoint of `size` bytes may be written now."""
        return not self.is_large(size) or self._clock() - self._last >= size / BYTES_A_SECOND / SHARE

    def saved(self) -> None:
        """Start the wait for the next checkpoint."""
        self._last = self._clock()
