"""An adapter is measured with what it knows, beside the decoder without it."""

from dataclasses import asdict

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.similarity import matrix_of_references
from lambda_studio.workflows.evaluating import adapter as adapter_module
from lambda_studio.workflows.evaluating.views import views_of

CONFIG = FinetuneConfig(steps=3, rank=2, learning_rate=0.05, preview_every=0)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch) -> None:
    monkeypatch.setattr(adapter_module, "DRAWN", adapter_module.GenerateConfig(num_inference_steps=2, batch_size=8))


@pytest.fixture
def adapter(studio, add, box):
    """An adapter of three concepts, two of them dogs."""
    add("rex", box(0), box(1), box(2))
    add("max", box(3), box(4))
    add("mug", box(5), noun="cat")
    return studio.finetune(None, CONFIG).adapter


def test_every_measure_is_there_and_follows_from_the_pictures(studio, adapter) -> None:
    found = studio.adapters.evaluate(adapter.id, pictures=2)
    assert (found.adapter, found.stack, found.pictures) == (adapter.id, "tiny", 2)
    assert found.metrics == {"likeness": "CLIP-I", "composition": "CLIP-T"}
    assert "DINO's weights are not on this machine" in found.notes[0]
    names = tuple(each.name for each in found.concepts)
    assert set(names) == {"rex", "max", "mug"}
    metric, place = ClipLikeness(studio.workplace.stack), studio.workplace
    references = {each.name: metric.embed(views_of(place, each, each.images)) for each in place.get_concepts(names)}
    assert found.real == matrix_of_references(references)
    for each in found.concepts:
        assert each.likeness["CLIP-I"] == found.drawn.value(each.name, each.name)
        assert each.real["CLIP-I"] == found.real.value(each.name, each.name)
        assert each.likeness != each.likeness_before
        assert (each.copies.rate is None) == (each.name == "mug"), "it has one image"
    assert [(each.subjects, each.pictures) for each in found.collapse] == [(2, 4), (3, 2)]
    assert found.drift.adapter > 0 and found.drift.seeds > 0
    assert (found.update_size, found.vanishes) == (adapter.update_size, False)
    assert asdict(found)["bleeding"]["names"] == names


def test_an_adapter_of_zeros_changes_nothing(studio, adapter) -> None:
    nothing = studio.adapters.scale(adapter.id, 1e-9)
    found = studio.adapters.evaluate(nothing.id, pictures=1)
    assert found.vanishes
    assert found.drift.adapter == pytest.approx(0, abs=1e-6)
    rows = [[value for row in each.rows for value in row] for each in (found.bleeding, found.bleeding_before)]
    assert rows[0] == pytest.approx(rows[1], abs=1e-3), "a batch may round otherwise"
    assert found.collapse == found.collapse_before


def test_concepts_that_are_gone_are_left_out_and_said(studio, adapter) -> None:
    studio.concepts.remove("max")
    studio.concepts.edit("rex", drop=[1])
    found = studio.adapters.evaluate(adapter.id, pictures=1)
    assert {each.name for each in found.concepts} == {"rex", "mug"}
    assert "Left out, because they were removed: max." in found.notes
    assert "Edited since the training, and compared with their present images: rex." in found.notes
    studio.concepts.remove("mug")
    studio.concepts.forget("max", None, lambda *_: None)
    found = studio.adapters.evaluate(adapter.id, pictures=1)
    assert {"Left out, because they were removed: mug.", "Left out, because they were forgotten: max."} < {*found.notes}


def test_an_adapter_all_of_whose_concepts_are_gone_is_refused_with_the_way_on(studio, adapter, tmp_path) -> None:
    cause = f"Adapter {adapter.id} knows no concept of this library."
    studio.concepts.forget("max", None, lambda *_: None)
    for name in ("rex", "mug"):
        studio.concepts.remove(name)
    with pytest.raises(InvalidSetting) as refused:
        studio.adapters.evaluate(adapter.id)
    assert (refused.value.cause, refused.value.remedy) == (
        f"{cause} Removed were: {', '.join(name for name in adapter.knows if name != 'max')}. Forgotten were: max.",
        "Restore mug: studio concepts restore mug",
    )
    for name in ("rex", "mug"):
        studio.concepts.forget(name, None, lambda *_: None)
    with pytest.raises(InvalidSetting) as refused:
        studio.adapters.evaluate(adapter.id)
    assert (refused.value.cause, refused.value.remedy) == (
        f"{cause} Forgotten were: {', '.join(adapter.knows)}.", "See the others: studio adapters",
    )  # fmt: skip
    unknown = studio.adapters.import_(studio.adapters.export(adapter.id, tmp_path / "out").path, duplicate=True)
    with pytest.raises(InvalidSetting, match="Say what it knows, when you import it: --knows NAME"):
        studio.adapters.evaluate(unknown.id)


def test_what_cannot_be_evaluated_is_refused_before_anything_is_drawn(studio, adapter, monkeypatch) -> None:
    with pytest.raises(InvalidSetting, match=r"pictures is 0\. Give 1 to 100\."):
        studio.adapters.evaluate(adapter.id, pictures=0)
    adapter.path.rename(adapter.path.with_suffix(".away"))
    with pytest.raises(ModelFilesMissing, match=f"The file of adapter {adapter.id} is missing"):
        studio.adapters.evaluate(adapter.id)
    studio.workplace.work_with("miniature")
    with pytest.raises(ModelFilesInvalid, match=f"Adapter {adapter.id} was trained for the stack tiny"):
        studio.adapters.evaluate(adapter.id)


def test_copies_are_of_the_images_that_were_trained_on(studio, add, box, monkeypatch) -> None:
    add("rex", *(box(seed) for seed in range(4)))
    held = studio.finetune(["rex"], FinetuneConfig(steps=2, rank=2, preview_every=2, holdout=1)).adapter
    seen = []
    monkeypatch.setattr(
        adapter_module, "copies", lambda drawn, trained: seen.append(len(trained)) or adapter_module.Copies(0.5, 0.0)
    )
    assert studio.adapters.evaluate(held.id, pictures=1).concepts[0].copies.nearest == 0.5
    assert seen == [3, 3]


def test_a_run_evaluates_its_adapter_at_the_end_and_reports_it(studio, add, box, monkeypatch, notices) -> None:
    add("rex", box(0), box(1))
    add("mug", box(2), noun="cat")
    done = studio.finetune(None, CONFIG, evaluate=True)
    assert done.evaluation.adapter == done.adapter.id
    page = done.report.read_text()
    assert "<h2>Evaluation</h2>" in page and "<h3>Who is drawn like whom</h3>" in page
    assert studio.finetune(None, CONFIG).evaluation is None

    def refuse(*_: object) -> None:
        raise InvalidSetting("No.", "None.")

    monkeypatch.setattr(adapter_module.AdapterEvaluator, "evaluate", refuse)
    failed = studio.finetune(None, CONFIG, evaluate=True)
    assert (failed.evaluation, failed.adapter.id) == (None, done.adapter.id)
    assert notices[-1] == "The adapter was not evaluated: No. None."
