"""What becomes of a concept whose name is taken, and that all are stored or none."""

import pytest

from concepts.errors import ConceptExists
from concepts.records import NewImage, manifest
from lambda_studio.bundles.given import GivenView, Note
from lambda_studio.workflows.bundles.import_ import store
from lambda_studio.workflows.bundles.incoming import Incoming

PICTURES = (("0" * 64, None),)


def incoming(name: str, *images: NewImage, noun: str = "dog", left_out="", notes=()) -> Incoming:
    return Incoming(name, noun, manifest(noun, images), lambda: list(images), left_out, notes)


def told(done) -> list[tuple[str, str, str]]:
    return [(each.came_as, each.name, each.state) for each in done]


def shas(studio) -> dict[str, list[str]]:
    found = studio.workplace.get_concepts([each.name for each in studio.concepts.list()])
    return {concept.name: [image.sha for image in concept.images] for concept in found}


def test_what_is_there_already_is_no_conflict(studio, put, plain) -> None:
    put("Rex", plain("red"))
    done = store(studio.workplace, [incoming("rex", plain("red")), incoming("hat", plain("red"), notes=("a",))], "fail")
    assert told(done) == [("rex", "Rex", "there already"), ("hat", "hat", "added")]
    shared = "image 1 (red.png) is also image 1 of Rex. If both are the same subject, remove this one: "
    shared += "studio concepts remove hat"
    assert [each.notes for each in done] == [(), ("a", shared)]


def test_every_name_that_is_taken_is_said_and_nothing_is_stored(studio, put, plain) -> None:
    put("rex", plain("red"))
    put("hat", plain("red"))
    new = [incoming(name, plain("blue")) for name in ("cap", "rex", "hat")]
    with pytest.raises(ConceptExists, match="'rex', 'hat'"):
        store(studio.workplace, new, "fail")
    assert shas(studio).keys() == {"rex", "hat"}


def test_another_name_is_one_that_neither_the_library_nor_the_bundle_has(studio, put, plain) -> None:
    red, blue, lime = plain("red"), plain("blue"), plain("lime")
    put("rex", red)
    put("REX-2", red)
    new = [incoming("rex", blue), incoming("rex-3", lime)]
    assert told(store(studio.workplace, new, "rename")) == [("rex", "rex-4", "renamed"), ("rex-3", "rex-3", "added")]
    assert shas(studio) == {"rex": [red.sha], "REX-2": [red.sha], "rex-3": [lime.sha], "rex-4": [blue.sha]}


def test_a_rename_that_was_imported_before_is_there_already(studio, put, plain) -> None:
    put("rex", plain("red"))
    put("rex-x", plain("blue"))
    bundle = [incoming("Rex", plain("blue")), incoming("rex-2", plain("lime"))]
    first = told(store(studio.workplace, bundle, "rename"))
    assert first == [("Rex", "Rex-3", "renamed"), ("rex-2", "rex-2", "added")]
    before = shas(studio)
    again = told(store(studio.workplace, bundle, "rename"))
    assert again == [("Rex", "Rex-3", "there already"), ("rex-2", "rex-2", "there already")]
    assert shas(studio) == before
    studio.concepts.remove("rex-2")
    assert told(store(studio.workplace, bundle[:1], "rename")) == [("Rex", "Rex-3", "there already")], "a gap is no end"
    other = incoming("Rex", plain("blue"), noun="cat")
    assert told(store(studio.workplace, [other], "rename")) == [("Rex", "Rex-2", "renamed")], "that is other content"


def test_an_import_that_breaks_stores_none(studio, plain) -> None:
    def breaks() -> list[NewImage]:
        raise MemoryError

    with pytest.raises(MemoryError):
        store(studio.workplace, [incoming("rex", plain("red")), Incoming("hat", "hat", "0" * 64, breaks)], "fail")
    assert shas(studio) == {}


@pytest.mark.parametrize("on_conflict", ["fail", "skip", "rename"])
def test_an_embedding_of_unknown_origin_is_renewed_by_the_bundle_of_the_same_pictures(
    studio, put, on_conflict: str
) -> None:
    view = GivenView(encoder="e" * 64, preprocessing="cutout-1 cut_out", data=bytes(4) + b"\0\0\x80\x3f")
    doubtful = Note(pictures=PICTURES, views=(view,), from_cache=True)
    genuine = NewImage(Note(pictures=PICTURES, views=(view,)).encoded(), None, 1, 1, "left out")
    put("rex", NewImage(doubtful.encoded(), None, 1, 1, "left out"))
    new = incoming("rex", genuine, left_out=Note(pictures=PICTURES).stands_for)
    assert told(store(studio.workplace, [new], on_conflict)) == [("rex", "rex", "renewed")]
    assert shas(studio) == {"rex": [genuine.sha]}
    other = incoming(
        "rex", NewImage(doubtful.encoded(), None, 1, 1, "left out"), left_out=Note(pictures=PICTURES).stands_for
    )
    assert told(store(studio.workplace, [other], "skip")) == [("rex", "rex", "skipped")], "a proven one stays"
