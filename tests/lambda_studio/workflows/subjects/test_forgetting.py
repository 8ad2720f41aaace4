"""Forgetting and training at the same time, and what forgetting leaves."""

import pytest

from concepts.errors import ConceptNotFound, RunNotFound
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import CheckpointFailed, FilesLeft, ResumeRefused, RunInUse
from lambda_studio.studio import Studio
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.tuning.run import Tuner
from lambda_studio.workflows.tuning.run_row import RunRow

THREE = FinetuneConfig(steps=3, rank=2, checkpoint_every=1)


def agreed(_found: object) -> None:
    return None


def meanwhile(studio: Studio, stack_file, work):
    """Return a `should_stop` that does work in another Studio, once, after the first step."""
    done: list[object] = []

    def should_stop() -> bool:
        if not done and studio.database.path is not None and any(studio.home.glob("runs/*/loss.jsonl")):
            done.append(None)
            with Studio(studio.home, stack=str(stack_file)) as other:
                done.append(work(other))
        return False

    return should_stop, done


def test_a_concept_that_is_being_trained_on_is_not_forgotten_and_the_training_ends_well(
    studio, add, box, stack_file
) -> None:
    add("rex", box(1))
    add("max", box(2))

    def forget(other: Studio) -> str:
        with pytest.raises(RunInUse, match=r"working on run 1\. It is being trained on") as refused:
            other.concepts.forget("rex", None, agreed)
        with pytest.raises(RunInUse, match="then remove the library again"):
            other.libraries.remove("default", agreed=True)
        return str(refused.value)

    should_stop, done = meanwhile(studio, stack_file, forget)
    tuned = studio.finetune(None, config=THREE, should_stop=should_stop)
    assert len(done) == 2
    assert tuned.adapter.knows == {"max": 1, "rex": 1}
    gone = studio.concepts.forget("rex", None, agreed)
    assert (gone.adapters, gone.runs, gone.files) == ((tuned.adapter.id,), (), ())


def test_a_run_that_lives_is_not_resumed_by_another_process(studio, add, photo, stack_file) -> None:
    add("rex", photo)

    def resume(other: Studio) -> None:
        with pytest.raises(RunInUse, match=r"working on run 1\. Wait for its end"):
            other.finetune(["rex"], config=THREE, resume=True)

    should_stop, done = meanwhile(studio, stack_file, resume)
    assert studio.finetune(["rex"], config=THREE, should_stop=should_stop).adapter is not None
    assert len(done) == 2


