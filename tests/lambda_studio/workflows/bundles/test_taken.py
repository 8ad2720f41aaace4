"""Planned subjects whose names the library has: new, taken, or there already by the names of their files."""

from dataclasses import replace

import pytest
from PIL import Image

from concepts.errors import ConceptExists
from lambda_studio.bundles.layouts.plan import NEW, PRESENT, TAKEN, Plan, PlannedPicture, PlannedSubject
from lambda_studio.workflows.bundles.taken import refuse_taken, skipped_of, with_states


def subject(name: str, noun: str, *files: str) -> PlannedSubject:
    """A planned subject with pictures of these files."""
    return PlannedSubject(name, noun, "given", name, tuple(PlannedPicture(f"{name}/{file}") for file in files))


@pytest.fixture
def states(studio, put, plain, tmp_path):
    """The states of planned subjects where the library has rex with red.png and lime.png."""
    concept = put("rex", plain("red"), plain("lime"))
    assert [image.source_name for image in concept.images] == ["red.png", "lime.png"]

    def states(*subjects: PlannedSubject, leave_out: bool = False) -> list[str]:
        plan = with_states(studio.workplace, Plan("set", "", subjects), tmp_path, leave_out)
        return [each.state for each in plan.subjects]

    states.noun = concept.noun
    return states


def test_a_name_with_the_same_noun_and_files_is_there_already_and_others_are_taken(states) -> None:
    noun = states.noun
    same, other = subject("Rex", noun, "lime.png", "red.png"), subject("rex", noun, "red.png", "a.png")
    assert states(same, subject("minka", "cat", "1.png")) == [PRESENT, NEW]
    assert states(other) == states(replace(same, noun="wolf")) == [TAKEN]
    more = subject("rex", noun, "red.png", "lime.png", "broken.png")
    assert (states(more), states(more, leave_out=True)) == ([TAKEN], [PRESENT])


def test_files_more_are_there_already_if_they_are_copies_of_its_pictures(states, box, studio, tmp_path) -> None:
    first, other = box(0), box(9)
    (tmp_path / "pal").mkdir()
    other.rename(tmp_path / "pal" / other.name)
    with Image.open(first) as image:
        image.save(tmp_path / "pal" / "copy.bmp")
    studio.concepts.add("pal", [first], noun="dog", segment="none")
    copy = subject("pal", "dog", first.name, "copy.bmp")
    more = subject("pal", "dog", first.name, "copy.bmp", other.name)
    assert (states(copy), states(more)) == ([PRESENT], [TAKEN])


def test_taken_names_are_refused_together_and_skipped_ones_are_told() -> None:
    subjects = [replace(subject(name, "dog"), state=state) for name, state in (("a", TAKEN), ("b", NEW), ("c", TAKEN))]
    plan = Plan("set", "", tuple(subjects))
    with pytest.raises(ConceptExists, match=r"have different content: 'a', 'c'\. Nothing was imported\."):
        refuse_taken(plan, "mine")
    refuse_taken(replace(plan, subjects=(subjects[1],)), "mine")
    assert [(each.name, each.state) for each in skipped_of(plan)] == [("a", "skipped"), ("c", "skipped")]
