"""Which CLIP each stack had: noted by every version, and never believed where it cannot be read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders
from lambda_studio.workflows.cache.keys import FeatureKey

TINY, OTHER = Encoder("ab" * 32, "float32"), Encoder("cd" * 32, "float16")
RELEASED = sorted((Path(__file__).parents[3] / "formats").glob("*/home"))


def test_what_is_noted_is_read_and_says_its_format(tmp_path: Path) -> None:
    KnownEncoders(tmp_path).note("tiny", TINY)
    KnownEncoders(tmp_path).note("format", OTHER)
    assert KnownEncoders(tmp_path).read() == {"tiny": TINY, "format": OTHER}
    assert json.loads((tmp_path / "encoders.json").read_text()) == {
        "format": 2,
        "encoders": {
            "tiny": {"fingerprint": TINY.fingerprint, "dtype": "float32"},
            "format": {"fingerprint": OTHER.fingerprint, "dtype": "float16"},
        },
    }


def test_the_width_of_a_clips_embeddings_is_noted_beside_it_and_is_in_no_key(tmp_path: Path) -> None:
    known, wide = KnownEncoders(tmp_path), replace(TINY, width=32)
    known.note("tiny", TINY)
    known.note("tiny", wide)
    known.note("other", OTHER)
    assert known.read()["tiny"].width == 32
    assert known.widths() == {TINY.fingerprint: 32}
    key = FeatureKey(kind="image_embeds", encoder=wide, preprocessing="p")
    assert key.text == replace(key, encoder=TINY).text
    assert [wide.fits(bytes(size)) for size in (4, 128, 132)] == [False, True, False]
    assert TINY.fits(bytes(4)), "of an unknown width nothing is known"
    told = {"tiny": {**TINY.told, "width": "32"}}
    (tmp_path / "encoders.json").write_text(json.dumps({"format": 2, "encoders": told}))
    assert known.widths() == {}


@pytest.mark.parametrize("home", RELEASED, ids=lambda home: home.parent.name)
def test_a_note_of_a_released_version_is_read(home: Path) -> None:
    assert {"tiny", "miniature"} <= KnownEncoders(home).read().keys()


def test_a_note_of_0_1_is_read_and_then_written_anew_whole(tmp_path: Path) -> None:
    old = {"tiny": {"fingerprint": TINY.fingerprint, "dtype": "float32"}}
    (tmp_path / "encoders.json").write_text(json.dumps(old))
    assert KnownEncoders(tmp_path).read() == {"tiny": TINY}
    KnownEncoders(tmp_path).note("other", OTHER)
    assert KnownEncoders(tmp_path).read() == {"tiny": TINY, "other": OTHER}


def test_what_this_version_does_not_know_is_ignored(tmp_path: Path) -> None:
    said = {"fingerprint": TINY.fingerprint, "dtype": "float32", "device": "cpu"}
    (tmp_path / "encoders.json").write_text(json.dumps({"format": 2, "encoders": {"tiny": said}, "more": 1}))
    assert KnownEncoders(tmp_path).read() == {"tiny": TINY}


def test_a_note_that_is_nested_too_deeply_is_no_note(tmp_path: Path) -> None:
    (tmp_path / "encoders.json").write_text("[" * 200_000)
    assert KnownEncoders(tmp_path).read() == {}


@pytest.mark.parametrize("noted", [{"format": 3, "encoders": {}}, {"format": 2}, [], None, {"tiny": 1}, {"tiny": {}}])
def test_a_note_that_cannot_be_read_is_no_note(tmp_path: Path, noted: Any) -> None:
    (tmp_path / "encoders.json").write_text(json.dumps(noted))
    assert KnownEncoders(tmp_path).read() == {}
