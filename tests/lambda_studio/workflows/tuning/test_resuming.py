"""The unfinished run that training goes on with, or the reason why there is none."""

from datetime import datetime

import pytest

from concepts.records import ConceptRecord, RunRecord, SeenConcept
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.studio import Studio
from lambda_studio.workflows.tuning.resuming import concepts_of, newest_unfinished, resumed, run_to_resume
from lambda_studio.workflows.tuning.settings import settings_row

DAY = datetime(2026, 1, 1)


def concept(name: str) -> ConceptRecord:
    return ConceptRecord(1, "default", name, "dog", 1, 1, "m", DAY, ())


def run(number: int, *names: str, kind="finetune", status="running", stack="tiny", stale=False, removed=False):
    seen = tuple(SeenConcept(name, 1, 1, "m", stale, removed) for name in names)
    return RunRecord(number, "default", kind, status, {"stack": stack}, None, None, DAY, None, seen)


def test_the_newest_unfinished_run_of_exactly_these_concepts_is_found() -> None:
    runs = [run(5, "rex", status="finished"), run(4, "rex", "hat"), run(3, "REX"), run(2, "rex"), run(1, "rex")]
    assert newest_unfinished(runs, [concept("rex")], None, "default").id == 3
    assert newest_unfinished(runs, [concept("hat"), concept("rex")], None, "default").id == 4
    assert newest_unfinished(runs, None, None, "default").id == 4


def test_a_stack_that_is_named_is_asked_for_and_other_kinds_of_runs_are_not_finetuning() -> None:
    runs = [run(4, "rex", kind="prior"), run(3, "rex", status="failed"), run(2, "rex", stack="other"), run(1, "rex")]
    assert newest_unfinished(runs, None, None, "default").id == 2
    assert newest_unfinished(runs, None, "tiny", "default").id == 1
    with pytest.raises(ResumeRefused, match=r"Library toys has no unfinished run of rex with third\.") as refused:
        newest_unfinished(runs, [concept("rex")], "third", "toys")
    assert refused.value.remedy == "To resume run 2, name rex, with stack=other. Start a run without resume=True."
    for given in (None, "other"):
        with pytest.raises(ResumeRefused, match=r"To resume run 2, name rex\. Start a run"):
            newest_unfinished(runs, [concept("hat")], given, "toys")
    ended = [*runs[:2], run(1, "hat", removed=True)]
    with pytest.raises(ResumeRefused, match=r"no unfinished run of rex\. Start a run without"):
        newest_unfinished(ended, [concept("rex")], None, "toys")


def test_a_run_whose_concept_was_removed_is_refused_and_no_older_one_is_taken() -> None:
    runs = [run(2, "rex", removed=True), run(1, "rex")]
    with pytest.raises(ResumeRefused, match=r"Run 2 .*: rex was removed"):
        newest_unfinished(runs, None, None, "default")


def test_an_edited_concept_is_trained_on_in_the_version_that_the_run_began_with(studio, put, plain, notices) -> None:
    hat, rex = put("hat", plain("blue")), put("rex", plain("red"))
    settings = settings_row("tiny", "tiny", FinetuneConfig())
    versions = [rex.version_id, hat.version_id]
    number = studio.database.write(lambda registry: registry.start_run("default", "finetune", settings, versions))
    studio.database.write(lambda registry: registry.revise_concept("default", "rex", "wolf", [plain("green")]))
    with studio.database.reading() as registry:
        (began,) = registry.runs("default")
    found = concepts_of(studio.workplace, began)
    assert [(each.name, each.noun, each.version_id) for each in found] == [
        ("rex", "dog", rex.version_id),
        ("hat", "dog", hat.version_id),
    ]
    assert notices == [
        "rex was edited since the run started. The run goes on with version 1; version 2 is learnt by a new run.",
        f"Run {number} (rex, hat) has no checkpoint, and begins again at step 1.",
    ]


def test_a_shape_that_a_full_training_does_not_have_is_told(studio, put, plain, notices) -> None:
    rex = put("rex", plain("red"))
    settings = settings_row("tiny", "tiny", FinetuneConfig(method="full"))
    studio.database.write(lambda registry: registry.start_run("default", "finetune", settings, [rex.version_id]))
    resumed(studio.workplace, ["rex"], FinetuneConfig(rank=8))
    assert notices[-1] == "rank=8 has no effect with method=full."


def test_another_concept_of_the_same_name_is_refused(studio, put, plain) -> None:
    rex = put("rex", plain("red"))
    settings = settings_row("tiny", "tiny", FinetuneConfig())
    studio.database.write(lambda registry: registry.start_run("default", "finetune", settings, [rex.version_id]))
    studio.concepts.remove("rex")
    put("rex", plain("green"))
    with studio.database.reading() as registry:
        (began,) = registry.runs("default")
    with pytest.raises(ResumeRefused, match="rex is another concept than when it started"):
        concepts_of(studio.workplace, began)


def test_going_on_with_whichever_works_with_the_runs_own_stack(studio, put, plain, stack_file) -> None:
    put("hat", plain("blue"))
    rex = put("rex", plain("red"))
    settings = settings_row("tiny", str(stack_file), FinetuneConfig())
    number = studio.database.write(
        lambda registry: registry.start_run("default", "finetune", settings, [rex.version_id])
    )
    with Studio(studio.home) as other:
        assert other.workplace.spec.name == "miniature"
        with pytest.raises(ResumeRefused, match="no unfinished run of hat, rex"):
            run_to_resume(other.workplace, None)
        assert other.workplace.spec.name == "miniature"
        assert run_to_resume(other.workplace, []).id == number
        assert other.workplace.spec.name == "tiny"
    with Studio(studio.home, stack="miniature") as other, pytest.raises(ResumeRefused, match="with miniature"):
        run_to_resume(other.workplace, ["rex"])


@pytest.mark.parametrize("same", ["name", "content", None])
def test_a_run_on_one_forgotten_concept_alone_is_dropped(studio, put, plain, same) -> None:
    bunny = put("bunny", plain("red"))
    settings = settings_row("tiny", "tiny", FinetuneConfig())
    number = studio.database.write(
        lambda registry: registry.start_run("default", "finetune", settings, [bunny.version_id])
    )
    put("Zoë's dog", plain("red" if same == "content" else "blue"))
    studio.concepts.forget("bunny", None, lambda *_: None)
    if same == "name":
        put("bunny", plain("green"))
    with pytest.raises(ResumeRefused) as refused:
        resumed(studio.workplace, [], FinetuneConfig())
    assert refused.value.cause == f"Run {number} cannot be resumed: bunny was forgotten. Its checkpoints were deleted."
    assert refused.value.remedy == f"Drop the run: studio runs drop {number}"
