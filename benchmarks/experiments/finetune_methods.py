"""Measure what each way of fine-tuning changes: the demo's subjects, trained in each way, drawn and read by the oracle.

python benchmarks/experiments/finetune_methods.py --seeds 1 2 --steps 200 --out methods.json [--only plain dora]
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.show import demo
from lambda_studio.studio import Studio

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "lora_alpha=64": {"lora_alpha": 64.0},
    "lora_dropout=0.1": {"lora_dropout": 0.1},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "attention-and-convolutions": {"targets": "attention-and-convolutions"},
    "image": {"targets": "image"},
    "snr_gamma=5": {"snr_gamma": 5.0},
    "soft_min_snr": {"snr_gamma": 5.0, "soft_min_snr": True},
    "masked_loss": {"masked_loss": True},
    "logit-normal": {"timestep_sampling": "logit-normal"},
    "variants=4": {"variants": 4},
    "variants=4, random_flip": {"variants": 4, "random_flip": True},
    **{
        f"{conditions}, {rate}": {"conditions": conditions, "learning_rate": float(rate), "targets": "attention"}
        for conditions in ("paper", "prior", "both", "scenes")
        for rate in ("1e-4", "5e-4", "1e-3")
    },
    "both, 5e-4, masked_loss": {
        "conditions": "both", "learning_rate": 5e-4, "targets": "attention", "masked_loss": True,
    },
    "both, 5e-4, attention-and-convolutions": {
        "conditions": "both", "learning_rate": 5e-4, "targets": "attention-and-convolutions",
    },
    "both, 1e-3, attention-and-convolutions": {
        "conditions": "both", "learning_rate": 1e-3, "targets": "attention-and-convolutions",
    },
    "both, 5e-4, variants=4": {"conditions": "both", "learning_rate": 5e-4, "targets": "attention", "variants": 4},
}  # fmt: skip
"""Settings that differ from the miniature's own: rank 32, batches of 8. Mirror images only where it is said."""


def measured(seed: int, steps: int, ways: list[str]) -> dict[str, dict[str, float]]:
    """Return the scores before training and after each way of it, with the seconds that the training took."""
    drawing = GenerateConfig(num_inference_steps=demo.INFERENCE_STEPS, seed=seed)
    reader = load_reader()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        who = {name: demo.subject_of(name) for name in demo.SUBJECTS}
        photos = {name: demo._photographs(who[name], out / "photos" / name, seed) for name in who}
        likenesses = {name: demo._likeness(photos[name], who[name], reader) for name in who}
        with Studio(out / "home", stack="miniature") as studio:
            for name, noun in demo.SUBJECTS.items():
                studio.concepts.add(name, photos[name], noun=noun)

            def scores(adapter: Any, where: str) -> dict[str, float]:
                drawn = demo._draw_all(studio, out / where, adapter, replace(drawing), lambda said: None)
                return asdict(demo._score(drawn, who, likenesses, reader))

            found = {"before": scores("none", "before")}
            for way in ways:
                begun = time.perf_counter()
                config = FinetuneConfig(steps=steps, seed=seed, **{"random_flip": False, **WAYS[way]})
                adapter = studio.finetune(tuple(demo.SUBJECTS), config).adapter
                assert adapter is not None
                seconds = time.perf_counter() - begun
                found[way] = {**scores(adapter.id, way.replace(", ", "-")), "seconds": round(seconds, 1)}
                print(seed, way, found[way], flush=True)
    return found


def summary(runs: list[dict[str, dict[str, float]]], way: str) -> dict[str, list[float]]:
    """Return each score's mean gain over the untrained decoder, and its deviation over the seeds."""
    gains = {name: [run[way][name] - run["before"][name] for run in runs] for name in runs[0]["before"]}
    spread = {
        name: [round(fmean(each), 4), round(stdev(each), 4) if len(each) > 1 else 0.0] for name, each in gains.items()
    }
    return {**spread, "seconds": [round(fmean(run[way]["seconds"] for run in runs), 1)]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    runs = [measured(seed, given.steps, given.only) for seed in given.seeds]
    report = {"seeds": given.seeds, "steps": given.steps, "gains": {way: summary(runs, way) for way in given.only}}
    given.out.write_text(json.dumps({**report, "runs": runs}, indent=1) + "\n")
    print(json.dumps(report, indent=1))
