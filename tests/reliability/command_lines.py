"""Random command lines, of every command and option: none ends with 1, a traceback or a crash."""

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tests.reliability.attack_cases import Started
from tests.reliability.judging import Tally
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.world import World, made_world

LINES, BATCH, SECONDS = 100_000, 250, 20
NOT_RUN = ("miniature", "demo")
"""Commands whose arguments are read and that are then not run: they train or draw for minutes."""
NUMBERS = ("-1", "0", "1", "2", "3", "7", "64", "5000", str(2**31), str(2**53), str(2**63 - 1), str(2**63), "9" * 400)
NUMBERS += ("-0", "1e3", "1.5", "nan", "inf", "-inf", "1e400", "0x10", "１", "", " 1 ", "1_000")
TEXTS = ("rex", "REX", "hat", "owl", "nix", "default", "toys", "anna/default", "dog", "", " ", "a" * 81, "x" * 20_000)
TEXTS += (
    "\x1b[2J",
    "a\nb",
    "\u202e",
    "é",
    "e\u0301",
    "👩\u200d🚀",
    "\udcff",
    "%",
    "_",
    "'",
    '"; DROP TABLE concepts',
    "﷽" * 80,
)
TEXTS += (
    "a <rex>",
    "a <rex> and <hat>",
    "a <nix>",
    "a <rex",
    "<>",
    "<<rex>>",
    "a " * 200,
    "auto",
    "none",
    "--",
    "-",
    "@x",
)
TEXTS += (
    "1",
    "1=mask.png",
    "0=photo1.png",
    "99999999999999999999=photo1.png",
    "=",
    "miniature",
    "kandinsky-2.2",
    "a\\b",
)
PATHS = (
    "photo1.png",
    "photo2.png",
    "photo3.png",
    ".",
    "..",
    "home",
    "out",
    "out/a.png",
    "out/b.zip",
    "bundle.zip",
)
PATHS += (
    "earlier.sqlite3",
    "home/studio.sqlite3",
    "missing",
    "missing/a/b.png",
    "a.jpg",
    "empty",
    "link",
    "loop",
    "fifo",
)
PATHS += (
    "/dev/null",
    "/dev/full",
    "/proc/self/mem",
    "x" * 300,
    "x/" * 3000,
    "\udcff.png",
    "a\nb.png",
    "",
    "key",
    "list.json",
)
NO_FILES = ("/dev/null", "/dev/full", "fifo")
"""What a command may write to or refuse, and never replaces, also as root."""
URLS = (
    "postgresql://x",
    "postgresql+psycopg://nobody@127.0.0.1:1/x",
    "mysql://x",
    "sqlite:///a",
    "host=x password=y",
    "://",
)


