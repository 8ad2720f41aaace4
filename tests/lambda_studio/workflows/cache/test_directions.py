"""The directions of concepts, read from the registry once and again only where something has changed."""

from dataclasses import replace

import numpy as np
import pytest

from concepts.records import NewImage, SeenImage
from lambda_studio.bundles.given import GivenView, Note
from lambda_studio.workflows.cache.directions import mean_directions, present_directions
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key

CLIP = Encoder("e" * 64, "float32")


@pytest.fixture
def see(studio):
    """Cache numbers as what CLIP saw of a concept's image."""

    def put(concept, index: int, *numbers: float, encoder: Encoder = CLIP) -> None:
        image, data = concept.images[index], np.array(numbers, dtype="<f4").tobytes()
        key = subject_key(image, encoder)
        given = (key.text, key.kind, data, (len(numbers),), "float32", image.sha, image.mask_sha)
        assert studio.database.write(lambda registry: registry.put_feature(*given))

    return put


def directions(studio, former=None):
    with studio.database.reading() as registry:
        return present_directions(registry, CLIP, former)


def test_a_concept_has_the_direction_of_its_mean_once_all_of_its_images_are_seen(studio, put, plain, see) -> None:
    rex, hat = put("rex", plain("red"), plain("blue")), put("hat", plain("lime"), plain("gray"))
    see(rex, 0, 3, 0)
    see(rex, 1, 0, 4)
    see(hat, 0, 1, 1)
    see(hat, 1, 1, 1, encoder=Encoder("f" * 64, "float32"))
    found = directions(studio)
    assert (found.ids.tolist(), found.not_seen) == ([rex.id], {hat.id})
    np.testing.assert_allclose(found.rows, [[0.6, 0.8]], rtol=1e-6)


def test_what_came_in_place_of_pictures_has_a_direction_too(studio, put, plain) -> None:
    image = put("cap", plain("red")).images[0]
    view = GivenView(
        encoder=CLIP.fingerprint,
        preprocessing=subject_key(image, CLIP).preprocessing,
        data=np.array([0, 2], dtype="<f4").tobytes(),
    )
    note = Note(pictures=((image.sha, None),), views=(view,)).encoded()
    rex = put("rex", NewImage(note, None, 1, 1, "left out"))
    dot = put("dot", NewImage(b"no note", None, 1, 1, "a picture of one pixel"))
    found = directions(studio)
    assert (found.ids.tolist(), found.rows.tolist()) == ([rex.id], [[0, 1]])
    assert dot.id in found.not_seen


def test_a_given_embedding_of_another_width_has_no_direction_and_hides_no_other(studio, put, plain) -> None:
    image = put("cap", plain("red")).images[0]
    prepared = subject_key(image, CLIP).preprocessing
    made = {}
    for name, numbers in (("long", [1] * 5), ("rex", [0, 2])):
        data = np.array(numbers, dtype="<f4").tobytes()
        view = GivenView(encoder=CLIP.fingerprint, preprocessing=prepared, data=data)
        note = Note(pictures=((image.sha, None),), views=(view,)).encoded()
        made[name] = put(name, NewImage(note, None, 1, 1, "left out"))
    with studio.database.reading() as registry:
        found = present_directions(registry, replace(CLIP, width=2), None)
    assert (found.ids.tolist(), found.rows.tolist()) == ([made["rex"].id], [[0, 1]])
    assert made["long"].id in found.not_seen


def test_they_are_read_again_only_where_something_has_changed_or_was_not_seen(studio, put, plain, see) -> None:
    rex = put("rex", plain("red"))
    first = directions(studio)
    assert directions(studio, first) is not first, "what was not seen may have been seen since"
    see(rex, 0, 1, 0)
    whole = directions(studio)
    assert directions(studio, whole) is whole
    put("hat", plain("red"))
    assert directions(studio, whole).ids.tolist() == [rex.id, rex.id + 1], "it has the same picture"
    with studio.database.reading() as registry:
        assert present_directions(registry, Encoder("f" * 64, "float32"), whole).ids.tolist() == []


def test_the_mean_is_over_all_images_of_a_concept_and_of_length_one() -> None:
    def seen(concept_id: int, *values: float) -> SeenImage:
        return SeenImage(concept_id, np.array(values, dtype=np.float32).tobytes(), "float32")

    counts = {7: 2, 8: 1, 9: 2, 10: 1, 11: 1, 12: 1, 13: 2, 14: 1}
    big = np.finfo(np.float32).max
    huge = [seen(12, big, big), seen(13, big, 0), seen(13, big, 0), seen(14, np.nan, 1)]
    images = [*huge, seen(7, 3, 0), seen(8, 0, 0), seen(9, 1, 1), seen(7, 0, 4), seen(10, 1, 2, 3), seen(11, -2, 0)]
    ids, rows = mean_directions(counts, images)
    assert ids.tolist() == [7, 8, 11], "of 9 an image is missing, 10 is of another length, 12 to 14 are no numbers"
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-6)
    assert mean_directions({}, [])[0].tolist() == []
