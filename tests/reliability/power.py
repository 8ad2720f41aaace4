"""Power loss, replayed: from the calls of a command, the states that a disk may hold when the power goes."""

import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tests.reliability.outcome import Harness, Outcome
from tests.reliability.rehearsal import Rehearsal, rehearsal
from tests.reliability.tracing import CALL_SET, cannot_trace, even, run_apart
from tests.reliability.world import COMMANDS, Command, World, made_world

SECTOR = 512
"""What a disk writes whole or not at all."""
TRIED = {"add": 2600, "add, no home yet": 2500, "import": 2300, "forget": 1000, "export": 200, "upgrade 0001": 1500}
TRIED |= {"generate": 200, "mask sheet": 60}  # by the harness of kept files
"""The states of each command: 10,000 of all; an export has fewer than 200 that differ."""
ROUNDS = 8
"""How often chance goes over a command's calls for states that were not seen yet; there may be no more of them."""
_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^(?:AT_FDCWD|(\d+))<([^>]*)>")


@dataclass
class File:
    """Bytes on a disk: those that are there for certain, and writes that may not have come yet."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and bytes; None: the file is cut there, or made so long."""
    is_folder: bool = False


Change = tuple[Path, File | None]
"""A name that is given to a file, or (None) removed."""


@dataclass
class Disk:
    """A model of a file system: contents by file, names by folder; a folder's changes come in their order."""

    names: dict[Path, File] = field(default_factory=dict)
    """As the durable folders have it."""
    pending: dict[Path, list[Change]] = field(default_factory=dict)
    """For each folder, changes since its last sync."""

    def now(self) -> dict[Path, File]:
        """Names as the running system sees them."""
        names = dict(self.names)
        for changes in self.pending.values():
            _apply(names, changes)
        return names


@dataclass(frozen=True)
class Op:
    """One recorded call, with the paths that it names and the bytes that it carries."""

    call: str
    paths: tuple[Path, ...]
    offset: int = 0
    data: bytes = b""
    cuts: bool = False


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """For each command, states from the whole of its recorded calls."""
    if why := cannot_trace():
        return [Outcome(fault="power loss", tried=0, right=0, target=10_000, note=f"Not tried: {why}.")]
    world = made_world()
    commands = [command for command in COMMANDS if command.name in TRIED]
    return [of_command(world, command, share, seed) for command in commands]


