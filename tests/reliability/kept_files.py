"""Pictures that people keep: killed, on a failing disk and without power, while they are written."""

from pathlib import Path

from tests.reliability import disk, kill, power
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.tracing import cannot_trace
from tests.reliability.world import KEPT, made_world


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each command that writes pictures, by the harnesses of the registry's commands."""
    if why := cannot_trace():
        return [Outcome(fault="kept files", tried=0, right=0, target=0, note=f"Not tried: {why}.")]
    world = made_world()
    harnesses = (kill.of_command, disk.of_command, power.of_command)
    return [of_command(world, command, share, seed) for of_command in harnesses for command in KEPT]


HARNESSES: dict[str, Harness] = {"kept files": run}
