"""A bundle is read as if an enemy had written it."""

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_studio.bundles import archive, reading
from lambda_studio.bundles.archive import Archive, require_bundle_size, write_archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage, Contents
from lambda_studio.errors import BundleRefused
from tests.reliability.bundle_files import changed

PICTURE, MASK = b"the bytes of a picture", b"the bytes of a mask"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


IMAGE = BundleImage(
    sha256=sha(PICTURE), mask=sha(MASK), width=64, height=48, source_name="photo.jpg", warnings=("tiny",)
)
CONTENTS = Contents(
    (BundleConcept(name="rex", noun="dog", manifest="0" * 64, images=(IMAGE,)),),
    {sha(data): len(data) for data in sorted((PICTURE, MASK), key=sha)},
)
OBJECTS = {sha(data): data for data in (PICTURE, MASK)}


def bundle(contents: Contents = CONTENTS) -> bytes:
    file = io.BytesIO()
    write_archive(file, contents, OBJECTS.__getitem__)
    return file.getvalue()


def plain_zip(entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda entry: None) -> bytes:
    """A ZIP file of these entries as anybody may write one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            change(entry)
            written.writestr(entry, data)
    return file.getvalue()


def entries(**more: bytes) -> dict[str, bytes]:
    objects = {f"objects/{name}": data for name, data in OBJECTS.items()}
    return {"manifest.json": CONTENTS.encoded(), **objects, **more}


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[bytes], str]:
    """Why these bytes are refused as a bundle."""

    def why(content: bytes) -> str:
        (tmp_path / "x.zip").write_bytes(content)
        with pytest.raises(BundleRefused) as caught:
            Archive(tmp_path / "x.zip")
        assert str(tmp_path / "x.zip") in caught.value.cause
        assert caught.value.remedy
        return caught.value.cause

    return why


def test_what_was_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(bundle())
    with Archive(tmp_path / "x.zip") as opened:
        assert opened.contents == CONTENTS
        assert opened.read(sha(PICTURE)) == PICTURE
        assert opened.faults == []


def test_the_same_contents_are_the_same_bytes() -> None:
    turned = Contents(CONTENTS.concepts, dict(reversed(CONTENTS.objects.items())))
    assert bundle() == bundle(turned)


def test_a_zip_by_another_hand_is_read_if_it_holds_the_same(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(plain_zip(entries()))
    with Archive(tmp_path / "x.zip") as opened:
        assert opened.contents == CONTENTS


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "objects/../../evil", "objects/" + "A" * 64, "objects/", "C:\\x", "x.pkl", "é"]
)
def test_any_other_name_is_refused(refusal, name: str) -> None:
    assert "may not be in a bundle" in refusal(plain_zip(entries(**{name: b"x"})))


def test_a_link_is_refused(refusal) -> None:
    def link(entry: zipfile.ZipInfo) -> None:
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    assert refusal(plain_zip(entries(), link)).count("is not a regular file") == 3


def test_what_is_compressed_is_refused_unread(refusal) -> None:
    def deflated(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_DEFLATED

    bomb = plain_zip(entries(**{f"objects/{sha(b'')}": bytes(10**7)}), deflated)
    assert len(bomb) < 50_000
    assert refusal(bomb).count("is compressed: bundles are not") == 4


def test_an_entry_that_is_there_twice_is_refused(refusal) -> None:
    file = io.BytesIO(bundle())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as opened:
        opened.writestr(f"objects/{sha(PICTURE)}", PICTURE)
    assert f"entry 'objects/{sha(PICTURE)}' is there 2 times" in refusal(file.getvalue())


def test_a_missing_and_a_foreign_object_are_both_named(refusal) -> None:
    given = entries(**{f"objects/{sha(b'more')}": b"more"})
    del given[f"objects/{sha(MASK)}"]
    said = refusal(plain_zip(given))
    assert "for 2 reasons" in said
    assert f"object {sha(MASK)} is missing" in said
    assert f"object {sha(b'more')} is not in the manifest" in said


def test_a_size_that_lies_is_refused(refusal) -> None:
    lying = Contents(CONTENTS.concepts, {**CONTENTS.objects, sha(MASK): 3})
    assert f"has {len(MASK)} bytes, and the manifest says 3" in refusal(bundle(lying))


def test_an_object_too_large_is_refused(refusal, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_OBJECT", 20)
    assert f"has {len(PICTURE)} bytes, more than 20" in refusal(bundle())


def test_wrong_bytes_are_refused_when_they_are_read(tmp_path: Path) -> None:
    wrong = plain_zip(entries(**{f"objects/{sha(MASK)}": b"the bytes of a Mask"}))
    (tmp_path / "x.zip").write_bytes(wrong)
    with Archive(tmp_path / "x.zip") as opened, pytest.raises(BundleRefused, match="are not what its name says"):
        opened.read(sha(MASK))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\5\6", b"GIF89a" + bytes(100), bundle()[:-1], bundle() + b"\0", b"#!/bin/sh\n" + bundle(), bundle()[50:]],
    ids=["nothing", "short", "gif", "cut", "longer", "before", "headless"],
)
def test_what_is_not_a_whole_zip_is_refused(refusal, content: bytes) -> None:
    refusal(content)


def test_a_list_of_entries_larger_than_it_can_be_is_refused(refusal) -> None:
    content = bytearray(bundle())
    content[-12:-10] = (60_003).to_bytes(2, "little")
    assert "60003 entries is odd" in refusal(bytes(content))


def test_a_file_that_says_it_is_one_of_several_disks_is_refused(refusal) -> None:
    content = bytearray(bundle())
    content[-18] = 1
    assert "is odd" in refusal(bytes(content))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_fifo_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BundleRefused, match="is not a regular file"):
        Archive(tmp_path / "fifo")
    with pytest.raises(BundleRefused, match="does not exist"):
        Archive(tmp_path / "gone.zip")


def with_manifest(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return plain_zip(entries(**{"manifest.json": data}))


MANIFEST = json.loads(CONTENTS.encoded())
FIRST = ("concepts", 0)
FIRST_IMAGE = (*FIRST, "images", 0)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 2, "version is 2, and what it holds is of 1"),
        (("version",), 0, "version is not 1 or 2, which this version reads"),
        (("version",), 10**9, "version is not 1 or 2, which this version reads"),
        (("version",), True, "version is not 1 or 2, which this version reads"),
        (("format",), "zip", "format is not 'lambda-studio bundle'"),
        (("format",), ..., "manifest.json lacks format"),
        (("concepts",), [], "concepts is not a list that is not empty"),
        (("concepts",), {}, "concepts is not a list that is not empty"),
        (FIRST, None, "concept 1 is not a table"),
        ((*FIRST, "name"), 7, "concept 1: name is not a short text"),
        ((*FIRST, "name"), "x" * 1001, "concept 1: name is not a short text"),
        ((*FIRST, "noun"), "\ud800", "concept 1: noun is not a short text"),
        ((*FIRST, "manifest"), "0" * 63, "concept 1: manifest is not a SHA-256"),
        ((*FIRST, "images"), [], "concept 1: images is not a list that is not empty"),
        ((*FIRST_IMAGE, "sha256"), "../../etc/passwd", "concept 1, image 1: sha256 is not a SHA-256"),
        ((*FIRST_IMAGE, "mask"), "", "concept 1, image 1: mask is not a SHA-256 or null"),
        ((*FIRST_IMAGE, "width"), 10**9, "concept 1, image 1: width is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "height"), 1.5, "concept 1, image 1: height is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "height"), True, "concept 1, image 1: height is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "warnings"), [1], "concept 1, image 1: warnings is not a list of texts"),
        ((*FIRST_IMAGE, "embeddings"), [3], "concept 1, image 1, embedding is not a table"),
        (["objects"], [], "objects is not a table"),
        (["objects", "x"], 1, "object 'x': name is not a SHA-256"),
        (["objects", sha(MASK)], -1, "size is not a number from 1 to"),
        (["objects", sha(MASK)], ..., f"object {sha(MASK)} is needed and not listed"),
        (["objects", sha(b"more")], 4, f"object {sha(b'more')} is listed and belongs to nothing"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(refusal, path, value, said) -> None:
    assert said in refusal(with_manifest(changed(MANIFEST, path, value)))


@pytest.mark.parametrize("path", [("more",), (*FIRST, "more"), (*FIRST_IMAGE, "more"), (*FIRST_IMAGE, "0")])
def test_fields_that_this_version_does_not_know_are_ignored(tmp_path: Path, path) -> None:
    (tmp_path / "x.zip").write_bytes(with_manifest(changed(MANIFEST, path, [{"a": 1}])))
    with Archive(tmp_path / "x.zip") as archive:
        assert archive.contents == CONTENTS


def test_a_newer_version_is_refused_with_the_remedy_to_update(tmp_path: Path) -> None:
    manifest = json.dumps({"format": "lambda-studio bundle", "version": 3, "all": "new"}).encode()
    (tmp_path / "x.zip").write_bytes(plain_zip(entries(**{"manifest.json": manifest, "index.json": b"{}"})))
    with pytest.raises(BundleRefused) as caught:
        Archive(tmp_path / "x.zip")
    said = f"{tmp_path / 'x.zip'} has format 3, and this version of λ-Studio reads formats up to 2."
    assert caught.value.cause == said
    assert caught.value.remedy == "Nothing was imported. Update λ-Studio: pip install -U lambda-studio."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{",
        b'{"format": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"version": 1' + b"0" * 9000,
    ],
)
def test_a_manifest_that_is_no_json_of_ours_is_refused(refusal, data: bytes) -> None:
    assert "manifest.json" in refusal(with_manifest(data))


def test_every_fault_of_a_manifest_is_told_and_of_very_many_the_first(refusal) -> None:
    value = changed(MANIFEST, (*FIRST, "manifest"), "no")
    value["concepts"] += [{"name": ""}] * 40
    said = refusal(with_manifest(value))
    assert "for 121 reasons" in said
    assert "concept 1: manifest is not a SHA-256" in said
    assert said.endswith("- and 91 more")
    assert len(said.splitlines()) == 32


def test_a_bundle_without_a_manifest_is_refused(refusal) -> None:
    given = entries()
    del given["manifest.json"]
    assert "manifest.json is missing" in refusal(plain_zip(given))


def test_a_bundle_that_would_be_too_large_is_not_made() -> None:
    assert require_bundle_size(CONTENTS) > len(bundle())
    for many in ({str(n): 1 for n in range(reading.MAX_OBJECTS + 1)}, {str(n): 2**24 for n in range(256)}):
        with pytest.raises(BundleRefused, match="would be too large"):
            require_bundle_size(Contents(CONTENTS.concepts, many))


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(bundle()) - 1), value=st.integers(0, 255))
def test_a_changed_byte_gives_the_same_contents_or_a_refusal(tmp_path_factory, at: int, value: int) -> None:
    content = bytearray(bundle())
    content[at] = value
    path = tmp_path_factory.mktemp("bytes") / "x.zip"
    path.write_bytes(content)
    try:
        with Archive(path) as opened:
            assert all(opened.read(each) == OBJECTS[each] for each in opened.contents.objects)
    except BundleRefused as error:
        assert error.cause.splitlines()
