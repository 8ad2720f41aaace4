"""Training that is killed or stopped, on a tiny network: what is there can be loaded, and ends with the same bits."""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.reliability.outcome import Harness, Outcome
from tests.reliability.tracing import answer_of, cannot_trace, even, inject, run_apart, write_points

KILLS, STEPS = 1000, 30
METHODS = ("lora", "full")


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Kills by the clock, kills at calls of one save, and a stop after each step."""
    from tests.reliability.world import warm_up

    warm_up()
    stops = [_stopped(method, share, folder / method) for method in METHODS]
    return [_killed(share, folder / "killed", seed), _killed_saving(share, folder / "saving", seed), *stops]


def _killed(share: float, folder: Path, seed: int) -> Outcome:
    """SIGKILL at a random moment of a training that saves after each step."""
    folder.mkdir(parents=True)
    begun = time.monotonic()
    whole = answer_of(lambda: _train(folder / "whole", "lora", 8), folder)
    longest, chance, wrong = time.monotonic() - begun, random.Random(seed), []
    count = max(1, round(KILLS * share))
    for number in range(count):
        if found := _kill_once(folder, whole, chance.random() * longest):
            wrong.append(f"kill {number}: {found}")
        print(f"\r  resume, killed: {number + 1} of {count}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return _outcome(
        "kill -9 while training",
        count,
        wrong,
        KILLS,
        "the resumed run ends with the same bits as a run that was never killed",
    )


def _kill_once(folder: Path, whole: str, delay: float) -> str:
    from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint

    run_folder, begun = folder / "run", folder / "begun"
    shutil.rmtree(run_folder, ignore_errors=True)
    begun.write_text("0")
    if (child := os.fork()) == 0:
        try:
            _train(run_folder, "lora", 8, lambda report: begun.write_text(str(report.step)))
        finally:
            os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    saved = int(begun.read_text() or 1) - 1  # a step is reported before it is saved, after the one before it was
    found = latest_checkpoint(run_folder / "checkpoints")
    if (found.step if found else 0) < saved:
        return f"step {saved} was saved, and {found.step if found else 'nothing'} is there"
    holds_a_run = found is not None or (run_folder / "loss.jsonl").exists()  # begun, and killed before it saved
    try:
        again = answer_of(lambda: _train(run_folder, "lora", 8, resume=holds_a_run), folder)
    except RuntimeError as error:
        return str(error)
    return "" if again == whole else "resumed, it ends with other bits"


def _killed_saving(share: float, folder: Path, seed: int) -> Outcome:
    """SIGKILL at each call of the third save of a run."""
    from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint, save_checkpoint

    fault = "SIGKILL, checkpoint"
    if why := cannot_trace():
        return Outcome(fault=fault, tried=0, right=0, target=0, note=f"Not tried: {why}.")
    folder.mkdir(parents=True)
    place = folder / "checkpoints"

    def save(step: int) -> int:
        save_checkpoint(place, step, {"weights": {"step": step}, "optimizer": {"rate": 0.1 * step}}, {"losses": [step]})
        return 0

    def start() -> None:
        shutil.rmtree(place, ignore_errors=True)
        run_apart(lambda: save(1) + save(2), folder)

    def fault_of(point: Any) -> str:
        start()
        if run_apart(lambda: save(3), folder, inject(point, "signal=SIGKILL")).signal != signal.SIGKILL:
            return "it was not killed"
        found = latest_checkpoint(place)
        if found is None or found.step not in (2, 3) or found.load()["weights"] != {"step": found.step}:
            return "no whole checkpoint is there"
        ended = run_apart(lambda: save(4), folder)
        kept = latest_checkpoint(place)
        if ended.code or kept is None or kept.step != 4:
            return f"again: {ended.err}"
        left = [path.name for path in place.iterdir() if path.name.startswith(".")]
        return f"again: {left[0]} is left" if left else ""

    start()
    points = write_points(lambda: save(3), folder)
    chosen = even(points, share, seed)
    faults = [f"{point.call} {point.number}: {found}" for point in chosen if (found := fault_of(point))]
    note = f"killed before {len(chosen)} of the {len(points)} system calls of a save that can change the disk"
    return _outcome(fault, len(chosen), faults, len(points), note)


def _stopped(method: str, share: float, folder: Path) -> Outcome:
    """A stop after each step, and a resume."""
    folder.mkdir(parents=True)
    whole = answer_of(lambda: _train(folder / "whole", method, STEPS), folder)
    stops, wrong = even(range(1, STEPS), share), []
    for stop in stops:
        place = folder / str(stop)
        answer_of(lambda place=place, stop=stop: _train(place, method, STEPS, stop=stop), folder)
        again = answer_of(lambda place=place: _train(place, method, STEPS, resume=True), folder)
        wrong += [f"stopped after step {stop}: it ends with other bits"] * (again != whole)
    note = f"{STEPS} steps, stopped after each; weights, optimiser and losses have the hashes of an unstopped run"
    return _outcome(f"stopped and resumed, {method}", len(stops), wrong, STEPS - 1, note)


def _train(
    folder: Path, method: str, steps: int, on_step: Any = None, resume: bool = False, stop: int | None = None
) -> str:
    """Train, and give the hash of all that the newest checkpoint holds."""
    from lambda_studio.training.finetuning import finetune_decoder
    from lambda_studio.training.hooks import Hooks
    from tests.lambda_studio.training.test_trainer import _config, _decoder, _digest, _examples, _stop_after

    hooks = Hooks(on_step=on_step) if stop is None else _stop_after(stop)
    config = _config(method=method, steps=steps, checkpoint_every=1)
    finetune_decoder(_decoder(), _examples(), config, folder, resume, hooks)
    return str(_digest(folder))


def _outcome(fault: str, tried: int, wrong: list[str], target: int, note: str) -> Outcome:
    return Outcome(
        fault=fault, tried=tried, right=tried - len(wrong), target=target, wrong=tuple(wrong[:20]), note=note
    )


HARNESSES: dict[str, Harness] = {"resume": run}
