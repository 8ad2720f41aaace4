"""Measure Kandinsky 2.2 at its real size, on random weights that are drawn on the device: nothing is downloaded.

Rows: fine-tuning (ours, and the public script's work in each step), drawing (ours, diffusers' pipeline, the official
flow), adding photographs (CLIP bigG), the λ prior and its training. A row has the median of its repeats, the slowest
and the fastest, the time of its phases, the share of the device's measured bf16 peak (recomputed operations count),
and the peak of the allocated memory. The most important rows come first. A row that fails says why, and the next goes
on.

Products of float32 matrices are in TF32, as `studio` computes them. They are exact in rows named fp32, and in those of
the public script and the official flow. `fp32_products` of a row in the JSON file says which (`high` is TF32).

    python benchmarks/full_size.py --out full-size.json               # a GPU of 80 GB: two and a half minutes
    python benchmarks/full_size.py --rows "ours, lora"                # some rows only
    python benchmarks/full_size.py --device cpu --tiny                # the same code on tiny networks
"""

from kandinsky import drawing, finetuning, goals, photographs, prior, public_script
from kandinsky.command import options, run

ROWS = [
    *finetuning.MAIN,
    *prior.MAIN,
    *drawing.MAIN,
    *public_script.MAIN,
    *photographs.MAIN,
    *drawing.OTHERS,
    *public_script.OTHERS,
    *prior.OTHERS,
    *finetuning.OTHERS,
    *photographs.OTHERS,
]


def main() -> None:
    """Run the benchmark."""
    report = run(options(__doc__, seconds=145).parse_args(), ROWS)
    report.compare(goals.GOALS)


if __name__ == "__main__":
    main()