def of_command(world: World, command: Command, share: float, seed: int) -> Outcome:
    done = rehearsal(world, command)
    ops = _recorded(done)
    target = TRIED[command.name]
    count = max(1, round(target * share))
    wrong: list[str] = []
    seen: set[int] = set()
    states = chain.from_iterable(_states(done, ops, count, f"{seed} {again}") for again in range(ROUNDS))
    for number, (files, acknowledged, at) in enumerate(states):
        if len(seen) == count:
            break
        fingerprint = hash(tuple(sorted((str(path), bytes(data)) for path, data in files.items())))
        if (fingerprint, acknowledged) in seen:
            continue
        seen.add((fingerprint, acknowledged))
        wrong += [
            f"{command.name}, state {number} (call {at}): {found}" for found in _judged(done, files, acknowledged)
        ]
        print(f"\r  power, {command.name}: {len(seen)} of {count}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    bad = len({line.partition(":")[0] for line in wrong})
    note = f"the power goes after one of {len(ops)} system calls; each different state of the disk is a trial"
    tried = len(seen)
    return Outcome(
        fault=f"power loss, {command.name}",
        tried=tried,
        right=tried - bad,
        target=target,
        wrong=tuple(wrong[:20]),
        note=note,
    )


def _judged(rehearsal: Rehearsal, files: dict[Path, bytes], acknowledged: bool) -> Iterator[str]:
    home = rehearsal.start()
    shutil.rmtree(home)
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    home.mkdir(exist_ok=True)
    judged, again = rehearsal.judge_and_repeat()
    if not judged.sides:
        yield judged.why
    if acknowledged and "after" not in judged.sides:
        yield "what was acknowledged is not there"
    if again:
        yield again


def _recorded(rehearsal: Rehearsal) -> list[Op]:
    """What the command asks of the disk, with every byte, in order; `said` stands for its answer to the person."""
    place, log = rehearsal.start(), rehearsal.folder / "strace.log"
    options = ["-y", "-xx", "-s", str(2**26), "-e", f"trace={CALL_SET},?close,?lseek", "-o", str(log)]
    ended = run_apart(lambda: rehearsal.world.call(place, rehearsal.command.words), rehearsal.folder, options)
    if ended.code:
        raise RuntimeError(f"{rehearsal.command.name}: ended with {ended.code}: {ended.err}")
    ops, at = [], {}
    for line in log.read_text(errors="replace").splitlines():
        if (matched := _CALL.match(line)) and int(matched[3]) >= 0:
            ops += _parsed(matched[1], matched[2], int(matched[3]), place, at, line)
    log.unlink()
    return ops


def _parsed(call: str, words: str, result: int, place: Path, at: dict[str, int], line: str) -> Iterator[Op]:
    """One line of strace. `at` holds where each descriptor writes next."""
    strings = [bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(words)]
    described = _DESCRIPTOR.match(words)
    held = Path(_plain(described[2])) if described else place
    descriptor = described[1] if described and described[1] else ""
    if call == "write" and descriptor == "1":
        yield Op("said", ())
    elif call in ("pwrite64", "write") and held.is_relative_to(place):
        offset = int(words.rsplit(",", 1)[1]) if call == "pwrite64" else at.get(descriptor, 0)
        at[descriptor] = offset + result if call == "write" else at.get(descriptor, 0)
        yield Op("write", (held,), offset, strings[0][:result])
    elif call == "lseek":
        at[descriptor] = result
    elif call == "close":
        at.pop(descriptor or words.partition("<")[0], None)
    elif call in ("fsync", "fdatasync") and held.is_relative_to(place):
        yield Op("sync", (held,))
    elif call == "ftruncate" and held.is_relative_to(place):
        yield Op("cut", (held,), int(words.rsplit(",", 1)[1]))
    elif call == "openat" and "O_CREAT" in words:
        path = place / strings[0].decode()
        if path.is_relative_to(place):
            yield Op("create", (path,), cuts="O_TRUNC" in words)
    elif call in ("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir"):
        paths = tuple(place / text.decode() for text in strings)
        if all(path.is_relative_to(place) for path in paths):
            yield Op("unlink" if call == "rmdir" else call.removesuffix("2").removesuffix("at"), paths)
    elif call in ("mkdir", "mkdirat") and (path := place / strings[0].decode()).is_relative_to(place):
        yield Op("mkdir", (path,))
    elif call not in ("mkdir", "mkdirat", "openat", "chmod", "fchmod", "write"):
        raise RuntimeError(f"The model of a disk does not know this call: {line[:200]}")


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text


def _states(
    rehearsal: Rehearsal, ops: list[Op], count: int, seed: str
) -> Iterator[tuple[dict[Path, bytes], bool, int]]:
    """States of the disk: at calls spread evenly, of what was not synced nothing, all or any part."""
    chance = random.Random(f"{seed} {rehearsal.command.name}")
    place = rehearsal.start()
    each = -(-count // (len(ops) + 1))
    wanted = set(even(range(len(ops) + 1), count / (len(ops) + 1)))
    disk = Disk({place: File(is_folder=True)})
    for path in place.rglob("*"):
        disk.names[path] = File(is_folder=True) if path.is_dir() else File(bytearray(path.read_bytes()))
    acknowledged = False
    for number in range(len(ops) + 1):
        if number in wanted:
            for kind in range(each):
                keep = {0: 0.5, 1: 0.0, 2: 1.0}.get(kind % 8, chance.random())
                yield _lost(disk, chance, keep), acknowledged, number
        if number < len(ops):
            acknowledged = acknowledged or ops[number].call == "said"
            _do(disk, ops[number])


def _lost(disk: Disk, chance: random.Random, keep: float) -> dict[Path, bytes]:
    """What the disk may hold: of each folder's changes a first part, of each file's writes any sectors."""
    names = dict(disk.names)
    for changes in disk.pending.values():
        length = {0.0: 0, 1.0: len(changes)}.get(keep, chance.randint(0, len(changes)))
        _apply(names, changes[:length])
    lost = {path for path, file in disk.now().items() if file.is_folder} - names.keys()
    return {
        path: _torn(file, chance, keep)
        for path, file in names.items()
        if not file.is_folder and lost.isdisjoint(path.parents)
    }


def _torn(file: File, chance: random.Random, keep: float) -> bytes:
    data = bytearray(file.durable)
    for offset, written in file.pending:
        if written is None:
            if chance.random() < keep:
                data = data[:offset].ljust(offset, b"\0")
            continue
        for begin in range(0, len(written), SECTOR):
            if chance.random() < keep:
                _put(data, offset + begin, written[begin : begin + SECTOR])
    return bytes(data)


def _do(disk: Disk, op: Op) -> None:
    """The call takes place on the model."""
    if op.call == "said":
        return
    names, path = disk.now(), op.paths[0]
    if op.call == "mkdir":
        _change(disk, path, File(is_folder=True))
    elif op.call == "create":
        if path not in names:
            _change(disk, path, File())
        elif op.cuts:
            names[path].pending.append((0, None))
    elif op.call == "write":
        names[path].pending.append((op.offset, op.data))
    elif op.call == "cut":
        names[path].pending.append((op.offset, None))
    elif op.call == "sync" and names[path].is_folder:
        _apply(disk.names, disk.pending.pop(path, []))
    elif op.call == "sync":
        _settle(names[path])
    elif op.call == "unlink":
        _change(disk, path, None)
    else:
        _change(disk, op.paths[1], names[path])
        if op.call == "rename":
            _change(disk, path, None)


def _settle(file: File) -> None:
    for offset, written in file.pending:
        if written is None:
            file.durable = file.durable[:offset].ljust(offset, b"\0")
        else:
            _put(file.durable, offset, written)
    file.pending.clear()


def _put(data: bytearray, offset: int, written: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written


def _change(disk: Disk, path: Path, file: File | None) -> None:
    disk.pending.setdefault(path.parent, []).append((path, file))


def _apply(names: dict[Path, File], changes: list[Change]) -> None:
    for path, file in changes:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


HARNESSES: dict[str, Harness] = {"power": run}
