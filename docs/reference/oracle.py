"""The page about the oracle's errors on drawn pictures, from docs/measured.json and the labels' own words."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.reference.markdown import NOTICE, table

ROOT = Path(__file__).parents[2]
LABELS = ROOT / "benchmarks" / "judge_labels.json"
NAMES = {
    "noun": "noun", "main": "main colour", "pattern": "pattern", "worn": "clothing", "place": "background",
    "both_nouns": "both nouns", "both_main": "both main colours",
}  # fmt: skip
GROUPS = ("one", "two")
AGREEMENT = (
    "subjects", "question", "answers", "unclear", "agree, drawn", "agree, rendered", "reader", "oracle",
    "oracle on drawn",
)  # fmt: skip
CONFUSION = ("subjects", "question", "the reader saw", "the oracle said")
CORRECTED = (
    "figure", "card", "by the labels", "bounds", "Rogan-Gladen", "unclear, of", "reader", "reader's errors taken out",
)  # fmt: skip


def oracle_page() -> str:
    """Return the page with agreement, confusions and corrected figures."""
    entry = json.loads((ROOT / "docs" / "measured.json").read_text(encoding="utf-8"))["judge-pictures"]
    labels, found = json.loads(LABELS.read_text(encoding="utf-8")), entry["values"]
    return "\n".join([
        f"# The oracle's errors on drawn pictures\n\n{NOTICE}\n",
        f"`{entry['command']}`, {entry['date']}, commit {entry['commit']}. The pictures are drawn by the weights "
        f"{labels['weights'][:12]}, and were labelled on {labels['date']}:\n\n> {labels['read']}\n",
        "Decision [0065](../decisions/0065-the-oracles-error-on-drawn-pictures.md) says how, and has the numbers of "
        "earlier weights. Ranges are 95 % bootstrap intervals over pictures.\n",
        "## How often they agree\n",
        "*Agree* is the share of equal answers of oracle and reader, without unclear ones. *Reader* and *oracle* are "
        "the shares of right answers on rendered pictures. *Oracle on drawn* is the oracle's share there, plus the "
        "agreement on drawn pictures, less that on rendered ones.\n",
        table(AGREEMENT, (_agreement(found[group], group, name) for group in GROUPS for name in found[group])),
        "## Confusions on drawn pictures\n",
        "Each answer in which oracle and reader differ, of the clear ones, with how often.\n",
        table(CONFUSION, (row for group in GROUPS for row in _confusions(found[group], group))),
        "## The card's figures\n",
        "The card's share, plus the mean difference of reader and oracle over clear pictures of the same kind. The "
        "bounds count unclear pictures as wrong and as right. Rogan and Gladen's estimate needs ten wrong pictures. "
        "The [model card](../model-card.md) has these corrections beside its figures.\n",
        table(CORRECTED, (_corrected(kind, *each) for kind, of in found["corrected"].items() for each in of.items())),
    ])  # fmt: skip


def _agreement(found: Mapping[str, Any], group: str, name: str) -> list[str]:
    values = found[name]
    shares = [_ranged(values, key) for key in ("agreement", "rendered_agreement", "reader", "oracle", "drawn")]
    return [group, NAMES[name], str(values["answers"]), f"{values['unclear']:.2f}", *shares]


def _confusions(found: Mapping[str, Any], group: str) -> Iterator[list[str]]:
    for name, values in found.items():
        seen: dict[str, list[str]] = {}
        for pair, count in values["confusion"].items():
            reader, _, oracle = pair.partition(" as ")
            seen.setdefault(reader, []).append(f"{oracle} {count}")
        yield from ([group, NAMES[name], reader, ", ".join(said)] for reader, said in seen.items())


def _corrected(kind: str, name: str, values: Mapping[str, Any]) -> list[str]:
    ratio = f"{values['rogan_gladen']:.2f}" if "rogan_gladen" in values else "too few"
    bounds = f"{values['lowest']:.2f} to {values['highest']:.2f}"
    unclear = f"{values['unclear']}, {values['pictures']}"
    reader = f"{values['reader']:.2f} of {values['rendered']}"
    figure = f"{kind}: {NAMES[name]}"
    labels, true = _ranged(values, "labels"), _ranged(values, "true")
    return [figure, f"{values['card']:.2f}", labels, bounds, ratio, unclear, reader, true]


def _ranged(values: Mapping[str, Any], name: str) -> str:
    """Return a share with its interval."""
    return f"{values[name]:.2f} ({values[f'{name}_low']:.2f} to {values[f'{name}_high']:.2f})"
