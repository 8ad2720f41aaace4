"""One fine-tuning run, and the adapter that it makes."""

from dataclasses import replace

import pytest
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import TrainingDiverged
from lambda_studio.models.adapter_info import read_adapter_info
from lambda_studio.studio import Studio
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.tuning import run as tuning

QUICK = FinetuneConfig(steps=1, rank=2)
ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


def test_an_adapter_is_registered_with_what_it_saw_and_carries_it(studio, add, photo, tmp_path) -> None:
    concept = add("rex", photo).concept
    adapter = studio.finetune(None, config=QUICK).adapter
    assert adapter is not None
    assert (adapter.knows, adapter.stack, adapter.method) == ({"rex": 1}, "tiny", "lora")
    assert adapter.path == tmp_path / "home" / "adapters" / f"{adapter.sha256}.safetensors"
    assert [path.name for path in adapter.path.parent.iterdir()] == [adapter.path.name]
    info = read_adapter_info(adapter.path)
    assert info.concepts == ({"name": "rex", "library": "default", "version": 1, "manifest": concept.manifest},)
    fingerprint = studio.workplace.stack.fingerprints()["decoder"]
    assert info.base_fingerprint == fingerprint == adapter.settings["base_fingerprint"]


def test_tuning_changes_the_pictures_and_leaves_the_base_as_it_was(studio, add, photo, tmp_path) -> None:
    add("rex", photo)

    def drawn(adapter: str) -> bytes:
        answer = studio.generate("a <rex>", out=tmp_path, adapter=adapter, config=replace(ONE_STEP, seed=4))
        return Image.open(answer.pictures[0].path).tobytes()

    before = drawn("auto")
    studio.finetune(["rex"], config=FinetuneConfig(steps=3, rank=4, learning_rate=0.05))
    assert drawn("auto") != before
    assert drawn("none") == before


def test_a_run_that_diverges_is_failed_with_its_reason_and_makes_no_adapter(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)

    def diverge(*args):
        raise TrainingDiverged("The loss is nan at step 1.", "Start again.")

    monkeypatch.setattr(tuning, "finetune", diverge)
    with pytest.raises(TrainingDiverged):
        studio.finetune(["rex"], config=QUICK)
    with studio.database.reading() as registry:
        (run,) = registry.runs("default")
    assert (run.status, run.why) == ("failed", "The loss is nan at step 1. Start again.")
    assert studio.adapters.list() == []


def test_a_run_takes_the_next_number_without_a_folder_and_changes_no_unknown_one(
    studio, put, plain, photo, add, notices
) -> None:
    add("rex", photo)
    folders = [run_folder(studio.home, number) for number in (1, 2)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "loss.jsonl").write_text("theirs")
    tuned = studio.finetune(["rex"], config=QUICK)
    assert (tuned.run_id, tuned.loss_log.parent) == (3, run_folder(studio.home, 3))
    assert notices[-1] == (
        f"{folders[0]}, {folders[1]} belong to no run of this database: made before a restore, or by another "
        "database. Nothing there is changed; this run has the number 3. See: studio doctor"
    )
    with studio.database.reading() as registry:
        assert [run.id for run in registry.runs("default")] == [3]
    assert [[path.name for path in folder.iterdir()] for folder in folders] == [["loss.jsonl"]] * 2
    assert {(folder / "loss.jsonl").read_text() for folder in folders} == {"theirs"}
    told = [each.said for each in studio.doctor("quick") if each.what == "run folder"]
    assert [said.partition(" belongs to no run")[0] for said in told] == [str(folder) for folder in folders]


def test_a_run_after_a_restore_leaves_the_folders_of_the_lost_future(studio, add, photo, tmp_path) -> None:
    add("rex", photo)
    backup = studio.upkeep(studio.home).back_up(tmp_path / "backup.db").copy
    lost = studio.finetune(["rex"], config=QUICK)
    before = lost.loss_log.read_bytes()
    studio.close()
    studio.upkeep(studio.home).restore(backup)
    with Studio(studio.home, stack=studio.workplace.stack_source) as restored:
        tuned = restored.finetune(["rex"], config=QUICK)
        assert (lost.run_id, tuned.run_id, lost.loss_log.read_bytes()) == (1, 2, before)
        again = restored.finetune(["rex"], config=QUICK)
    assert again.run_id == 3


def test_what_a_drawing_left_in_memory_is_gone_before_the_training(studio, add, photo, tmp_path, monkeypatch) -> None:
    add("rex", photo)
    stack, there, train = studio.workplace.stack, [], tuning.finetune
    monkeypatch.setattr(tuning, "finetune", lambda *args: there.append(stack.loaded) or train(*args))
    studio.generate("a <rex>", out=tmp_path, config=ONE_STEP)
    assert stack.loaded == {"clip", "prior", "decoder"}
    studio.finetune(["rex"], config=QUICK)
    assert there == [frozenset()]
