"""DreamBench from DreamBooth's folder: its subjects that are there, and its prompts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lambda_studio.bundles.layouts.dreambench import CLASSES, read_text
from lambda_studio.config import BenchmarkConfig, require
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.benchmarks.dreambench import KOSMOS_G, DreamBench, read_dreambench
from lambda_studio.workflows.benchmarks.benchmark import Benchmark
from lambda_studio.workflows.benchmarks.results.cells import Cell
from lambda_studio.workflows.benchmarks.subjects import BenchSubject, pictures_in

WHERE = "Give DreamBooth's folder `dataset`: git clone https://github.com/google/dreambooth"


def dreambench_in(folder: Path, config: BenchmarkConfig) -> Benchmark:
    """Return the benchmark of a folder. Raises InvalidSetting for a wrong file and for a missing subject."""
    read = read_file(folder)
    chosen = _chosen(folder, read, config.subjects)
    config.require_numbers(range(1, max(len(read.objects), len(read.live)) + 1))
    subjects = {name: _subject(folder / name, read.nouns[name], config) for name in chosen}
    cells = tuple(cell for name in chosen for cell in _cells(name, read, config))
    require(bool(cells), "prompts names no prompt of the file.", "Numbers count from 1.", "prompts")
    missing = [name for name in read.nouns if name not in chosen]
    note = f"It has {len(chosen)} of {len(read.nouns)} subjects. Without: {', '.join(missing)}."
    subjects_said = f"{len(chosen)} of {len(read.nouns)}: {', '.join(chosen)}"
    about = {"subjects": subjects_said, "prompts": _numbers(config, read)}
    only = ", ".join(config.prompts)
    limited = (
        f"It has the prompt {min(config.numbers)} only."
        if len(config.numbers) == 1
        else (f"It has the prompts {only} only.")
    )
    notes = (note,) * bool(missing) + (limited,) * bool(config.prompts)
    return Benchmark("dreambench", subjects, cells, about, ("dreambench", str(folder)), notes=notes)


def read_file(folder: Path) -> DreamBench:
    """Return the subjects and prompts of a folder's file. Raises InvalidSetting."""
    try:
        return read_dreambench(read_text(folder / CLASSES))
    except OSError as error:
        raise InvalidSetting(f"{folder / CLASSES} cannot be read ({error.strerror}).", WHERE) from error
    except ValueError as error:
        raise InvalidSetting(f"{folder / CLASSES} is not DreamBench's file: {error}.", WHERE) from error


def _chosen(folder: Path, read: DreamBench, wished: Sequence[str]) -> list[str]:
    """Return the names of the subjects that are there, or those of them that are wished."""
    there = [name for name in read.nouns if (folder / name).is_dir() and pictures_in(folder / name)]
    unknown = [name for name in wished if name not in there]
    has = f"It has photographs of: {', '.join(there)}." if there else WHERE
    require(not unknown, f"{folder} has no photographs of {', '.join(unknown)[:200]}.", has, "subjects")
    require(bool(there), f"{folder} has no photographs of a subject.", WHERE)
    return [name for name in there if not wished or name in wished]


def _subject(folder: Path, noun: str, config: BenchmarkConfig) -> BenchSubject:
    photographs = tuple(pictures_in(folder))
    stem = KOSMOS_G.get(folder.name)
    one = next((each for each in photographs if each.stem == stem), None)
    needed = stem is not None and "one" in (config.references, config.source)
    cause = f"{folder} has no photograph {stem}, the one that Kosmos-G's protocol keeps of this subject."
    require(one is not None or not needed, cause, "Bring it back, or compare with all.", "references")
    return BenchSubject(folder.name, noun, photographs, one or photographs[0])


def _numbers(config: BenchmarkConfig, read: DreamBench) -> str:
    return (
        f"{', '.join(config.prompts) or 'all'} of {len(read.objects)} for objects, {len(read.live)} for live subjects"
    )


def _cells(name: str, read: DreamBench, config: BenchmarkConfig) -> Iterator[Cell]:
    """Yield a cell for each prompt of a subject."""
    noun = read.nouns[name]
    said = f"{config.unique_token} {noun}".strip()
    for number, prompt in enumerate(read.prompts(name), start=1):
        if not config.numbers or number in config.numbers:
            facts: Mapping[str, str | int] = {"prompt": number, "noun": noun}
            yield Cell(f"{name}/{number:02}", (name,), prompt.format(f"<{name}>"), prompt.format(said), facts)
