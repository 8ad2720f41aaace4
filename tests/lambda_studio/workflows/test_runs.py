"""Runs as plain values: their state, their progress, and how they are dropped."""

import pytest

from concepts.errors import RunFinished, RunNotFound
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import RunInUse
from lambda_studio.studio import Studio
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.run_files import holding
from lambda_studio.workflows.tuning.settings import settings_row


@pytest.fixture
def begun(studio, put, plain) -> int:
    """The number of a run that has not saved a step."""
    rex, settings = put("rex", plain("red")), settings_row("tiny", "tiny", FinetuneConfig(rank=3))
    return studio.database.write(lambda registry: registry.start_run("default", "finetune", settings, [rex.version_id]))


def test_a_run_is_unfinished_unless_a_process_works_on_it(studio, begun) -> None:
    (card,) = studio.runs.list()
    assert card == studio.runs.get(begun)
    assert (card.id, card.state, card.stack, card.knows) == (begun, "unfinished", "tiny", {"rex": 1})
    settings = {"rank": 3, "steps": 400, "preview_every": None}  # tiny prefers 0
    assert (card.saved_step, card.steps, card.settings, card.bytes) == (None, 400, settings, 0)
    with holding(studio.home, [begun], ""):
        assert studio.runs.get(begun).state == "running"
        with pytest.raises(RunInUse):
            studio.runs.drop(begun)
    studio.database.write(lambda registry: registry.fail_run(begun, "no"))
    assert (studio.runs.get(begun).state, studio.runs.get(begun).why) == ("failed", "no")


def test_a_dropped_run_leaves_no_row_and_no_file(studio, begun) -> None:
    (run_folder(studio.home, begun) / "checkpoints").mkdir(parents=True)
    studio.runs.drop(begun)
    assert studio.runs.list() == []
    assert not list((studio.home / "runs").iterdir())
    with pytest.raises(RunNotFound, match=f"No run has the number {begun}"):
        studio.runs.get(begun)
    with pytest.raises(RunNotFound):
        studio.runs.drop(begun)


def test_a_finished_run_is_kept_as_long_as_its_adapter(studio, begun) -> None:
    folder = run_folder(studio.home, begun)
    folder.mkdir(parents=True)
    file, made = ("f" * 64, "f.safetensors", "lora", "tiny"), {"rank": 3}
    adapter = studio.database.write(lambda registry: registry.add_adapter("default", *file, made, []))
    studio.database.write(lambda registry: registry.finish_run(begun, adapter.id))
    with pytest.raises(RunFinished) as refused:
        studio.runs.drop(begun)
    assert (refused.value.cause, refused.value.remedy) == (
        f"Run {begun} is finished, and is part of the history of adapter {adapter.id}.",
        f"Remove the adapter first: studio adapters remove {adapter.id}",
    )
    assert folder.exists()
    studio.adapters.remove(adapter.id)
    studio.runs.drop(begun)
    assert (studio.runs.list(), folder.exists()) == ([], False)


def test_a_run_says_which_of_its_concepts_were_removed_or_forgotten(studio, begun) -> None:
    assert (studio.runs.get(begun).removed, studio.runs.get(begun).forgotten) == ((), ())
    studio.concepts.remove("rex")
    assert (studio.runs.get(begun).removed, studio.runs.get(begun).forgotten) == (("rex",), ())
    studio.concepts.forget("rex", None, lambda *_: None)
    (card,) = studio.runs.list()
    assert (card.removed, card.forgotten) == ((), ("rex",))


def test_a_run_names_the_newer_one_that_is_resumed_in_its_place(studio, begun) -> None:
    version = studio.concepts.show("rex").concept.version_id
    settings = settings_row("tiny", "tiny", FinetuneConfig())
    newer = studio.database.write(lambda registry: registry.start_run("default", "finetune", settings, [version]))
    assert (studio.runs.get(begun).newer, studio.runs.get(newer).newer) == (newer, None)
    studio.runs.drop(newer)
    assert studio.runs.get(begun).newer is None
    elsewhere = {**settings, "stack": "other", "stack_source": "/my/other.toml"}
    other = studio.database.write(lambda registry: registry.start_run("default", "finetune", elsewhere, [version]))
    cards = [studio.runs.get(number) for number in (begun, other)]
    assert [(card.newer, card.needs) for card in cards] == [
        (None, {"stack": "tiny"}),
        (None, {"stack": "/my/other.toml"}),
    ]
    studio.libraries.create("toys")
    with Studio(studio.home, stack=studio.workplace.stack_source, library="toys") as there:
        assert there.runs.get(other).needs == {"library": "default", "stack": "/my/other.toml"}
    studio.database.write(lambda registry: registry.fail_run(other, "its disk was full"))
    assert studio.runs.get(other).needs == studio.runs.get(begun).needs == {}
