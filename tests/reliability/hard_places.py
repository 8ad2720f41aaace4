"""Homes in hard places: full disks, links, other users, a repair beside writers, a paused server, many concepts."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import product
from pathlib import Path

from tests.reliability import disk, resume
from tests.reliability.attack_cases import Started, start
from tests.reliability.judging import Tally
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.tracing import answer_of, even, run_apart
from tests.reliability.world import COMMANDS, Command, World, made_world
from tests.server import Server, find_programs, running_server

SPARE_KIB = (4, 40)
LINKED = ("home", "home/studio.sqlite3", "home/adapters", "home/runs")
WRITERS = ("add", "edit", "import", "export", "backup", "forget", "fine-tune", "adapter remove")
MANY, READ_SECONDS = 5000, 10.0
READS = (
    ("concepts", "list", "--json"),
    ("concepts", "list", "--search", "thing 49", "-n", "5"),
    ("concepts", "show", "thing 250"),
    ("concepts", "history", "thing 7"),
    ("concepts", "rename", "thing 8", "other"),
    ("concepts", "forget", "thing 9", "--yes"),
    ("concepts", "show", "thing 99999"),
    ("library", "list"),
    ("db", "check"),
    ("doctor", "--depth", "quick"),
)
PAUSES = 20


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each place by itself, on fresh copies of a world."""
    world = made_world()
    folder.mkdir(parents=True, exist_ok=True)
    places = (_linked, _strangers, _repaired, _many, _paused, _half)
    return [place(world, folder / place.__name__.strip("_"), share) for place in places]


