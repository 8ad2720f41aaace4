"""SIGKILL just before each system call that can change the disk."""

import sys
from pathlib import Path

from tests.reliability.outcome import Harness, Outcome
from tests.reliability.rehearsal import Rehearsal, rehearsal
from tests.reliability.tracing import Point, cannot_trace, even, inject
from tests.reliability.world import COMMANDS, Command, World, made_world

TARGET = 2000
"""Of RELIABILITY's, over all commands; each row's target is all the points that its command has."""


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each command is killed at its points; what is left is judged, and the command given again."""
    if why := cannot_trace():
        return [Outcome(fault="SIGKILL at a system call", tried=0, right=0, target=TARGET, note=f"Not tried: {why}.")]
    world = made_world()
    return [of_command(world, command, share, seed) for command in COMMANDS]


def of_command(world: World, command: Command, share: float, seed: int) -> Outcome:
    done = rehearsal(world, command)
    chosen = even(done.points, share, seed)
    wrong: list[str] = []
    killed = right = 0
    for point in chosen:
        faults = _try(done, point)
        if faults is None:
            continue
        killed, right = killed + 1, right + (not faults)
        wrong += faults
        print(f"\r  kill, {command.name}: {killed} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    note = f"killed before {killed} of the {len(done.points)} system calls that can change the disk"
    return Outcome(
        fault=f"SIGKILL, {command.name}",
        tried=killed,
        right=right,
        target=len(done.points),
        wrong=tuple(wrong[:20]),
        note=note,
    )


def _try(rehearsal: Rehearsal, point: Point) -> list[str] | None:
    """What is wrong after a kill at this point; None where the command came to its end before."""
    rehearsal.start()
    ended = rehearsal.do(inject(point, "signal=SIGKILL"))
    if ended.signal != 9:
        return None
    judged, again = rehearsal.judge_and_repeat()
    found = [] if judged.sides else [judged.why]
    if ended.out.strip() and judged.sides == ["before"]:
        found.append("what was acknowledged is not there")
    if again:
        found.append(again)
    return [f"{rehearsal.command.name}, {point.call} {point.number}: {fault}" for fault in found]


HARNESSES: dict[str, Harness] = {"kill": run}
