"""A concept's images are read from the bundle one at a time, and only when they are asked for."""

from io import BytesIO
from pathlib import Path

import pytest

from concepts.records import manifest
from lambda_studio.bundles.archive import Archive, write_archive
from lambda_studio.bundles.contents import Contents
from lambda_studio.workflows.bundles.bundle_images import BundleImages, note_of
from tests.lambda_studio.workflows.bundles.test_from_bundle import (
    MASK,
    NOTE,
    PICTURE,
    VIEW,
    bound,
    concept,
    left_out,
    picture,
    sha,
)


@pytest.fixture
def archive(tmp_path: Path):
    """An open bundle with a picture and an older note."""
    known, buffer = {sha(data): data for data in (PICTURE, MASK, NOTE, VIEW)}, BytesIO()
    contents = Contents((concept("rex", "dog", picture(), left_out()),), {name: len(known[name]) for name in known})
    write_archive(buffer, contents, known.__getitem__)
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    with Archive(tmp_path / "x.zip") as opened:
        yield opened


@pytest.fixture
def images(archive: Archive) -> BundleImages:
    return BundleImages(archive, archive.contents.concepts[0].images)


def test_they_are_a_sequence_of_images_with_their_bytes(images: BundleImages) -> None:
    assert [(each.data, each.mask) for each in images] == [(PICTURE, MASK), (bound(), None)]
    assert (len(images), images[-1].data) == (2, bound())
    assert [each.data for each in images[:1]] == [PICTURE]
    with pytest.raises(IndexError):
        images[2]


def test_their_records_are_those_of_the_stored_images_and_need_only_the_notes(
    archive: Archive, images: BundleImages, monkeypatch
) -> None:
    stored, read = list(images), []
    bytes_of = archive.read
    monkeypatch.setattr(archive, "read", lambda name: read.append(name) or bytes_of(name))
    records = list(images.records())
    assert read == [sha(NOTE), sha(VIEW)]
    assert manifest("dog", records) == manifest("dog", stored)
    assert [record.source_name for record in records] == ["a.jpg", "a.jpg"]


def test_an_older_note_gets_its_embeddings(archive: Archive) -> None:
    assert note_of(archive, archive.contents.concepts[0].images[1]).encoded() == bound()
