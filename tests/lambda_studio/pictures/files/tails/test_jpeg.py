"""A JPEG without its last bytes: completed where all rows are there, and only there."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.opening import SHORT, open_photo
from lambda_studio.pictures.files.tails.jpeg import completed

SHARED = Path(__file__).parents[5] / ".." / "shared"


def photograph(**options) -> bytes:
    buffer = io.BytesIO()
    with Image.open(SHARED / "dreambench" / "dog6" / "01.jpg") as image:
        image.resize((243, 197)).save(buffer, "JPEG", quality=85, **options)
    return buffer.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)


KINDS = [{}, {"subsampling": 0}, {"progressive": True}, {"restart_marker_blocks": 3}, {"optimize": True}]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("less", [1, 2, 3, 4])
def test_without_its_last_bytes_a_jpeg_has_all_of_its_rows(options, less) -> None:
    content = photograph(**options)
    whole = completed(content[:-less], 1536)
    assert whole is not None
    assert (decoded(whole) == decoded(content))[: -8 - 2].all()


@pytest.mark.parametrize("options", [*KINDS, {"progressive": True, "restart_marker_rows": 1}], ids=str)
def test_a_jpeg_whose_rows_are_missing_is_not_completed(options) -> None:
    content = photograph(**options)
    lengths = [20, 200, *range(700, len(content) - 250, 173)]
    assert [length for length in lengths if completed(content[:length], 1536) is not None] == []


def test_another_file_is_not_completed() -> None:
    assert [completed(each, 1536) for each in (b"", b"\xff\xd8", b"\xff\xd8\xff\xda\0", b"GIF89a")] == [None] * 4


def test_a_short_tail_is_taken_and_said_and_a_long_one_refused(tmp_path) -> None:
    assert open_photo(SHARED / "inputs" / "short3.jpg").warnings == (SHORT,)
    path = tmp_path / "a.jpg"
    path.write_bytes(photograph()[:-400])
    with pytest.raises(ImageRefused, match="cannot be read: it is cut off"):
        open_photo(path)
