"""A manifest that a stranger wrote: every value is checked, and every fault is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_studio.bundles import reading
from lambda_studio.bundles.archive import Archive
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.written import CONTENTS, MASK, entries, plain_zip, sha
from tests.reliability.bundle_files import changed


def with_manifest(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return plain_zip(entries(**{"manifest.json": data}))


MANIFEST = json.loads(CONTENTS.encoded())
FIRST = ("concepts", 0)
FIRST_IMAGE = (*FIRST, "images", 0)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 2, "version is 2, but its contents are of version 1"),
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
        ((*FIRST, "images"), [], "concept 1: images is not a list of 1 to 10,000 images"),
        ((*FIRST_IMAGE, "sha256"), "../../etc/passwd", "concept 1, image 1: sha256 is not a SHA-256"),
        (
            (*FIRST_IMAGE, "caption"),
            7,
            "concept 1, image 1: caption is not null, or a line of at most 1,000 characters",
        ),
        ((*FIRST_IMAGE, "caption"), "", "concept 1, image 1: caption is not null, or a line of at most"),
        ((*FIRST_IMAGE, "caption"), "x" * 1001, "concept 1, image 1: caption is not null, or a line of at most"),
        ((*FIRST_IMAGE, "caption"), "a\ndog", "concept 1, image 1: caption is not null, or a line of at most"),
        ((*FIRST_IMAGE, "caption"), "a \u202edog", "concept 1, image 1: caption is not null, or a line of at most"),
        ((*FIRST_IMAGE, "mask"), "", "concept 1, image 1: mask is not a SHA-256 or null"),
        ((*FIRST_IMAGE, "width"), 10**9, "concept 1, image 1: width is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "height"), 1.5, "concept 1, image 1: height is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "height"), True, "concept 1, image 1: height is not a number from 1 to 1536"),
        ((*FIRST_IMAGE, "warnings"), [1], "concept 1, image 1: warnings is not a list of texts"),
        ((*FIRST_IMAGE, "embeddings"), [3], "concept 1, image 1, embedding 1 is not a table"),
        (["objects"], [], "objects is not a table"),
        (["objects", "x"], 1, "object 'x': name is not a SHA-256"),
        (["objects", sha(MASK)], -1, "size is not a number from 1 to"),
        (["objects", sha(MASK)], ..., f"object {sha(MASK)} is needed but not listed"),
        (["objects", sha(b"more")], 4, f"object {sha(b'more')} is listed but not needed"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(refusal, path, value, said) -> None:
    assert said in refusal(with_manifest(changed(MANIFEST, path, value)))


IMAGE = MANIFEST["concepts"][0]["images"][0]


def test_a_manifest_that_lists_too_much_is_refused(refusal) -> None:
    crowded = changed(MANIFEST, (*FIRST, "images"), [IMAGE] * 10_001)
    assert "concept 1: images is not a list of 1 to 10,000 images" in refusal(with_manifest(crowded))
    many = changed(MANIFEST, (*FIRST, "images"), [IMAGE] * 9_000)
    many["concepts"] *= 7
    assert "63,000 images are listed, more than 60,000" in refusal(with_manifest(many))
    large = changed(MANIFEST, (*FIRST, "images"), [IMAGE] * 600)
    large["objects"] = dict.fromkeys(large["objects"], 2**23)
    assert "10,066,329,600 bytes of images are listed, more than 8,589,934,592" in refusal(with_manifest(large))


@pytest.mark.parametrize(
    "value",
    [
        changed(MANIFEST, ("concepts",), [{}] * 50_000),
        changed(MANIFEST, (*FIRST, "images"), [{}] * 9_000),
        changed(MANIFEST, (*FIRST_IMAGE, "embeddings"), [{}] * 50_000),
    ],
    ids=["concepts", "images", "embeddings"],
)
def test_what_comes_after_many_faults_is_not_read(value: Any) -> None:
    faults: list[str] = []
    assert reading.read_contents(json.dumps(value).encode(), faults) is None
    assert reading.MOST_FAULTS <= len(faults) < reading.MOST_FAULTS + 10


def test_a_caption_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(with_manifest(changed(MANIFEST, (*FIRST_IMAGE, "caption"), "a dog")))
    with Archive(tmp_path / "x.zip") as archive:
        assert archive.contents.concepts[0].images[0].caption == "a dog"


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
