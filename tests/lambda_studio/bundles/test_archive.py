"""A bundle is read as if an enemy had written it."""

import io
import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_studio.bundles import archive, reading
from lambda_studio.bundles.archive import Archive, require_bundle_size
from lambda_studio.bundles.contents import Contents
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.hostile_zips import nameless, renamed, zip64_within
from tests.lambda_studio.bundles.written import CONTENTS, MASK, OBJECTS, PICTURE, bundle, entries, plain_zip, sha


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
    assert "is not allowed in a bundle" in refusal(plain_zip(entries(**{name: b"x"})))


def test_a_link_is_refused(refusal) -> None:
    def link(entry: zipfile.ZipInfo) -> None:
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    assert refusal(plain_zip(entries(), link)).count("is not a regular file") == 3


def test_what_is_compressed_is_refused_unread(refusal) -> None:
    def deflated(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_DEFLATED

    bomb = plain_zip(entries(**{f"objects/{sha(b'')}": bytes(10**7)}), deflated)
    assert len(bomb) < 50_000
    assert refusal(bomb).count("is compressed, which bundles must not be") == 4


def test_an_entry_that_is_there_twice_is_refused(refusal) -> None:
    file = io.BytesIO(bundle())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as opened:
        opened.writestr(f"objects/{sha(PICTURE)}", PICTURE)
    assert f"entry 'objects/{sha(PICTURE)}' occurs 2 times" in refusal(file.getvalue())


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
    with Archive(tmp_path / "x.zip") as opened, pytest.raises(BundleRefused, match="do not match its name"):
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
    assert "60003 entries is not valid" in refusal(bytes(content))


def test_a_file_that_says_it_is_one_of_several_disks_is_refused(refusal) -> None:
    content = bytearray(bundle())
    content[-18] = 1
    assert "is not valid" in refusal(bytes(content))


def test_a_directory_that_a_zip64_record_replaces_is_refused(refusal) -> None:
    assert "is not a λ-Studio bundle: it is a ZIP64 file" in refusal(zip64_within(bundle(), 1000, 3))


def test_a_name_with_a_zero_byte_is_refused(refusal) -> None:
    longer = f"objects/{sha(b'more')}+../../evil"
    content = plain_zip(entries(**{longer: b"more"}))
    said = refusal(renamed(content, longer.encode(), longer.replace("+", "\0").encode()))
    assert f"entry 'objects/{sha(b'more')}' has the longer name" in said
    assert "entry '' is not allowed in a bundle" in refusal(nameless(bundle()))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_fifo_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BundleRefused, match="is not a regular file"):
        Archive(tmp_path / "fifo")
    with pytest.raises(BundleRefused, match="does not exist"):
        Archive(tmp_path / "gone.zip")


def test_a_bundle_without_a_manifest_is_refused(refusal) -> None:
    given = entries()
    del given["manifest.json"]
    assert "manifest.json is missing" in refusal(plain_zip(given))


def test_a_bundle_that_would_be_too_large_is_not_made() -> None:
    assert require_bundle_size(CONTENTS) > len(bundle())
    for many in ({str(n): 1 for n in range(reading.MAX_OBJECTS + 1)}, {str(n): 2**24 for n in range(256)}):
        with pytest.raises(BundleRefused, match="would be too large"):
            require_bundle_size(Contents(CONTENTS.concepts, many))
    (concept,) = CONTENTS.concepts
    often = replace(concept, images=concept.images * 6_000)
    crowded = replace(concept, images=concept.images * (reading.MAX_IMAGES + 1))
    large = dict.fromkeys(CONTENTS.objects, 2**18)
    for concepts, sizes in (((crowded,), CONTENTS.objects), ((often,) * 11, CONTENTS.objects), ((often,) * 3, large)):
        with pytest.raises(BundleRefused, match="would be too large"):
            require_bundle_size(Contents(concepts, sizes))


@settings(max_examples=400)
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
