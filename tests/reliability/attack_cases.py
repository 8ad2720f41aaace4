"""Single attacks, each with what is wrong with the answer to it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import Any

from tests.reliability.tracing import Point, answer_of, inject, run_apart
from tests.reliability.world import USER, World

DECOYS = ("json", "struct", "random", "PIL", "numpy", "lambda_studio", "sitecustomize", "usercustomize")
DECOY_COMMANDS = (
    ("add-concept", "fido", "photo3.png", "--noun", "dog"),
    ("library", "import", "bundle.zip"),
    ("generate", "a <rex>", "--steps", "1"),
    ("finetune", "rex", "--steps", "1", "--batch-size", "1", "--rank", "2"),
    ("doctor",),
)
FORGERIES = tuple(product(("older", "present"), ("forged first", "genuine first")))
TRAIN = ("finetune", "--all", "--steps", "8", "--batch-size", "1", "--rank", "2")
REFUSED = 4
STOPPED = (("concepts", "list"), ("generate", "a <rex>", "--steps", "1"), ("doctor",), ("--help",))
STOP_SECONDS = {"concepts": 1.5, "generate": 9.0, "doctor": 7.0, "--help": 0.6}
"""About how long each of them takes."""


# Code in the current folder


def executed_decoys(world: World, place: Path, words: Sequence[str]) -> dict[str, str]:
    """Return the decoys that a command executed, each with the command line of the process that did it."""
    from tests.cli.test_current_folder import DECOY, STUDIO, executed

    world.fresh("filled", place)
    for name in DECOYS:
        (place / f"{name}.py").write_text(DECOY, encoding="utf-8")
    script = place.parent / "studio-script"
    script.write_text(STUDIO, encoding="utf-8")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STUDIO_"))}
    env = {**mine, "STUDIO_HOME": "home", "STUDIO_STACK": str(world.stack), "STUDIO_USER": USER}
    done = subprocess.run([sys.executable, str(script), *words], cwd=place, env=env, capture_output=True, text=True)
    if done.returncode:
        return dict.fromkeys(DECOYS, f"the command ended with {done.returncode}: {done.stderr[:200]}")
    return {name: " ".join(rest) for name, *rest in executed(place)}


# Forged embeddings


def forgery_fault(world: World, folder: Path, shape: str, order: str) -> str | None:
    """Return what is wrong after mallory's forgery and bob's genuine bundle came into one registry."""
    folder.mkdir(parents=True)
    return answer_of(lambda: _forgery_fault(world, folder, shape, order), folder) or None


def _forgery_fault(world: World, folder: Path, shape: str, order: str) -> str:
    import numpy as np

    from lambda_studio.studio import Studio
    from tests.lambda_studio.workflows.bundles import test_given_embeddings as given

    os.environ["STUDIO_USER"] = "maker"
    key, photo = _key(folder), world.templates / "filled" / "photo1.png"
    with Studio(folder / "maker", stack=str(world.stack)) as maker:
        maker.concepts.add("rex", [photo], noun="dog", segment="none")
        forgery, genuine = given.bundles(maker, folder, key, shape)
        right = given.numbers(maker)
    with closing(given.Team(folder / "team", world.stack, None)) as opened:
        mallory, bob = opened("mallory"), opened("bob")
        forging = (mallory, forgery, [])
        trusting = (bob, genuine, [key.with_suffix(".pub")])
        for studio, bundle, trusted in (forging, trusting) if order == "forged first" else (trusting, forging):
            studio.libraries.import_(bundle, trusted_keys=trusted)
        if not np.array_equal(given.numbers(bob), right):
            return "the trusted bundle draws with other numbers"
        bob.libraries.export(["rex"], folder / "again.zip", pictures=False, sign_with=key)
        if shape == "present" and (folder / "again.zip").read_bytes() != genuine.read_bytes():
            return "the second export differs from the genuine bundle"
        return ""


def _key(folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pair, raw = Ed25519PrivateKey.generate(), serialization.Encoding
    public = pair.public_key().public_bytes(raw.OpenSSH, serialization.PublicFormat.OpenSSH)
    plain = (serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (folder / "anna.pub").write_bytes(public)
    (folder / "anna").write_bytes(pair.private_bytes(raw.PEM, *plain))
    return folder / "anna"


# Forgetting and resuming beside training


class Started:
    """A command that runs in a fork beside this process."""

    def __init__(self, work: Callable[[], int], said: Path):
        self.said = said
        if (pid := os.fork()) == 0:
            code = 70
            try:
                descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(descriptor, 1), os.dup2(descriptor, 2)
                code = work()
                sys.stdout.flush()
            finally:
                os._exit(code)
        self.pid = pid

    def end(self) -> tuple[int, str]:
        """Wait for its end, and return its exit code and what it said."""
        status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status), self.said.read_text(errors="replace")


def start(world: World, place: Path, *words: str) -> Started:
    """Start a command in a world."""
    return Started(lambda: world.call(place, words), place / f"said-{time.monotonic_ns()}")


def two_subjects(world: World, place: Path) -> Path:
    """Make a world with two subjects to train on, and no adapter."""
    world.fresh("none", place)
    for number, name in ((3, "rex"), (4, "max")):
        photo = world.templates / "filled" / f"photo{number}.png"
        code, said = start(world, place, "add-concept", name, str(photo), "--noun", "dog", "--segment", "none").end()
        if code:
            raise RuntimeError(f"add-concept ended with {code}: {said}")
    return place


def seconds_of_training(world: World, place: Path) -> float:
    """Return how long a training in a copy of this world takes."""
    shutil.copytree(place, copy := place.with_name("timed"))
    begun = time.monotonic()
    code, said = start(world, copy, *TRAIN).end()
    if code:
        raise RuntimeError(f"finetune ended with {code}: {said}")
    return time.monotonic() - begun


def forget_fault(world: World, place: Path, delay: float) -> str | None:
    """Return what is wrong after a subject was forgotten so many seconds after a training began."""
    training = start(world, place, *TRAIN)
    time.sleep(delay)
    forgot, told = start(world, place, "concepts", "forget", "rex", "--yes").end()
    trained, said = training.end()
    if forgot not in (0, REFUSED):
        return f"forget ended with {forgot}: {told[-200:]}"
    if forgot == REFUSED and trained:
        return f"it was refused, and the training ended with {trained}: {said[-200:]}"
    if trained not in (0, 2, 3):
        return f"the training ended with {trained}: {said[-200:]}"
    if forgot == REFUSED:
        again, told = start(world, place, "concepts", "forget", "rex", "--yes").end()
        if again:
            return f"forgetting after the training ended with {again}: {told[-200:]}"
    return _left_unnamed(world, place, told)


def _left_unnamed(world: World, place: Path, told: str) -> str | None:
    """Return a file that holds what was learnt of the forgotten subject, and that nobody named."""
    checkpoints = [path for path in place.glob("home/runs/*/checkpoints/*")]
    if checkpoints:
        return f"a checkpoint is left: {checkpoints[0].relative_to(place)}"
    files, adapters = list(place.glob("home/adapters/*.safetensors")), told.count("Adapter ")
    if len(files) > adapters and not all(str(path.name) in told for path in files):
        return f"{len(files)} adapter files are there, and {adapters} were named: {told[-200:]}"
    found = answer_of(lambda: _statuses(place), place)
    return f"the run is still {found}" if "running" in found else None


def _statuses(place: Path) -> list[str]:
    from concepts.database import Database

    os.environ["STUDIO_USER"] = USER
    with Database.open(place / "home") as database, database.reading() as registry:
        return [run.status for run in registry.runs("default")]


def stopped_run(world: World, place: Path) -> Path:
    """Make a world with a run that was stopped after its first step."""
    two_subjects(world, place)

    def stop() -> int:
        from cli.screen import interrupt

        interrupt.Interrupt.__call__ = lambda self: any(Path("home").glob("runs/*/loss.jsonl"))  # type: ignore[method-assign]  # in a fork
        return world.call(place, TRAIN)

    code, said = Started(stop, place / "said").end()
    if "Stopped after step" not in said:
        raise RuntimeError(f"finetune was not stopped; it ended with {code}: {said}")
    return place


BROKEN_FORGETS = (
    "a link in the place of checkpoints",
    "a link in the place of the run",
    *(f"killed at {call} {number}" for call in ("unlinkat", "rmdir") for number in range(1, 7)),
)
"""How a `forget` may leave checkpoints behind."""


def broken_forget_fault(world: World, place: Path, way: str) -> str | None:
    """Return what is wrong after rex was forgotten in one of these ways: a checkpoint that nobody names."""
    run = next(iter(place.glob("home/runs/*/checkpoints"))).parent
    options: list[str] = []
    if way.startswith("a link"):
        linked = run / "checkpoints" if way.endswith("checkpoints") else run
        linked.rename(place / "disk")
        linked.symlink_to(place / "disk")
    else:
        _, _, call, number = way.split()
        options = inject(Point(call, int(number)), "signal=SIGKILL")
    ended = run_apart(lambda: world.call(place, ("concepts", "forget", "rex", "--yes")), place, options)
    if not any(path.is_file() for path in [*run.glob("checkpoints/*/*"), *place.glob("disk/**/*.pt")]):
        return None
    present = run_apart(lambda: world.call(place, ("concepts", "show", "rex")), place)
    if present.code == 0:  # killed before anything was deleted
        return None
    _, said = start(world, place, "doctor").end()
    named = f"runs/{run.name}" in said
    if ended.code == 0 or not named:
        return f"forget ended with {ended.code}, and the doctor {'names' if named else 'does not name'} a checkpoint"
    return None


def resumed_alone(world: World, place: Path, copy: Path) -> tuple[list[str], float]:
    """Return the adapters of the run if nobody disturbs it, and the seconds it takes."""
    shutil.copytree(place, copy)
    begun = time.monotonic()
    code, said = start(world, copy, "finetune", "--resume").end()
    if code:
        raise RuntimeError(f"finetune --resume ended with {code}: {said}")
    return _adapters(copy), time.monotonic() - begun


def resume_fault(world: World, place: Path, delay: float, whole: list[str]) -> str | None:
    """Return what is wrong after two processes resumed one run."""
    first = start(world, place, "finetune", "--resume")
    time.sleep(delay)
    second = start(world, place, "finetune", "--resume")
    ended: list[Any] = [first.end(), second.end()]
    codes = sorted(code for code, _ in ended)
    if codes not in ([0, 2], [0, 4]):
        return f"they ended with {codes}: {[said[-200:] for _, said in ended]}"
    return None if _adapters(place) == whole else "the adapter has other bits than that of a run alone"


def _adapters(place: Path) -> list[str]:
    return sorted(path.name for path in place.glob("home/adapters/*"))


# Ctrl-C


FIRST = "import os\nfrom cli.start import main\nos.write(3, b'.')\nmain()\n"
"""The entry point, which tells that its first instructions are done."""


def stop_fault(world: World, place: Path, words: Sequence[str], moment: float) -> str | None:
    """Return what is wrong after Ctrl-C at this share of a command's usual time."""
    told, telling = os.pipe()
    env = {**os.environ, "STUDIO_HOME": "home", "STUDIO_STACK": str(world.stack), "STUDIO_USER": USER}
    command = ["bash", "-c", f'exec "$0" -c "$1" "${{@:2}}" 3>&{telling}', sys.executable, FIRST, *words]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=place, env=env, pass_fds=[telling], start_new_session=True, **piped)
    os.close(telling)
    os.read(told, 1)
    os.close(told)
    time.sleep(moment * STOP_SECONDS[words[0]])
    with suppress(ProcessLookupError):  # it ended before the signal
        os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    if process.returncode == 0 or (words[0] == "doctor" and process.returncode in (1, 2)):
        return None if "Traceback" not in said else f"a traceback: {said[-300:]!r}"
    lines = [line for line in said.splitlines() if line and not line.startswith("Written before the stop:")]
    return None if process.returncode == 130 and lines == ["Stopped."] else f"{process.returncode}: {said[-300:]!r}"