class Late(BaseException):
    """A command that takes too long. Nothing in it catches this."""


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Batches of lines, each batch in a fork and in a fresh copy of a world."""
    world, tally = made_world(), Tally()
    folder.mkdir(parents=True, exist_ok=True)
    count = max(BATCH, round(LINES * share))
    for begin in range(0, count, BATCH):
        for number, fault in _batch(world, folder, range(begin, min(begin + BATCH, count)), seed):
            tally.judge(f"line {number}", fault)
        print(f"\r  command lines: {tally.tried} of {count}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    note = "every command and option, from a seed; miniature and demo are only parsed; no large model is loaded"
    return [tally.outcome("a random command line", LINES, note)]


def line(commands: dict[tuple[str, ...], click.Command], chance: random.Random) -> list[str]:
    """Return a random command line: mostly what a command takes, with values that are right, odd or hostile."""
    path = chance.choice(sorted(commands))
    command = commands[path]
    words: list[str] = []
    for param in command.params:
        if isinstance(param, click.Argument):
            number = chance.choice((1, 1, 1, 2, 3)) if param.nargs == -1 else chance.choice((0, 1, 1, 1, 1, 1, 1))
            words += [_value(param, chance) for _ in range(number)]
        elif chance.random() < 0.2:
            words.append(chance.choice(param.opts))
            words += [] if getattr(param, "is_flag", False) else [_value(param, chance)]
    if chance.random() < 0.05:
        words.insert(chance.randint(0, len(words)), chance.choice((*TEXTS, "--nonsense", "--help")))
    if any("--yes" in param.opts for param in command.params):
        words.append("--yes")
    return [*path, *words]


def _value(param: click.Parameter, chance: random.Random) -> str:
    if isinstance(param.type, click.Choice) and chance.random() < 0.9:
        return str(chance.choice(list(param.type.choices)))
    if param.name == "database":
        return chance.choice((*URLS, *PATHS))
    if chance.random() < 0.1:
        return chance.choice((*TEXTS, *NUMBERS, *PATHS))
    if isinstance(param.type, click.Path):
        return chance.choice(PATHS)
    numeric = isinstance(param.type, (click.types.IntParamType, click.types.FloatParamType))
    return chance.choice(NUMBERS if numeric else TEXTS)


def commands_of(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Iterate over every command, with the words that call it."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))


def _batch(world: World, folder: Path, numbers: range, seed: int) -> Iterator[tuple[int, str | None]]:
    place = world.fresh("filled", folder / "world")
    _furnish(place)
    answers = folder / "answers"
    answers.unlink(missing_ok=True)
    Started(lambda: _in_fork(world, place, answers, numbers, seed), folder / "said").end()
    found = answers.read_text(errors="replace").splitlines() if answers.exists() else []
    for number, told in zip(numbers, found, strict=False):
        yield number, told or None
    if len(found) < len(numbers):
        yield numbers[len(found)], f"the process ended in it: {(folder / 'said').read_text(errors='replace')[-300:]!r}"


def _furnish(place: Path) -> None:
    """Lay the odd things of PATHS beside the pictures."""
    (place / "empty").write_bytes(b"")
    (place / "link").symlink_to("photo1.png")
    (place / "loop").symlink_to("loop")
    os.mkfifo(place / "fifo")
    (place / "list.json").write_text('[{"instance_data_dir": 1}]')
    shutil.copy(place / "photo1.png", place / "mask.png")


def _in_fork(world: World, place: Path, answers: Path, numbers: range, seed: int) -> int:
    """Give the lines one after the other, and write what is wrong with each, or an empty line."""
    from cli.main import run as call
    from cli.main import studio

    commands = dict(commands_of(studio))
    for path, command in commands.items():
        if path[0] in NOT_RUN and not isinstance(command, click.Group):
            command.callback = lambda **_: 0
    _load_no_large_models()
    world._enter(place)
    signal.signal(signal.SIGALRM, _late)
    with answers.open("w") as told:
        for number in numbers:
            words = line(commands, random.Random(f"{seed} {number}"))
            if fault := _call(call, words) or _replaced():
                sys.stdout.flush()
                said = (answers.parent / "said").read_text(errors="replace").strip("\0")[-300:]
                fault = f"{fault}: {said!r}: {words!r}"
            told.write(fault[:800].encode("utf-8", "backslashreplace").decode().replace("\n", " ") + "\n")
            told.flush()
            os.ftruncate(1, 0)
    return 0


def _call(call: Any, words: list[str]) -> str:
    signal.alarm(SECONDS)
    try:
        code = call(words)
    except BaseException as error:  # whatever comes out of the command line is a fault
        return f"{type(error).__name__} came out"
    finally:
        signal.alarm(0)
    is_verdict = words[0] == "doctor" and "--help" not in words
    return f"it ended with {code}" if (code == 1 and not is_verdict) or code not in range(12) else ""


def _replaced() -> str:
    """Say which device or pipe of PATHS is one no longer."""
    kept = (os.path.exists(path) and not os.path.isfile(path) for path in NO_FILES)
    return ", ".join(f"{path} was replaced" for path, right in zip(NO_FILES, kept, strict=True) if not right)


def _late(*_: object) -> None:
    raise Late(f"longer than {SECONDS} seconds")


def _load_no_large_models() -> None:
    """Refuse the prior and the decoder, as where nothing was downloaded."""
    from huggingface_hub import constants

    from lambda_studio.errors import ModelFilesMissing
    from lambda_studio.models.stacks.stack import Stack

    def absent(*_: object, **__: object) -> None:
        raise ModelFilesMissing("This model is not loaded here.", "Draw with another.")

    os.environ["HF_HUB_OFFLINE"] = "1"
    constants.HF_HUB_OFFLINE = True  # another stack is not fetched
    for name in ("decoder", "own_decoder", "prior"):
        setattr(Stack, name, absent)


HARNESSES: dict[str, Harness] = {"command lines": run}
