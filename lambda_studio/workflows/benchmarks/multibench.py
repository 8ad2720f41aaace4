"""Multibench from a folder of subjects: its prompts as far as there are subjects, drawn, scored, or written down."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from concepts.durable import make_folder, staged_file
from lambda_studio.config import BenchmarkConfig, require
from lambda_studio.errors import OutputExists
from lambda_studio.evaluation.benchmarks.multibench import (
    MultibenchPrompt,
    categories,
    compositions,
    prompts,
    published_subjects,
)
from lambda_studio.workflows.answers.benchmarks import WrittenPrompts
from lambda_studio.workflows.benchmarks.benchmark import Benchmark
from lambda_studio.workflows.benchmarks.instances import instances_in
from lambda_studio.workflows.benchmarks.results.cells import Cell
from lambda_studio.workflows.benchmarks.results.scores import OVER_PICTURES
from lambda_studio.workflows.benchmarks.subjects import BenchSubject

TOGETHER = (2, 3)
RECONSTRUCTED = (
    "The compositions of two subjects are a reconstruction, not the paper's: one of several that agree with Table 9. "
    "The paper's 904 prompts cannot be derived."
)
ENDS = (".txt", ".jsonl")


def multibench_in(folder: Path, config: BenchmarkConfig, together: int) -> Benchmark:
    """Return the benchmark of the subjects in a folder. Raises InvalidSetting."""
    require(config.mean == "macro", "mean is pairs, which is for prompts with one subject.", "Give macro.", "mean")
    require(not config.unique_token, "unique_token is for DreamBench.", "Leave it out.", "unique_token")
    found = instances_in(folder, config.subjects)
    asked = _prompts(found.by_category, together, config)
    notes = (*found.notes, *_labels(found.by_category, asked, together))
    require(bool(asked), f"{folder} has the subjects of no prompt. {' '.join(notes)}", "Add folders of subjects.")
    names = dict.fromkeys(name for each in asked for name in each.subjects)
    subjects = {name: BenchSubject(name, found.nouns[name], found.photographs(name), found.one(name)) for name in names}
    about = {
        "together": together,
        "subjects": ", ".join(names),
        "prompts": f"{', '.join(config.prompts) or 'all'} of {len(compositions(together))} compositions",
    }
    words = ("multibench", str(folder), "--together", str(together))
    return Benchmark("multibench", subjects, tuple(map(_cell, asked)), about, words, OVER_PICTURES, notes)


def write_prompts(out: Path, folder: Path | None, config: BenchmarkConfig, together: int) -> WrittenPrompts:
    """Write prompts into a new file. Raises InvalidSetting, OutputExists."""
    require(out.suffix.lower() in ENDS, f"{out} is no .txt or .jsonl.", "Give a name that ends so.", "write_prompts")
    found = instances_in(folder, config.subjects) if folder else None
    by_category = found.by_category if found else {each: published_subjects(each) for each in categories()}
    asked = _prompts(by_category, together, config)
    labels = _labels(by_category, asked, together)
    notes = (*found.notes, *labels) if found else (*_about_published(together), *labels)
    if out.suffix.lower() == ".jsonl":
        lines = [_line(each, notes) for each in asked]
    else:  # where `generate` takes them for comments
        lines = [*(f"# {note}" for note in notes), *(_cell(each).prompt for each in asked)]
    make_folder(out.parent)
    try:
        with staged_file(out) as staged:
            staged.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except FileExistsError as error:
        raise OutputExists(f"{out} exists.", "Give another name.") from error
    used = len({each.number for each in asked})
    return WrittenPrompts(out, together, used, len(compositions(together)), len(asked), notes)


def _prompts(
    by_category: Mapping[str, Sequence[str]], together: int, config: BenchmarkConfig
) -> list[MultibenchPrompt]:
    require(together in TOGETHER, f"together is {together}.", "Give 2 or 3.", "together")
    asked = compositions(together)
    config.require_numbers(range(1, len(asked) + 1))
    every = prompts(asked, by_category)
    return [each for each in every if not config.numbers or each.number in config.numbers]


def _cell(asked: MultibenchPrompt) -> Cell:
    composition = asked.composition
    return Cell(
        key=f"{asked.number:03}/{'+'.join(asked.subjects)}",
        subjects=asked.subjects,
        prompt=composition.template.format(*(f"<{name}>" for name in asked.subjects)),
        text=composition.text,
        facts={"composition": asked.number, "template": composition.template},
    )


def _line(asked: MultibenchPrompt, notes: Sequence[str]) -> str:
    cell, composition = _cell(asked), asked.composition
    nouns = dict(zip(asked.subjects, composition.categories, strict=True))
    said = {"key": cell.key, "prompt": cell.prompt, "text": cell.text, "subjects": nouns, **cell.facts, "notes": notes}
    return json.dumps(said, ensure_ascii=False)


def _labels(
    by_category: Mapping[str, Sequence[str]], asked: Sequence[MultibenchPrompt], together: int
) -> tuple[str, ...]:
    """Return what must be read with scores and prompts: of a part of the benchmark, and of a reconstruction."""
    every = compositions(together)
    needed = dict.fromkeys(category for each in every for category in each.categories)
    missing = [category for category in needed if not by_category.get(category)]
    because = f", because there is no {', '.join(missing)}" if missing else ""
    used = len({each.number for each in asked})
    published = sum(1 for _ in prompts(every, {each: published_subjects(each) for each in needed}))
    restricted = (
        f"Restricted to {used} of {len(every)} compositions{because}, with {len(asked):,} prompts in place of "
        f"{published:,}: the scores are not Multibench's."
    )
    differs = used < len(every) or len(asked) != published
    return ((restricted,) if differs else ()) + ((RECONSTRUCTED,) if together == 2 else ())


def _about_published(together: int) -> tuple[str, ...]:
    chosen = (
        "Which four of DreamBench's eight plushies and toys the paper takes is not published: these are one choice."
    )
    return (chosen,) if together == 3 else ()
