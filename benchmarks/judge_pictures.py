"""How often is the miniature's oracle wrong on drawn pictures? On 300 that a multimodal model labelled.

    python benchmarks/judge_pictures.py [--out FOLDER] [--record]

Subjects that no training saw are drawn with references and in words, one and two of them. `judge_labels.json` says
what a reader saw in them, and in 60 rendered pictures that were mixed among them. The demo's 48 pictures, before and
after its fine-tuning, follow, with the colours of their parts. `--out` writes the numbered sheets
that were read, an empty form for labels, and what was asked and what the oracle answers.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from judge.labels import load_labels, mean_colour, require_labelled, weights_sha256, written
from judge.looks import UNCLEAR, read_content
from judge.pictures import DEMO, Asked, asked_pictures
from judge.report import Study, agreements, corrected, details
from judge.sheets import write_sheets
from measured import add_record_option, record

from lambda_studio.miniature.judge.measures import PictureReader
from lambda_studio.miniature.judge.oracle import Reading
from lambda_studio.miniature.judge.report import load_quality
from lambda_studio.miniature.world.identities import PARTS
from lambda_studio.models.stacks.stack import WEIGHTS, Stack, resolve_stack

LABELS = Path(__file__).with_name("judge_labels.json")


def main() -> None:
    """Draw the pictures, compare oracle and labels, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write sheets, a form, and what was asked")
    add_record_option(parser)
    options = parser.parse_args()
    made = asked_pictures(Stack(resolve_stack("miniature"), device="cpu", dtype=torch.float32))
    images = [each.image for each in made]
    reading = PictureReader().read(images)
    if options.out:
        write(options.out, made, reading)
    labels = load_labels(LABELS)
    require_labelled(labels, weights_sha256(WEIGHTS), images)
    study = Study([each.kind for each in made], [each.content for each in made], labels.contents, reading)
    found = {
        **{group: agreements(study, group) for group in ("one", "two")},
        "corrected": corrected(study, load_quality()),
        "details": {when: details(study, kind) for when, kind in DEMO.items()},
    }
    print_tables(found)
    if options.record:
        record("judge-pictures", "shares of answers; _low and _high: 95 % bootstrap intervals over pictures", found)


def write(folder: Path, made: list[Asked], reading: Reading) -> None:
    """Write the sheets, an empty form for labels, and what was asked and answered."""
    images = [each.image for each in made]
    write_sheets(images, folder)
    empty = [[UNCLEAR, [UNCLEAR] * (4 + len(PARTS) * (each.kind in DEMO.values()))] for each in made]
    form = {"about": "", "read": "", "date": "", "weights": weights_sha256(WEIGHTS)}
    (folder / "form.json").write_text(written(form, [mean_colour(image) for image in images], empty), encoding="utf-8")
    asked = [
        {
            "picture": number, "kind": each.kind, "prompt": each.prompt, "asked": asdict(each.content),
            "oracle": asdict(read_content(reading, number, len(each.content.subjects))),
        }
        for number, each in enumerate(made)
    ]  # fmt: skip
    (folder / "asked.json").write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def print_tables(found: dict[str, Any]) -> None:
    """Print the agreement of oracle and reader, and the corrected figures."""
    print(
        "| subjects | question | answers | unclear | agree, drawn | agree, rendered | reader | oracle | oracle, drawn |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for group in ("one", "two"):
        for question, values in found[group].items():
            shares = [ranged(values, name) for name in ("agreement", "rendered_agreement", "reader", "oracle", "drawn")]
            print(f"| {group} | {question} | {values['answers']} | {values['unclear']} | {' | '.join(shares)} |")
            print(f"    {', '.join(f'{what} {count}' for what, count in values['confusion'].items())}")
    print("\n| figure | card | unclear | by labels | bounds | Rogan-Gladen | reader | without the reader's errors |")
    print("|---|---|---|---|---|---|---|---|")
    for measurement, figures in found["corrected"].items():
        for figure, values in figures.items():
            bounds = f"{values['lowest']:.2f} to {values['highest']:.2f}"
            ratio = f"{values['rogan_gladen']:.2f}" if "rogan_gladen" in values else "too few"
            print(
                f"| {measurement} {figure} | {values['card']:.3f} | {values['unclear']} of {values['pictures']} | "
                f"{ranged(values, 'labels')} | {bounds} | {ratio} | {values['reader']:.2f} of {values['rendered']} | "
                f"{ranged(values, 'true')} |"
            )

    print("\n| details of the demo | subjects | right by the oracle | unclear | right by the reader | agree |")
    print("|---|---|---|---|---|---|")
    for when, values in found["details"].items():
        print(
            f"| {when} | {values['subjects']} | {values['oracle']:.2f} | {values['unclear']} | "
            f"{values['reader']:.2f} | {values['agreement']:.2f} |"
        )


def ranged(values: dict[str, Any], name: str) -> str:
    """Return a share with its interval."""
    return f"{values[name]:.2f} ({values[f'{name}_low']:.2f} to {values[f'{name}_high']:.2f})"


if __name__ == "__main__":
    main()