def test_forgetting_ends_stopped_runs_and_deletes_their_checkpoints(studio, add, box) -> None:
    add("rex", box(1))
    add("max", box(2))
    stopped = studio.finetune(None, config=THREE, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    checkpoints = run_folder(studio.home, stopped.run_id) / "checkpoints"
    assert stopped.adapter is None and any(checkpoints.iterdir())
    gone = studio.concepts.forget("rex", None, agreed)
    assert (gone.runs, gone.elsewhere) == ((stopped.run_id,), ())
    assert not checkpoints.exists()
    with studio.database.reading() as registry:
        (run,) = registry.runs("default")
    assert (run.status, run.why) == ("failed", "rex was forgotten.")
    for names in ([], None, ["max"]):
        with pytest.raises(ResumeRefused) as refused:
            studio.finetune(names, resume=True)
        assert refused.value.cause == (
            f"Run {run.id} cannot be resumed: rex was forgotten. Its checkpoints were deleted."
        )
        assert refused.value.remedy == "Train the others in a new run: studio finetune max"
    assert studio.finetune(["max"], config=THREE).run_id != run.id
    with pytest.raises(ResumeRefused, match="no unfinished run"):
        studio.finetune([], resume=True)


def test_forgetting_tells_of_files_that_it_could_not_delete(studio, add, box, tmp_path) -> None:
    add("rex", box(1))
    stopped = studio.finetune(None, config=THREE, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    checkpoints = run_folder(studio.home, stopped.run_id) / "checkpoints"
    checkpoints.rename(tmp_path / "disk")
    checkpoints.symlink_to(tmp_path / "disk")
    with pytest.raises(FilesLeft, match=r"rex is forgotten, but these files could not be deleted: .*checkpoints"):
        studio.concepts.forget("rex", None, agreed)
    with studio.database.reading() as registry:
        assert registry.concepts("default") == []


def test_forgetting_tells_of_runs_that_another_home_has(studio, add, box) -> None:
    add("rex", box(1))
    version = studio.concepts.show("rex").concept.version_id
    run = studio.database.write(lambda registry: registry.start_run("default", "finetune", {}, [version]))
    assert studio.concepts.forget("rex", None, agreed).elsewhere == (run,)


def test_an_adapter_file_that_no_row_names_is_told_when_its_concept_is_forgotten(
    studio, add, photo, monkeypatch
) -> None:
    add("rex", photo)

    def killed(*_: object) -> None:
        raise CheckpointFailed("The process ends before the row is written.", "")

    with monkeypatch.context() as patch:
        patch.setattr(type(studio.database), "write", killed_after(studio, killed))
        with pytest.raises(CheckpointFailed):
            studio.finetune(["rex"], config=THREE)
    (file,) = adapters_folder(studio.home).iterdir()
    found = {finding.what: finding for finding in studio.doctor()}["adapter file"]
    assert str(file) in found.said and "trained on: rex" in found.said
    assert f"Otherwise import a copy of it: studio adapters import {file} --knows rex" in found.remedy
    studio.concepts.remove("rex")
    found = {finding.what: finding for finding in studio.doctor()}["adapter file"]
    assert "adapters import" not in found.remedy, "the library has none of its concepts"
    gone = studio.concepts.forget("rex", None, agreed)
    assert gone.files == (file,)


def killed_after(studio: Studio, killed):
    """Return a `write` that fails once an adapter's file is written."""
    write = type(studio.database).write

    def writing(self, work):
        return killed() if any(adapters_folder(studio.home).glob("*")) else write(self, work)

    return writing


def test_a_concept_that_another_machine_forgot_leaves_no_file_of_the_run(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)
    register = RunRow.register

    def forgotten_first(self, *arguments):
        studio.database.write(lambda registry: registry.forget_concept("default", "rex"))
        return register(self, *arguments)

    monkeypatch.setattr(RunRow, "register", forgotten_first)
    with pytest.raises(ConceptNotFound):
        studio.finetune(["rex"], config=THREE)
    assert list(adapters_folder(studio.home).iterdir()) == []
    assert not (run_folder(studio.home, 1) / "checkpoints").exists()
    with studio.database.reading() as registry:
        assert registry.find_run(1).status == "failed"


def test_a_library_that_another_machine_removed_leaves_no_checkpoint_of_the_run(
    studio, add, photo, monkeypatch
) -> None:
    add("rex", photo)
    train = Tuner._train

    def removed_meanwhile(self, *arguments):
        result = train(self, *arguments)
        studio.database.write(lambda registry: registry.remove_library("default", True))
        return result

    monkeypatch.setattr(Tuner, "_train", removed_meanwhile)
    with pytest.raises(RunNotFound):
        studio.finetune(["rex"], config=THREE)
    assert not (run_folder(studio.home, 1) / "checkpoints").exists()


def test_a_concept_that_is_forgotten_before_the_training_begins_is_told_as_not_found(
    studio, add, box, monkeypatch
) -> None:
    add("rex", box(1))
    add("max", box(2))
    examples = ExampleTable.examples

    def forgotten_first(self, *arguments):
        studio.concepts.forget("rex", None, agreed)
        return examples(self, *arguments)

    monkeypatch.setattr(ExampleTable, "examples", forgotten_first)
    with pytest.raises(ConceptNotFound, match="No concept named 'rex'"):
        studio.finetune(None, config=THREE)
    assert not (studio.home / "runs").exists()
