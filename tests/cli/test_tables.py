"""Columns of text, and words that are counted."""

from cli.tables import counted, table


def test_columns_line_up() -> None:
    assert list(table(("NAME", "N"), [("a", 1), ("bcdefg", 22)])) == ["NAME    N", "a       1", "bcdefg  22"]
    assert list(table(("NAME",), [])) == []
    assert (counted(1, "image"), counted(2, "image")) == ("1 image", "2 images")
