"""A directory is measured before zipfile reads it, and what zipfile reads is what was measured."""

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_studio.bundles import zip_directory
from lambda_studio.bundles.zip_directory import find_directory, open_zip
from tests.lambda_studio.bundles.hostile_zips import END, ended, entry, parts, second_end, zip64_within
from tests.lambda_studio.bundles.written import plain_zip

TWO = plain_zip({"a.jpg": b"a", "b.jpg": b"b"})
ENTRIES, DIRECTORY = parts(TWO)
COMMENT = TWO[:-2] + struct.pack("<H", 5) + b"hello"


def opened(content: bytes, max_entries: int = 9, max_directory: int = 999, plain: bool = False) -> list[str]:
    """The names in a ZIP file."""
    return open_zip(io.BytesIO(content), max_entries, max_directory, plain).namelist()


@pytest.fixture
def unread(monkeypatch) -> None:
    """Fails a test in which zipfile reads a file."""

    def read(file: object) -> zipfile.ZipFile:
        raise AssertionError("zipfile read the file")

    monkeypatch.setattr(zip_directory.zipfile, "ZipFile", read)


@pytest.mark.parametrize("content", [TWO, COMMENT, b"#!/bin/sh\n" + TWO, TWO + COMMENT])
def test_ordinary_files_are_read(content: bytes) -> None:
    assert opened(content) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("content", [COMMENT, b"#!/bin/sh\n" + TWO])
@pytest.mark.usefixtures("unread")
def test_a_plain_file_has_nothing_before_or_after_it(content: bytes) -> None:
    with pytest.raises(zipfile.BadZipFile, match="its directory of 2 entries is not valid"):
        opened(content, plain=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not end with"),
        (TWO[:-1], "does not end with"),
        (TWO + b"\0", "of 2 entries is not valid"),
        (zip64_within(TWO, 1000, 2), "ZIP64"),
        (second_end(TWO, 1000), "of 1 entries is not valid"),
        (ended(ENTRIES, DIRECTORY, 1), "of 1 entries is not valid"),
        (ended(ENTRIES, DIRECTORY, 3), "of 3 entries is not valid"),
        (ended(ENTRIES, DIRECTORY, 2, size=2**32 - 1), "is not valid"),
        (ended(ENTRIES, DIRECTORY, 2, size=len(DIRECTORY) - 1), "is not valid"),
        (ended(ENTRIES, DIRECTORY, 2, start=len(ENTRIES) + 1), "is not valid"),
        (ended(ENTRIES, DIRECTORY + b"x", 2), "is not valid"),
        (ended(ENTRIES, b"x" + DIRECTORY, 2), "is not valid"),
        (ended(b"", entry(b"a") * 10, 10), "of 10 entries is not valid"),
        (ended(b"", entry(b"a" * 1000), 1), "of 1 entries is not valid"),
        (TWO[:-18] + b"\1" + TWO[-17:], "is not valid"),
    ],
)
@pytest.mark.usefixtures("unread")
def test_what_is_beyond_the_limits_or_not_one_directory_is_not_read_by_zipfile(content: bytes, said: str) -> None:
    with pytest.raises(zipfile.BadZipFile, match=said):
        opened(content)


def test_what_zipfile_finds_beside_the_measured_directory_is_refused(monkeypatch) -> None:
    another = zipfile.ZipFile(io.BytesIO(plain_zip({"a.jpg": b"a", "c.jpg": b"b", "d.jpg": b""})))
    monkeypatch.setattr(zip_directory.zipfile, "ZipFile", lambda file: another)
    with pytest.raises(zipfile.BadZipFile, match="is not valid"):
        opened(TWO)


def test_a_name_that_zipfile_cannot_decode_is_a_bad_file() -> None:
    record = bytearray(entry(b"\xff"))
    struct.pack_into("<H", record, 8, 0x800)
    with pytest.raises(zipfile.BadZipFile, match="utf-8"):
        opened(ended(b"", bytes(record), 1))


SIGNATURES = st.sampled_from(
    [b"PK\5\6", b"PK\6\7", b"PK\1\2", b"\0\0", b"\xff\xff", b"\0\0\0\0", END.pack(*[b""] + [0] * 7)]
)


@settings(max_examples=500)
@given(
    base=st.sampled_from([TWO, COMMENT, zip64_within(TWO, 3, 2), second_end(TWO, 3)]),
    changes=st.lists(st.tuples(st.integers(0, 400), SIGNATURES), max_size=4),
    tail=st.lists(SIGNATURES, max_size=6).map(b"".join),
)
def test_the_directory_is_the_one_that_zipfile_reads(base: bytes, changes: list, tail: bytes) -> None:
    content = bytearray(base + tail)
    for back, value in changes:
        at = max(0, len(content) - back)
        content[at : at + len(value)] = value
    try:
        found = find_directory(io.BytesIO(content))
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return
    assert archive.start_dir == found.start
