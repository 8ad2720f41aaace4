"""How much fine-tuning helps: the demo over several seeds, its scores before and after as JSON.

python benchmarks/finetune_gain.py --seeds 1 2 3
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from lambda_studio.miniature.demo import STEPS, run_demo
from lambda_studio.models.stack import BUILT_IN

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
parser.add_argument("--steps", type=int, default=STEPS)
parser.add_argument("--learning-rate", type=float, help="in place of the miniature's own")
arguments = parser.parse_args()
if arguments.learning_rate:
    BUILT_IN["miniature"].finetune["learning_rate"] = arguments.learning_rate

runs = []
for seed in arguments.seeds:
    with tempfile.TemporaryDirectory() as folder:
        result = run_demo(Path(folder) / "home", Path(folder), seed=seed, steps=arguments.steps)
    runs.append({"seed": seed, "before": asdict(result.before), "after": asdict(result.after)})
    print(f"seed {seed} done", file=sys.stderr)

summary = {}
for name in runs[0]["before"]:
    gains = [run["after"][name] - run["before"][name] for run in runs]
    summary[name] = {
        "before": round(statistics.mean(run["before"][name] for run in runs), 3),
        "after": round(statistics.mean(run["after"][name] for run in runs), 3),
        "gain": round(statistics.mean(gains), 3),
        "gain_of_each_seed": [round(gain, 3) for gain in gains],
    }
print(json.dumps({"steps": arguments.steps, "seeds": arguments.seeds, "scores": summary}, indent=1))
