"""The processes that share out an evaluation, started by accelerate launch or torchrun."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from lambda_studio.progress import silent, unheard
from lambda_studio.training.devices import launched_processes
from lambda_studio.workflows.workplace import Workplace

LONGEST_WAIT = timedelta(days=14)
"""One process may have finished its part long before another."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """The part of this process: number `number` of `of`, from 0."""

    number: int = 0
    of: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes what there is once, and has the answer."""
        return self.number == 0

    def part(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return this process's items: a block, so that few processes need the same subject."""
        ends = [len(items) * number // self.of for number in (self.number, self.number + 1)]
        return items[ends[0] : ends[1]]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.of > 1:
            from accelerate.state import PartialState

            PartialState().wait_for_everyone()


def share_of(place: Workplace) -> Share:
    """Return this process's part. Of several processes each takes a GPU, and only the first one tells of its work."""
    if launched_processes() == 1:
        return Share()
    from accelerate.state import PartialState

    # The processes only wait for each other, so they need no group on GPUs.
    state = PartialState(cpu=True, timeout=LONGEST_WAIT)
    if state.process_index:
        place.notify, place.progress = unheard, silent
    place.take_turn(int(os.environ.get("LOCAL_RANK", state.local_process_index)))
    return Share(state.process_index, state.num_processes)
