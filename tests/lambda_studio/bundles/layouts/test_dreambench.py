"""DreamBench's file of nouns."""

from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.dreambench import read_classes

PUBLISHED = "Classes\n\nsubject_name,class\nbear_plushie,stuffed animal\ncat2,cat\n\nPrompts\n\nobject, b\n"


@pytest.mark.parametrize("spelled", [PUBLISHED, PUBLISHED.replace("\n", "\r\n"), "\ufeff" + PUBLISHED])
def test_the_nouns_are_read_as_published(tmp_path: Path, spelled: str) -> None:
    (tmp_path / "classes.txt").write_bytes(spelled.encode())
    assert read_classes(tmp_path / "classes.txt") == {"bear_plushie": "stuffed animal", "cat2": "cat"}


def test_a_file_without_the_table_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("bear,toy\n")
    with pytest.raises(ValueError, match="it has no line subject_name,class"):
        read_classes(path)
    path.write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        read_classes(path)
