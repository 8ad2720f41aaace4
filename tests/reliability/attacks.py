"""What gave way under attack, attacked again: code among photos, forged embeddings, forgetting beside training."""

import random
import shutil
from pathlib import Path

from tests.reliability import attack_cases, foreign_texts
from tests.reliability.judging import Tally
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.tracing import cannot_trace, even
from tests.reliability.world import World, made_world

FORGETS, RESUMES, STOPS = 60, 40, 60


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Every attack, each on a fresh copy of a world."""
    world = made_world()
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _decoys(world, folder, share),
        _forgeries(world, folder, share),
        _foreign(world, folder, share),
        _stops(world, folder, share, seed),
    ]


def run_beside_training(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Attacks on a training that runs."""
    world = made_world()
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _forgets(world, folder, share, seed),
        _broken_forgets(world, folder, share, seed),
        _resumes(world, folder, share, seed),
    ]


def _decoys(world: World, folder: Path, share: float) -> Outcome:
    """Files with names of modules in the current folder of each command."""
    tally, commands = Tally(), attack_cases.DECOY_COMMANDS
    for words in commands[: max(1, round(len(commands) * share))]:
        executed = attack_cases.executed_decoys(world, folder / "decoys", words)
        for name in attack_cases.DECOYS:
            tally.judge(f"{words[0]}, {name}.py", f"it was executed: {executed[name]}" if name in executed else None)
    target = len(commands) * len(attack_cases.DECOYS)
    return tally.outcome(
        "a module in the current folder",
        target,
        "the commands add-concept, import, generate, finetune and doctor, each as a process",
    )


def _forgeries(world: World, folder: Path, share: float) -> Outcome:
    """Another user's forgery before and after the genuine bundle, of both bundle shapes."""
    tally, cases = Tally(), attack_cases.FORGERIES
    for number, case in enumerate(cases[: max(1, round(len(cases) * share))]):
        tally.judge(" ".join(case), attack_cases.forgery_fault(world, folder / f"forgery{number}", *case))
    note = "pictures and exports use the signed bundle's own embedding; on SQLite (the tests: PostgreSQL)"
    return tally.outcome("another user's forged embedding", len(cases), note)


def _forgets(world: World, folder: Path, share: float, seed: int) -> Outcome:
    """A subject is forgotten at a random moment of a training on it and another."""
    tally, chance = Tally(), random.Random(seed)
    place = attack_cases.two_subjects(world, folder / "forgets")
    longest = attack_cases.seconds_of_training(world, place)
    for number in range(max(1, round(FORGETS * share))):
        shutil.rmtree(here := folder / "forget", ignore_errors=True)
        shutil.copytree(place, here)
        tally.judge(f"forget {number}", attack_cases.forget_fault(world, here, chance.random() * longest))
    note = "at random moments: forget is refused during the training, or it lists every adapter file that remains"
    return tally.outcome("forget beside fine-tune", FORGETS, note)


def _broken_forgets(world: World, folder: Path, share: float, seed: int) -> Outcome:
    """A subject of a stopped run is forgotten, and its checkpoints cannot be deleted, or not all."""
    tally = Tally()
    if why := cannot_trace():
        return tally.outcome("forget that is cut off", 0, f"Not tried: {why}.")
    place, ways = attack_cases.stopped_run(world, folder / "stopped-run"), attack_cases.BROKEN_FORGETS
    for way in even(ways, share, seed):
        shutil.rmtree(here := folder / "broken", ignore_errors=True)
        shutil.copytree(place, here)
        tally.judge(way, attack_cases.broken_forget_fault(world, here, way))
    note = (
        "killed at each call that deletes, or the checkpoints are on another disk: forget or doctor names what is left"
    )
    return tally.outcome("forget that is cut off", len(ways), note)


def _resumes(world: World, folder: Path, share: float, seed: int) -> Outcome:
    """A stopped run is resumed by two processes, one a random moment after the other."""
    tally, chance = Tally(), random.Random(seed)
    place = attack_cases.stopped_run(world, folder / "resumes")
    whole, longest = attack_cases.resumed_alone(world, place, folder / "alone")
    for number in range(max(1, round(RESUMES * share))):
        shutil.rmtree(here := folder / "resume", ignore_errors=True)
        shutil.copytree(place, here)
        tally.judge(f"resume {number}", attack_cases.resume_fault(world, here, chance.random() * longest, whole))
    note = "one process trains to the same bits as alone; the other is refused and changes nothing"
    return tally.outcome("two processes resume one run", RESUMES, note)


def _foreign(world: World, folder: Path, share: float) -> Outcome:
    """Texts that a terminal takes for commands, in every place where a stranger can put a text."""
    tally, places = Tally(), foreign_texts.PLACES
    folder = folder / "foreign"
    for text in foreign_texts.TEXTS[: max(1, round(len(foreign_texts.TEXTS) * share))]:
        for name, fault in foreign_texts.faults(world, folder, text):
            tally.judge(f"{name}, {text!r}", fault)
    note = "in files, folders, bundles, paths, names and prompts; output and errors are read, with and without --json"
    return tally.outcome("foreign text on the terminal", 2 * len(places) * len(foreign_texts.TEXTS), note)


def _stops(world: World, folder: Path, share: float, seed: int) -> Outcome:
    """Ctrl-C at a random moment of a process, from its first instruction on."""
    tally, chance = Tally(), random.Random(seed)
    for number in range(max(1, round(STOPS * share))):
        words = attack_cases.STOPPED[number % len(attack_cases.STOPPED)]
        place = world.fresh("filled", folder / "stopped")
        tally.judge(f"{words[0]}, stop {number}", attack_cases.stop_fault(world, place, words, chance.random()))
    return tally.outcome(
        "Ctrl-C at a random moment",
        STOPS,
        "the command ends with exit code 130 and one line, or with its answer; never with a traceback",
    )


HARNESSES: dict[str, Harness] = {"attacks": run, "attacks beside training": run_beside_training}
