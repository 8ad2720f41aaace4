"""Measure the gain of fine-tuning: run the demo over several seeds, and print its scores before and after as JSON.

python benchmarks/finetune_gain.py --seeds 1 2 3 4 [--conditions both] [--keep-dressed 2] [--record]
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from measured import add_record_option, over_seeds, record

from lambda_studio.config import GenerateConfig
from lambda_studio.miniature.show.demo import STEPS, run_demo
from lambda_studio.models.stacks.stack import BUILT_IN

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4])
parser.add_argument("--steps", type=int, default=STEPS)
parser.add_argument("--learning-rate", type=float, help="instead of the miniature's own")
parser.add_argument("--conditions", choices=["paper", "prior", "both", "scenes"], help="the embeddings to learn from")
parser.add_argument("--keep-dressed", type=int, help="the same as in studio finetune")
add_record_option(parser)
arguments = parser.parse_args()
if arguments.learning_rate:
    BUILT_IN["miniature"].finetune["learning_rate"] = arguments.learning_rate
if arguments.conditions:
    BUILT_IN["miniature"].finetune["conditions"] = arguments.conditions
if arguments.keep_dressed:
    BUILT_IN["miniature"].finetune["keep_dressed"] = arguments.keep_dressed

runs = []
for seed in arguments.seeds:
    with tempfile.TemporaryDirectory() as folder:
        result = run_demo(
            Path(folder) / "home",
            Path(folder),
            seed=seed,
            steps=arguments.steps,
            num_inference_steps=GenerateConfig.num_inference_steps,
        )
    runs.append({"seed": seed, "before": asdict(result.before), "after": asdict(result.after)})
    print(f"seed {seed} done", file=sys.stderr)

scores = {}
for name in runs[0]["before"]:
    before, after = ([run[when][name] for run in runs] for when in ("before", "after"))
    gains = [then - now for now, then in zip(before, after, strict=True)]
    scores[name] = {"before": over_seeds(before), "after": over_seeds(after), "gain": over_seeds(gains)}
asked = {"steps": arguments.steps, "keep_dressed": arguments.keep_dressed or 0}
print(json.dumps({**asked, "seeds": arguments.seeds, "scores": scores}, indent=1))
if arguments.record:
    kept = f"kept-{arguments.keep_dressed}" if arguments.keep_dressed else None
    steps = f"steps-{arguments.steps}" if arguments.steps != STEPS else None
    name = "-".join(each for each in ("demo-fine-tuning", arguments.conditions, kept, steps) if each)
    record(name, "share of right answers; identity: cosine similarity", scores)