def run_full(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Full disks, in every command."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_full(made_world(), folder / "full", share)]


def _judged(cases: list[tuple[str, Callable[[], str | None]]], share: float, fault: str, note: str) -> Outcome:
    tally = Tally()
    for name, judge in even(cases, share):
        tally.judge(name, judge() or None)
    return tally.outcome(fault, len(cases), note)


def _full(world: World, folder: Path, share: float) -> Outcome:
    """A file system with hardly any room left, in every command."""
    folder.mkdir()
    fault, note = (
        "a full disk, every command",
        "a tmpfs with 4 or 40 KiB free: the command did everything or nothing, and the error is two lines",
    )
    cases = [
        (f"{command.name}, {spare} KiB", lambda c=command, s=spare: disk._on_full(world, c, folder, s))
        for command in COMMANDS
        for spare in SPARE_KIB
    ]
    if os.geteuid() != 0 or not disk._mounted(folder, 64):
        return Outcome(fault=fault, tried=0, right=0, target=len(cases), note="Not tried: no tmpfs can be mounted.")
    subprocess.run(["umount", folder / "full"], check=True)
    return _judged(cases, share, fault, note)


def _linked(world: World, folder: Path, share: float) -> Outcome:
    """The home, or something in it, is a symbolic link to another folder."""
    folder.mkdir()
    chosen = [each for each in COMMANDS if each.name in WRITERS and each.home == "filled"]
    cases = [
        (f"{command.name}, {link} is a link", lambda c=command, at=link: _link_fault(world, folder, c, at))
        for command in chosen
        for link in LINKED
    ]
    note = "links at home, database, adapters and runs: the results are the same as without links, and the links stay"
    return _judged(cases, share, "symbolic links in the home", note)


def _link_fault(world: World, folder: Path, command: Command, link: str) -> str | None:
    plain, place = world.fresh(command.home, folder / "plain"), world.fresh(command.home, folder / "linked")
    shutil.rmtree(folder / "elsewhere", ignore_errors=True)
    (folder / "elsewhere").mkdir()
    target = folder / "elsewhere" / Path(link).name
    shutil.move(place / link, target)
    (place / link).symlink_to(target)
    ends = [start(world, each, *command.words).end() for each in (plain, place)]
    if [code for code, _ in ends] != [0, 0]:
        return f"it ended with {ends[1][0]}: {ends[1][1][-200:]!r}"
    if not (place / link).is_symlink():
        return "the link is gone"
    seen = [answer_of(lambda at=each: world.seen(at), folder) for each in (plain, place)]
    return None if seen[0] == seen[1] else "the world is not as without links"


def _strangers(world: World, folder: Path, share: float) -> Outcome:
    """Another operating-system user gives every command in a home that is not theirs."""
    folder.mkdir()
    fault, cases = "another user's home", [(c.name, lambda c=c: _stranger_fault(world, folder, c)) for c in COMMANDS]
    if os.geteuid() != 0:
        return Outcome(fault=fault, tried=0, right=0, target=len(cases), note="Not tried: needs root, to be another.")
    return _judged(
        cases,
        share,
        fault,
        "the home has mode 700: the command ends with two lines and code 2 or 7, and changes nothing",
    )


def _stranger_fault(world: World, folder: Path, command: Command) -> str | None:
    if command.home == "none":
        return None
    place = world.fresh(command.home, folder / "world")
    for shown in (folder.parent, folder, world.folder, place):
        shown.chmod(0o755)
    (place / "home").chmod(0o700)
    (place / "out").mkdir(exist_ok=True)
    (place / "out").chmod(0o777)

    def work() -> int:
        os.setgid(disk.NOBODY[1])
        os.setuid(disk.NOBODY[0])
        return world.call(place, command.words)

    ended = run_apart(work, folder)
    lines = ended.err.strip().splitlines()
    if ended.code not in (2, disk.EXIT_CODE) or len(lines) != 2 or "Internal error" in ended.err:
        return f"it ended with {ended.code}: {ended.err.strip()[:200]}"
    return disk._changed(world, command, place, folder)


def _repaired(world: World, folder: Path, share: float) -> Outcome:
    """`doctor --repair` again and again beside a command, where every unfinished file counts as old."""
    folder.mkdir()
    cases = [(c.name, lambda c=c: _repair_fault(world, folder, c)) for c in COMMANDS if c.name in WRITERS]
    return _judged(
        cases,
        share,
        "doctor --repair beside a writer",
        "the repair deletes no file of a command that is running, however old the file is",
    )


def _repair_fault(world: World, folder: Path, command: Command) -> str | None:
    alone, place = world.fresh(command.home, folder / "alone"), world.fresh(command.home, folder / "world")
    start(world, alone, *command.words).end()
    over = folder / "over"
    over.unlink(missing_ok=True)

    def repair() -> int:
        from lambda_studio.workflows.upkeep import doctor

        doctor.STALE_SECONDS = -1
        while not over.exists():
            code = world.call(place, ("doctor", "--depth", "quick", "--repair"))
            if code not in (0, 1, 2):
                return code
        return 0

    repairing = Started(repair, folder / "repaired")
    code, said = start(world, place, *command.words).end()
    over.touch()
    repaired, told = repairing.end()
    if code or repaired:
        return f"they ended with {code} and {repaired}: {said[-200:]!r} {told[-200:]!r}"
    seen = [answer_of(lambda at=each: world.seen(at), folder) for each in (alone, place)]
    return None if seen[0] == seen[1] else "the world is not as without a repair"


def _many(world: World, folder: Path, share: float) -> Outcome:
    """A library of 5,000 concepts, or of this share of them; of 500 at least."""
    folder.mkdir()
    place, count = world.fresh("none", folder / "world"), max(500, round(MANY * share))
    answer_of(lambda: _fill(place, count), folder)
    cases = [(" ".join(words), lambda w=words: _read_fault(world, place, w)) for words in READS]
    note = f"each command ends within {READ_SECONDS:g} seconds, with the right exit code"
    return _judged(cases, share, f"{count:,} concepts", note)


def _fill(place: Path, count: int) -> None:
    from concepts.database import Database
    from concepts.records import NewImage
    from tests.reliability.world import USER

    os.environ["STUDIO_USER"] = USER
    with Database.open(place / "home") as database, database.transaction() as registry:
        for number in range(count):
            image = NewImage(f"picture {number}".encode(), None, 64, 64, f"{number}.png")
            registry.add_concept("default", f"thing {number}", "thing", [image])


def _read_fault(world: World, place: Path, words: tuple[str, ...]) -> str | None:
    begun = time.monotonic()
    code, said = start(world, place, *words).end()
    seconds = time.monotonic() - begun
    expected = 3 if "99999" in words[-1] else 0
    if code != expected:
        return f"it ended with {code}: {said[-200:]!r}"
    return f"it took {seconds:.1f} seconds" if seconds > READ_SECONDS else None


def _paused(world: World, folder: Path, share: float) -> Outcome:
    """A PostgreSQL server stops in the middle of its work and goes on."""
    from concepts.database import Database
    from tests.reliability.concurrent import PICTURE, _count_up

    folder.mkdir()
    fault = "a server that is stopped and goes on"
    if (programs := find_programs()) is None:
        return Outcome(fault=fault, tried=0, right=0, target=PAUSES, note="Not tried: PostgreSQL is not installed.")
    with running_server(programs) as server:
        server.add_person("anna")
        address = server.address(server.new_database(), "anna")
        with Database.open(folder, address=address) as database, database.transaction() as registry:
            registry.add_concept("default", "0", "counter", [PICTURE])
        count = max(1, round(PAUSES * share))
        work = lambda: 0 if _count_up(folder, 20 * count, address) == "done" else 1  # noqa: E731  # one line, in a fork
        writers = [Started(work, folder / f"said{number}") for number in range(2)]
        for _ in range(count):
            time.sleep(0.3)
            stopped = _processes(server)
            for pid in stopped:
                _send(pid, signal.SIGSTOP)
            time.sleep(0.5)
            for pid in stopped:
                _send(pid, signal.SIGCONT)
        ends = [writer.end() for writer in writers]
        with Database.open(folder, address=address) as database, database.reading() as registry:
            (name,) = registry.concept_names("default")
    wrong = tuple(f"{code}: {said[-300:]}" for code, said in ends if code)
    wrong += () if int(name) == 40 * count else (f"{40 * count - int(name)} increments were lost",)
    note = "SIGSTOP for half a second while two processes write: neither fails, and no increment is lost"
    return Outcome(fault=fault, tried=count, right=0 if wrong else count, target=PAUSES, wrong=wrong, note=note)


def _processes(server: Server) -> list[int]:
    """Return the server's processes that write: its backends. A process may end in the meantime."""
    own = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    return [int(row[0]) for row in server.run(own)]


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a connection that ended in the meantime
        os.kill(pid, number)


def _half(world: World, folder: Path, share: float) -> Outcome:
    """Training in bf16 that is stopped after each step and resumed, LoRA and full."""
    steps, cases = 6, []

    @cache
    def whole(method: str) -> str:
        return answer_of(lambda: _train(folder / method / "whole", method, steps), _made(folder / method))

    for method, stop in product(resume.METHODS, range(1, steps)):
        at = folder / method / str(stop)
        cases.append((f"{method}, step {stop}", lambda m=method, s=stop, a=at: _half_fault(a, m, s, whole(m))))
    note = "LoRA and full; weights, optimiser and losses have the hashes of an unstopped run"
    return _judged(cases, share, "stopped and resumed, bf16", note)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _half_fault(folder: Path, method: str, stop: int, whole: str) -> str | None:
    answer_of(lambda: _train(folder, method, 6, stop=stop), folder.parent)
    again = answer_of(lambda: _train(folder, method, 6, resume=True), folder.parent)
    return None if again == whole else "it ends with other bits"


def _train(folder: Path, method: str, steps: int, resume: bool = False, stop: int | None = None) -> str:
    from lambda_studio.training.finetuning import finetune_decoder
    from lambda_studio.training.hooks import Hooks
    from tests.lambda_studio.training.test_trainer import _config, _decoder, _digest, _examples, _stop_after

    hooks = Hooks() if stop is None else _stop_after(stop)
    config = _config(method=method, steps=steps, checkpoint_every=1, mixed_precision="bf16")
    finetune_decoder(_decoder(), _examples(), config, folder, resume, hooks)
    return str(_digest(folder))


HARNESSES: dict[str, Harness] = {"hard places": run, "full disks": run_full}
