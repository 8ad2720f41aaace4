"""Photos that are almost the same are told by name."""

from PIL import Image

from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.near_duplicates import NearDuplicates
from tests.lambda_studio.pictures.pattern import pattern, written


def test_near_duplicates_are_warned_of_by_name(tmp_path):
    first = written(tmp_path / "first.png", pattern())
    other = written(tmp_path / "other.png", pattern().transpose(Image.Transpose.ROTATE_180))
    again = written(tmp_path / "again.jpg", pattern(), quality=80)
    known = NearDuplicates()
    warnings = [known.warnings(open_photo(path)) for path in (first, other, again, first)]
    again_too = tuple(f"almost the same picture as {name}" for name in ("first.png", "again.jpg"))
    assert warnings == [(), (), again_too[:1], again_too]
