"""The site's configuration: every page has its place in the navigation, and nothing comes from elsewhere."""

import tomllib
from collections.abc import Iterator
from typing import Any

from tests.docs.pages import DOCS, ROOT

PROJECT = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]


def targets(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the pages of a navigation, section by section."""
    for entry in entries:
        for place in entry.values():
            yield from [place] if isinstance(place, str) else targets(place)


def test_the_navigation_has_every_page_once_and_no_other() -> None:
    # The strict build says nothing of a page that is missing here, or that is here and does not exist.
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("decisions/")} - {"decisions/index.md"}  # its index has them
    found = list(targets(PROJECT["nav"]))
    assert len(found) == len(set(found))
    assert set(found) == pages - decisions


def test_nothing_is_fetched_when_a_page_is_read() -> None:
    assert PROJECT["theme"]["font"] is False  # else the pages load fonts from a server
    assert "extra_javascript" not in PROJECT
    assert all("//" not in path for path in PROJECT["extra_css"])
