"""A benchmark goes from end to end, is resumed after a stop, and changes no library."""

import json
import re
from html import unescape

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks import benchmark as running
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from lambda_studio.workflows.benchmarks.scoring import Scorer
from lambda_studio.workflows.benchmarks.sharing import Share


def test_the_table_has_each_subject_their_mean_and_the_protocol(bench, studio, tmp_path) -> None:
    found = bench()
    assert (found.benchmark, found.prompts, found.pictures) == ("dreambench", 6, 12)
    assert [(each.name, each.references, each.pictures) for each in found.subjects] == [
        ("dog", 3, 4), ("cat2", 2, 4), ("vase", 1, 4),
    ]  # fmt: skip
    for metric, mean in found.overall.items():
        assert mean.mean == pytest.approx(sum(each.scores[metric] for each in found.subjects) / 3)
        assert mean.ends is None and mean.count == 3
    assert found.protocol == {
        "pictures of each prompt": 2,
        "references": "all photographs of the subject, whole",
        "DINO": "none",
        "CLIP": "the stack's own (tiny)",
        "text": "with the noun alone",
        "mean": "over subjects",
    }
    assert found.notes == (
        "There are 3 subjects, and an interval needs at least 6.",
        "It has 3 of 4 subjects. Without: mug.",
    )
    assert "tiny with no adapter, from all photographs of a subject, 1 step, seed 0" in found.drawn_by
    about = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert (about["name"], about["num_inference_steps"], about["seed"]) == ("dreambench", 1, 0)
    assert about["weights"] == studio.workplace.stack.fingerprints()
    assert studio.concepts.list() == []


def test_pairs_weigh_subjects_by_their_references(bench) -> None:
    found = bench(mean="pairs", prompts=("1",), pictures=1)
    scores = [(each.references, each.scores["clip-i"]) for each in found.subjects]
    assert found.overall["clip-i"].mean == pytest.approx(sum(count * score for count, score in scores) / 6)
    assert found.protocol["mean"] == "over pairs with references"
    reals = {each.name: each.real["clip-i"] for each in found.subjects}
    assert found.real["clip-i"] == pytest.approx((6 * reals["dog"] + 2 * reals["cat2"]) / 8)


@pytest.mark.parametrize("mean", ["macro", "pairs"])
def test_the_table_the_report_and_the_comparison_have_the_same_numbers(bench, studio, tmp_path, mean) -> None:
    found = [bench(out, mean=mean, prompts=("1",), pictures=pictures) for out, pictures in (("one", 1), ("two", 1))]
    rows = tmp_path / "two" / "scores.jsonl"
    rows.write_text(re.sub(r'"scores": {"clip-i": [^,]*', '"scores": {"clip-i": 0.25', rows.read_text(), count=1))
    reports = [studio.evaluations.report(tmp_path / out) for out in ("one", "two")]
    assert {each.metric: each.interval for each in reports[0].metrics} == found[0].overall
    assert reports[1].metrics[0].interval != found[1].overall["clip-i"]
    compared = studio.evaluations.compare(tmp_path / "one", tmp_path / "two")
    for at, each in enumerate(compared.metrics):
        assert (each.one, each.other) == tuple(report.metrics[at].interval.mean for report in reports)
        assert each.difference.mean == pytest.approx(each.other - each.one, abs=1e-12)
    assert compared.metrics[0].difference.mean != 0


def test_the_finished_table_is_kept_with_its_day_and_its_command(bench, studio, dataset, tmp_path) -> None:
    found = bench(prompts=("1",), pictures=1)
    kept = json.loads((tmp_path / "out/table.json").read_text())
    assert kept["real"] == found.real and kept["overall"]["clip-i"]["mean"] == found.overall["clip-i"].mean
    assert kept["date"] == found.date and re.fullmatch(r"\d{4}-\d\d-\d\d", found.date)
    start = f"studio evaluate dreambench {dataset} --out {tmp_path / 'out'} "
    assert kept["command"] == found.command and found.command.startswith(start)
    report = studio.evaluations.report(tmp_path / "out")
    assert report.table is not None and report.table.real == found.real
    page = unescape(report.path.read_text())
    assert f"The table is of {found.date}" in page and found.command in page
    assert f'<td class="number">{found.real["clip-i"]:.4f}</td></tr>' in page
    assert "It has 3 of 4 subjects. Without: mug." in report.notes


def test_a_stopped_evaluation_goes_on_with_the_same_pictures(bench, tmp_path, monkeypatch) -> None:
    whole = bench("whole")
    add, rows = Scorer._add, ResultsFolder(tmp_path / "out")

    def stopped(self, asked, images, writer) -> None:
        add(self, asked[:1], images[:1], writer)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Scorer, "_add", stopped)
        with pytest.raises(KeyboardInterrupt):
            bench("out")
    assert list(rows.rows()) == ["dog/01/1"]
    gone = rows.picture("vase/02/2")
    drawn = {path: path.stat().st_mtime_ns for path in rows.out.rglob("*.png") if path != gone}
    gone.unlink()
    means = {metric: each.mean for metric, each in bench("out").overall.items()}
    assert means == pytest.approx({metric: each.mean for metric, each in whole.overall.items()}, abs=1e-5)
    assert gone.is_file() and all(path.stat().st_mtime_ns == time for path, time in drawn.items())
    with pytest.raises(InvalidSetting, match=r"settings: text with the noun alone, now with sks"):
        bench("out", unique_token="sks")


def test_an_adapter_draws_other_pictures_and_is_named(bench, studio, dataset, tmp_path) -> None:
    studio.concepts.add("rex", dataset / "dog" / "00.png", noun="dog", segment="none")
    studio.finetune(["rex"], FinetuneConfig(steps=1, learning_rate=1.0, rank=2))
    plain = bench("plain", prompts=("1",), subjects=("dog",))
    tuned = bench("tuned", prompts=("1",), subjects=("dog",), adapter="1")
    about = json.loads((tmp_path / "tuned/evaluation.json").read_text())
    assert about["adapters"][0]["scale"] == 1.0 and about["adapters"][0]["sha256"][:12] in tuned.drawn_by
    key = "pictures/dog/01/1.png"
    assert (tmp_path / "plain" / key).read_bytes() != (tmp_path / "tuned" / key).read_bytes()
    assert plain.protocol == tuned.protocol
    assert studio.evaluations.compare(tmp_path / "plain", tmp_path / "tuned").pictures == 2


def test_each_process_does_its_part_and_the_first_one_has_the_table(bench, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Share, "wait", lambda self: None)
    whole = bench("whole")
    with monkeypatch.context() as patched:
        patched.setattr(running, "share_of", lambda place: Share(1, 2))
        ResultsFolder(tmp_path / "out").begin(json.loads((tmp_path / "whole/evaluation.json").read_text()))
        with pytest.raises(AssertionError):
            bench("out")  # the answer is None
    assert {row.subjects for row in ResultsFolder(tmp_path / "out").rows().values()} == {("cat2",), ("vase",)}
    assert (tmp_path / "out/scores.1.jsonl").is_file()
    with monkeypatch.context() as patched, pytest.raises(InvalidSetting, match="The table is not complete"):
        patched.setattr(Scorer, "score", lambda *given: None)
        bench("out")
    monkeypatch.setattr(running, "share_of", lambda place: Share(0, 2))
    assert bench("out").overall.keys() == whole.overall.keys()
