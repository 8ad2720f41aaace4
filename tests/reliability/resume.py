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
WAY_STEPS = 12
WAYS: dict[str, dict[str, Any]] = {
    "EMA": {"ema_decay": 0.9},
    "EMA, full": {"method": "full", "ema_decay": 0.9},
    "schedule": {"lr_scheduler": "cosine", "lr_warmup_steps": 3},
    "schedule, full": {"method": "full", "lr_scheduler": "cosine", "lr_warmup_steps": 3},
    "dropout": {"lora_dropout": 0.3},
    "DoRA": {"use_dora": True},
    "rsLoRA": {"use_rslora": True, "lora_alpha": 4, "targets": "attention-and-convolutions"},
    "weights": {"weights": {"rex": 2.0}},
    "masked loss": {"masked_loss": True},
    "min-SNR": {"snr_gamma": 5.0, "timestep_sampling": "logit-normal"},
    "Adagrad": {"optimizer": "torch.optim:Adagrad"},
    "all together": {
        "gradient_accumulation_steps": 3,
        "ema_decay": 0.9,
        "lr_scheduler": "cosine",
        "lora_dropout": 0.3,
        "use_dora": True,
        "weights": {"rex": 2.0},
        "masked_loss": True,
        "snr_gamma": 5.0,
    },
}
"""Settings that keep a state or change what is drawn, each beside those of the trainer's tests."""
LORA = {"method": "lora", "steps": 8}
ACCUMULATED: dict[str, Any] = {"ema_decay": 0.9, "lr_scheduler": "cosine", "gradient_accumulation_steps": 3}


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Kills by the clock, kills at calls of one save, and a stop after each step."""
    from tests.reliability.world import warm_up

    warm_up()
    return [
        _killed(share, folder / "killed", seed),
        _killed_saving(share, folder / "saving", seed),
        *(_stopped(method, {"method": method}, STEPS, share, folder / method) for method in METHODS),
        *(_stopped(way, settings, WAY_STEPS, share, folder / way) for way, settings in WAYS.items()),
        *(_accumulating(method, share, folder / f"accumulating-{method}") for method in METHODS),
    ]


def _killed(share: float, folder: Path, seed: int) -> Outcome:
    """SIGKILL at a random moment of a training that saves after each step."""
    folder.mkdir(parents=True)
    begun = time.monotonic()
    whole = answer_of(lambda: _train(folder / "whole", LORA), folder)
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
    from lambda_studio.training.hooks import Hooks

    run_folder, begun = folder / "run", folder / "begun"
    shutil.rmtree(run_folder, ignore_errors=True)
    begun.write_text("0")
    if (child := os.fork()) == 0:
        try:
            _train(run_folder, LORA, hooks=Hooks(on_step=lambda report: begun.write_text(str(report.step))))
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
        again = answer_of(lambda: _train(run_folder, LORA, resume=holds_a_run), folder)
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


def _stopped(name: str, settings: dict[str, Any], steps: int, share: float, folder: Path) -> Outcome:
    """A stop after each step, and a resume."""
    from tests.lambda_studio.training.test_trainer import _stop_after

    folder.mkdir(parents=True)
    settings = {**settings, "steps": steps}
    whole = answer_of(lambda: _train(folder / "whole", settings), folder)
    stops, wrong = even(range(1, steps), share), []
    for stop in stops:
        place = folder / str(stop)
        answer_of(lambda place=place, stop=stop: _train(place, settings, hooks=_stop_after(stop)), folder)
        again = answer_of(lambda place=place: _train(place, settings, resume=True), folder)
        wrong += [f"stopped after step {stop}: it ends with other bits"] * (again != whole)
    note = f"{steps} steps, stopped after each; weights, optimiser and losses have the hashes of an unstopped run"
    return _outcome(f"stopped and resumed, {name}", len(stops), wrong, steps - 1, note)


def _accumulating(method: str, share: float, folder: Path) -> Outcome:
    """SIGKILL at each of the passes whose gradients make a step, and a resume."""
    folder.mkdir(parents=True)
    settings = {**ACCUMULATED, "method": method, "steps": WAY_STEPS}
    whole = answer_of(lambda: _train(folder / "whole", settings), folder)
    passes = WAY_STEPS * ACCUMULATED["gradient_accumulation_steps"]
    kills = even(range(ACCUMULATED["gradient_accumulation_steps"], passes), share)
    wrong = []
    for kill in kills:
        place = folder / str(kill)
        if run_apart(lambda place=place, kill=kill: _die(place, settings, kill), folder).signal != signal.SIGKILL:
            wrong.append(f"pass {kill}: it was not killed")
            continue
        again = answer_of(lambda place=place: _train(place, settings, resume=True), folder)
        wrong += [f"killed at pass {kill}: it ends with other bits"] * (again != whole)
    note = f"{WAY_STEPS} steps of 3 passes each, with EMA and a schedule, killed at each pass after the first step"
    return _outcome(f"kill -9 while accumulating, {method}", len(kills), wrong, passes - 3, note)


def _die(folder: Path, settings: dict[str, Any], kill: int) -> int:
    """Train, and end this process by SIGKILL when pass `kill` (from 0) is to begin."""
    from lambda_studio.training.objectives.objectives import DecoderObjective

    begin = DecoderObjective.losses

    def losses(self: Any, model: Any, at: Any) -> Any:
        if at.number == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return begin(self, model, at)

    DecoderObjective.losses = losses  # type: ignore[method-assign]  # this process ends with it
    _train(folder, settings)
    return 0


def _train(folder: Path, settings: dict[str, Any], resume: bool = False, hooks: Any = None) -> str:
    """Train, and give the hash of all that the newest checkpoint holds."""
    from lambda_studio.training.finetuning import finetune_decoder
    from lambda_studio.training.hooks import NO_HOOKS
    from tests.lambda_studio.training.test_trainer import _config, _decoder, _digest, _masked_examples

    config = _config(**{"checkpoint_every": 1, **settings})
    finetune_decoder(_decoder(), _masked_examples(), config, folder, resume, hooks or NO_HOOKS)
    return str(_digest(folder))


def _outcome(fault: str, tried: int, wrong: list[str], target: int, note: str) -> Outcome:
    return Outcome(
        fault=fault, tried=tried, right=tried - len(wrong), target=target, wrong=tuple(wrong[:20]), note=note
    )


HARNESSES: dict[str, Harness] = {"resume": run}
