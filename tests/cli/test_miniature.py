"""`studio miniature`: what is asked of the recipe and the judge, and what is said of their answers."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.miniature.judge.bench import Bench
from lambda_studio.miniature.judge.report import Figure, Report
from lambda_studio.miniature.recipe.config import RecipeConfig

REPORT = Report(500, (1000, 1001), {"zero-shot": {"main": Figure(0.875, 0.0125, (0.86, 0.89))}})
LINES = ["500 pictures for each of 2 seeds", "MEASURED   OF WHAT  MEAN   SPREAD", "zero-shot  main     0.875  ± 0.013"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What the judge was asked to measure; it answers with a report."""
    seen: list[dict] = []

    def measure(stack, **options) -> Report:
        seen.append({"stack": stack, **options})
        return REPORT

    monkeypatch.setattr("lambda_studio.miniature.judge.report.measure", measure)
    return seen


def test_an_evaluation_asks_for_as_many_seeds_as_are_wanted_and_shows_every_figure(studio, asked, stack_file) -> None:
    answer = studio("miniature", "evaluate", "--seeds", 2, "--only", "zero-shot", "--workers", 1, "-n", 7)
    assert (answer.code, answer.out.splitlines()) == (0, LINES)
    (options,) = asked
    assert (options["stack"], list(options["seeds"])) == (str(stack_file), [1000, 1001])
    assert (options["count"], options["only"], options["workers"]) == (7, ("zero-shot",), 1)
    told = json.loads(studio("miniature", "evaluate", "--json").out)
    assert told["figures"]["zero-shot"]["main"]["values"] == [0.86, 0.89]


def test_without_a_stack_the_miniature_is_measured(studio, asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_STACK")
    assert studio("miniature", "evaluate").code == 0
    assert (asked[0]["stack"], len(asked[0]["seeds"])) == ("miniature", 4)


class Recipe:
    """Remembers the stages that it was told to train."""

    asked: tuple[object, ...] = ()

    def run(self, stages: tuple[str, ...] | None) -> None:
        self.stages = stages


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The recipe that is opened, whatever the folder."""
    opened = Recipe()

    def open_recipe(*asked: object) -> Recipe:
        opened.asked = asked
        return opened

    monkeypatch.setattr("lambda_studio.miniature.recipe.opening.open_recipe", open_recipe)
    return opened


def test_training_runs_all_stages_or_those_that_are_named(studio, recipe: Recipe) -> None:
    assert studio("miniature", "train", "work").out == "Trained in work.\n"
    assert recipe.stages is None
    studio("miniature", "train", "work", "--stage", "clip", "--stage", "movq")
    assert recipe.stages == ("clip", "movq") and recipe.asked[-1] == RecipeConfig().seed
    studio("miniature", "train", "work", "--seed", 21)
    assert recipe.asked[-1] == 21


def test_a_stage_that_there_is_not_is_refused_before_the_folder_is_made(studio, tmp_path: Path) -> None:
    answer = studio("miniature", "train", tmp_path / "work", "--stage", "decode")
    assert answer.code == 2 and "There is no stage 'decode'." in answer.err
    assert not (tmp_path / "work").exists()


def test_a_stopped_training_says_what_it_keeps_and_how_to_go_on(studio, recipe: Recipe, monkeypatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "run", stopped)
    nothing = studio("miniature", "train", "work", "--share", 0.5)
    assert (nothing.code, nothing.out) == (130, "")
    assert nothing.err.splitlines() == [
        "Stopped the training in work. No checkpoint was written yet; pictures that were begun are drawn again.",
        "Go on: studio miniature train work --share 0.5",
    ]
    Path("work/decoder/checkpoints/step-00012000").mkdir(parents=True)
    Path("work/movq.safetensors").touch()
    stopped_late = studio("miniature", "train", "work", "--export", "made", "--home", "h")
    assert stopped_late.err.splitlines() == [
        "Stopped the training in work. Trained: movq. Checkpoint: decoder at step 12,000.",
        "Go on: studio --home h miniature train work --export made",
    ]


def test_a_training_that_is_stopped_in_its_export_says_what_to_remove(studio, recipe: Recipe, monkeypatch) -> None:
    def release(of: Recipe, folder: Path, progress: object) -> Report:
        Path("made.unchecked").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("lambda_studio.miniature.recipe.release.release", release)
    answer = studio("miniature", "train", "work", "--export", "made")
    on = "Remove made.unchecked, then go on: studio miniature train work --export made"
    assert (answer.code, answer.err.splitlines()[-1]) == (130, on)


def test_what_was_trained_is_measured_where_it_is_exported(studio, recipe: Recipe, monkeypatch) -> None:
    exported = []

    def release(of: Recipe, folder: Path, progress: object) -> Report:
        exported.append((of, folder))
        return REPORT

    monkeypatch.setattr("lambda_studio.miniature.recipe.release.release", release)
    answer = studio("miniature", "train", "work", "--export", "made")
    assert answer.out.splitlines() == [*LINES, "Exported to made"]
    assert exported == [(recipe, Path("made"))]


def test_a_bench_is_written_to_a_new_folder_and_counted(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lambda_studio.miniature.judge.bench.write_bench", lambda folder, _: Bench(folder, ("a", "b"), 9, 50, 20)
    )
    answer = studio("miniature", "bench", "bench")
    assert answer.out.splitlines() == [
        "2 subjects, 9 photographs; 50 prompts for one subject, 20 for several",
        "bench",
    ]
    assert Path("bench").is_dir()


def test_a_gallery_is_drawn_from_its_seed_and_never_over_a_file(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def draw_gallery(count: int, seed: int, *_: object) -> Image.Image:
        drawn.append((count, seed))
        return Image.new("RGB", (4, 4))

    monkeypatch.setattr("lambda_studio.miniature.show.gallery.draw_gallery", draw_gallery)
    said = [studio("miniature", "gallery", "all.png", "-n", 2, "--seed", 5).out for _ in range(2)]
    assert (said, drawn) == (["all.png\n", "all-2.png\n"], [(2, 5), (2, 5)])
    with Image.open("all.png") as picture:
        assert picture.text["seed"] == "5"
