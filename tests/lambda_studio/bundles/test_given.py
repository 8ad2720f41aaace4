"""The note in place of pictures: one spelling, read as if an enemy had written it."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_studio.bundles.given import MAX_DIM, MAX_PARTS, MAX_VIEWS, GivenView, Note, Part, read_note

VIEW = GivenView(encoder="e" * 64, preprocessing="cutout-1 cut_out", data=struct.pack("<2f", 1, -2))
NOTE = Note(pictures=(("a", "b"), ("c", None)), views=(VIEW,))


def test_a_note_has_one_spelling() -> None:
    older = Note(pictures=NOTE.pictures).encoded()
    assert older == b'{"format":"lambda-studio pictures left out","pictures":[["a","b"],["c",null]],"version":1}'
    assert NOTE.encoded() == (
        b'{"format":"lambda-studio pictures left out","from_cache":false,"pictures":[["a","b"],["c",null]],"version":2,'
        b'"views":[{"data":"AACAPwAAAMA=","dtype":"float32","encoder":"' + b"e" * 64 + b'",'
        b'"preprocessing":"cutout-1 cut_out","shape":[2]}]}'
    )
    assert (read_note(older).proven, read_note(NOTE.encoded()).proven) == (False, True)


views = st.builds(
    GivenView,
    encoder=st.text("0123456789abcdef", min_size=64, max_size=64),
    preprocessing=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    data=st.lists(st.floats(-99, 99, width=32), max_size=9).map(
        lambda numbers: struct.pack(f"<{len(numbers) + 1}f", 1, *numbers)
    ),
)
kinds = st.lists(views, max_size=3, unique_by=lambda view: (view.encoder, view.preprocessing))


@given(kinds, st.booleans())
def test_what_is_written_is_read_as_it_was(held: list[GivenView], from_cache: bool) -> None:
    ordered = tuple(sorted(held, key=lambda view: (view.encoder, view.preprocessing)))
    note = Note(pictures=NOTE.pictures, views=ordered, from_cache=from_cache and bool(held))
    assert read_note(note.encoded()) == note
    assert all(note.view(view.encoder, view.preprocessing) == view for view in held)
    assert note.view("0" * 63, "") is None


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(NOTE.encoded()), **fields}, sort_keys=True, separators=(",", ":")).encode()


SAID = json.loads(NOTE.encoded())["views"][0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        NOTE.encoded() + b"\n",
        NOTE.encoded()[:-1],
        changed(version=1),
        changed(version=3, format="another"),
        changed(version=10**7),
        changed(version=2.0),
        changed(version=[]),
        changed(views=[]),
        changed(views={}),
        changed(views=[3]),
        changed(views=[SAID] * (MAX_VIEWS + 1)),
        changed(from_cache=0),
        changed(more=1),
        changed(pictures=[["a"]]),
        changed(pictures=[["a", 3]]),
        *(
            changed(views=[{**SAID, name: value}])
            for name, value in (
                ("dtype", "float16"),
                ("shape", [3]),
                ("shape", [2, 1]),
                ("data", "AACAPwAAAMA"),
                ("data", "AACAPwAAAMB="),
                ("data", 3),
                ("encoder", "E" * 64),
                ("encoder", None),
                ("preprocessing", "x" * 1001),
                ("preprocessing", "\ud800"),
                ("preprocessing", None),
                ("more", 1),
            )
        ),
    ],
)
def test_what_is_not_spelled_so_is_no_note(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is not a note of pictures left out$"):
        read_note(data)


def test_a_note_of_a_newer_version_is_said_to_be_newer() -> None:
    with pytest.raises(ValueError, match=r"^is a note of version 4, which only a newer λ-Studio reads$"):
        read_note(changed(version=4, more=[1]))


PARTS = (Part(name="rex", manifest="a" * 64, weight=1.25), Part(name="hat", manifest="b" * 64, weight=-0.25))
BLEND = Note(views=(VIEW,), blend=PARTS)


def test_a_blend_has_a_version_of_its_own_and_comes_back() -> None:
    assert (json.loads(BLEND.encoded())["version"], json.loads(NOTE.encoded())["version"]) == (3, 2)
    assert read_note(BLEND.encoded()) == BLEND
    assert BLEND.stands_for not in (NOTE.stands_for, Note(views=(VIEW,)).stands_for)


PART = {"name": "rex", "manifest": "a" * 64, "weight": 0.5}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        {},
        [PART] * (MAX_PARTS + 1),
        [{"name": "rex", "manifest": "a" * 64}],
        *(
            [{**PART, name: value}]
            for name, value in (
                ("weight", 1), ("weight", 0.0), ("weight", 10.5), ("weight", "1"), ("weight", True), ("more", 1),
                ("manifest", "A" * 64), ("manifest", 3), ("name", ""), ("name", "x" * 1001), ("name", "\x1b[2J"),
                ("name", "\ud800"), ("name", 3),
            )
        ),
    ],
)  # fmt: skip
def test_parts_that_no_blend_has_are_refused(parts) -> None:
    told = {**json.loads(BLEND.encoded()), "blend": parts}
    with pytest.raises(ValueError, match=r"^is not a note of pictures left out$"):
        read_note(json.dumps(told, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (b"", f"is not an embedding of 1 to {MAX_DIM} numbers"),
        (b"abc", f"is not an embedding of 1 to {MAX_DIM} numbers"),
        (bytes(4 * MAX_DIM + 4), f"is not an embedding of 1 to {MAX_DIM} numbers"),
        (struct.pack("<f", math.nan), "is an embedding with NaN or infinite numbers"),
        (struct.pack("<f", math.inf), "is an embedding with NaN or infinite numbers"),
        (bytes(8), "is an embedding of the length 0, which no CLIP gives"),
        (struct.pack("<2f", 1e-45, 1e-45), "is an embedding of the length 1.98e-45, which no CLIP gives"),
        (struct.pack("<2f", 3e38, -3e38), r"is an embedding of the length 4.24e\+38, which no CLIP gives"),
    ],
)
def test_numbers_that_are_no_embedding_are_refused(numbers: bytes, said: str) -> None:
    view = GivenView(encoder="e" * 64, preprocessing="", data=numbers)
    with pytest.raises(ValueError, match=f"is a note, and one of its embeddings {said}"):
        read_note(Note(pictures=(), views=(view,)).encoded())


def test_two_embeddings_by_one_clip_are_refused() -> None:
    other = GivenView(encoder=VIEW.encoder, preprocessing=VIEW.preprocessing, data=struct.pack("<f", 1))
    with pytest.raises(ValueError, match="two embeddings by one CLIP"):
        read_note(Note(pictures=(), views=(VIEW, other)).encoded())
