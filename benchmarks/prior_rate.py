"""Measure the rate of the λ prior's training by Eq. 1 at batch 512, beside the paper's.

The paper trains 100,000 iterations with 512 samples on each of two A100, in 74 GPU hours. Here weights and features are
random and on the device, so the loading of features is not in the rate.

    python benchmarks/prior_rate.py --out prior-rate.json
    python benchmarks/prior_rate.py --device cpu --tiny
"""

from kandinsky import prior
from kandinsky.command import options, run


def main() -> None:
    """Run the benchmark."""
    report = run(options(__doc__, seconds=60).parse_args(), [*prior.MAIN, *prior.OTHERS])
    for name, row in report.rows.items():
        if "steps_per_second" in row:
            hours, theirs = row["gpu_hours_for_the_papers_samples"], row["the_papers_gpu_hours_on_a100"]
            rate = f"{row['steps_per_second']:.2f} steps/s, {row['samples_per_second']['median']:,.0f} samples/s"
            print(f"{name}: {rate}; the paper's samples in {hours} GPU hours here, in {theirs} on its A100")


if __name__ == "__main__":
    main()
