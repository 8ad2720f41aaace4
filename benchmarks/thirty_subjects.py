"""Measure one LoRA on the bench's thirty subjects, or one on each of them, and print the gain as JSON.

    python benchmarks/thirty_subjects.py [--seeds 1000 1001] [--record]
    python benchmarks/thirty_subjects.py --keep-dressed 2 [--seeds 1000 1001] [--record]
    python benchmarks/thirty_subjects.py --apart [--seeds 1000 1001] [--record]

One LoRA takes 1,500 steps by default, and thirty LoRAs 400 each: the defaults of `studio finetune`. `studio miniature
evaluate` measures one LoRA in 400 steps. On one CPU core, 1,500 steps take about ten minutes.
"""

import argparse
import json
import sys

from measured import add_record_option, over_seeds, record

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.judge.measurements import Evaluation
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.models.stacks.specification import STEPS_FOR_ONE
from lambda_studio.models.stacks.stack import Stack, resolve_stack


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apart", action="store_true", help="one LoRA on each subject")
    parser.add_argument("--steps", type=int, help="of each training")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1000])
    parser.add_argument("--count", type=int, default=500, help="half as many scenes are drawn before and after")
    parser.add_argument("--inference-steps", type=int, default=8)
    parser.add_argument("--keep-dressed", type=int, default=0, help="the same as in studio finetune")
    add_record_option(parser)
    asked = parser.parse_args()
    stack, runs = Stack(resolve_stack("miniature"), device="cpu"), []
    steps = asked.steps or (STEPS_FOR_ONE if asked.apart else stack.spec.steps_for_thirty)
    for seed in asked.seeds:
        evaluation = Evaluation(stack, load_reader(), asked.count, seed, asked.inference_steps)
        config = FinetuneConfig(steps=steps, keep_dressed=asked.keep_dressed)
        runs.append(evaluation.fine_tuned(config, asked.apart))
        print(f"seed {seed} done", file=sys.stderr)
    scores = {name: over_seeds([run[name] for run in runs]) for name in runs[0]}
    way = {"steps": steps, "apart": asked.apart, "keep_dressed": asked.keep_dressed, "seeds": asked.seeds}
    print(json.dumps({**way, "scores": scores}, indent=1))
    if asked.record:
        name = "apart" if asked.apart else "together"
        name += f"-kept-{asked.keep_dressed}" if asked.keep_dressed else ""
        record(f"thirty-subjects-{name}-{steps}", "share of right answers; identity: cosine similarity", scores)


if __name__ == "__main__":
    main()
