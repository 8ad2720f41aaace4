"""How much of the machine another process has taken, and a bounded list of what went wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.outcome import Outcome

TICKS = 100
"""A second, in /proc/PID/stat."""


@dataclass
class Tally:
    """Tries as they are judged; an Outcome in the end."""

    tried: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def judge(self, name: str, fault: str | None) -> None:
        """One more try, and what was wrong with it."""
        self.tried += 1
        self.right += fault is None
        if fault is not None and len(self.wrong) < 20:
            self.wrong.append(f"{name}: {fault}"[:700])

    def outcome(self, fault: str, target: int, note: str) -> Outcome:
        """What it comes to."""
        return Outcome(
            fault=fault, tried=self.tried, right=self.right, target=target, wrong=tuple(self.wrong), note=note
        )


def processor_seconds(pid: int) -> float:
    """What a process has computed so far; 0 where the platform does not tell, or it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had since `forget_peak`; 0 where the platform does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def forget_peak(pid: int) -> None:
    """Let `peak_bytes` count from now on, on Linux."""
    place = Path(f"/proc/{pid}/clear_refs")
    if place.exists():
        place.write_text("5")


def written_anew(path: Path, content: bytes) -> None:
    """A new file in the place of what was there: ext4 writes one that is only cut off to the disk at once."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def shares(total: int, share: float) -> Iterator[int]:
    """The numbers of so many tries, spread evenly over all of them; at least one."""
    count = max(1, round(total * share))
    yield from (number * total // count for number in range(count))
