"""Measure one LoRA on the bench's thirty subjects in any number of steps, and print its gain as JSON.

    python benchmarks/thirty_subjects.py --steps 3000 [--seeds 1000 1001] [--record]

`studio miniature evaluate` does the same in 400 steps. `studio finetune` takes 8,000 for thirty subjects, if it is
given no number. On one CPU core, 3,000 take about 25 minutes.
"""

import argparse
import json
import sys

from measured import add_record_option, over_seeds, record

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.models.stacks.stack import Stack, resolve_stack


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=FinetuneConfig.steps, help="of the training, for all subjects")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1000])
    parser.add_argument("--count", type=int, default=500, help="half as many scenes are drawn before and after")
    parser.add_argument("--inference-steps", type=int, default=8)
    add_record_option(parser)
    asked = parser.parse_args()
    stack, runs = Stack(resolve_stack("miniature"), device="cpu"), []
    for seed in asked.seeds:
        evaluation = Evaluation(stack, load_reader(), asked.count, seed, asked.inference_steps)
        runs.append(evaluation.fine_tuned(asked.steps))
        print(f"seed {seed} done", file=sys.stderr)
    scores = {name: over_seeds([run[name] for run in runs]) for name in runs[0]}
    print(json.dumps({"steps": asked.steps, "seeds": asked.seeds, "scores": scores}, indent=1))
    if asked.record:
        record(f"thirty-subjects-{asked.steps}", "share of right answers; identity: cosine similarity", scores)


if __name__ == "__main__":
    main()
