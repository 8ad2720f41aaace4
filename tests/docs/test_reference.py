"""The generated pages are those that the code gives, and say what the code says."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from docs.reference import python
from docs.reference.commands import commands_page
from docs.reference.oracle import NAMES, oracle_page
from docs.reference.pages import PAGES
from tests.docs.pages import ROOT, called, every_path, options


@pytest.mark.parametrize(("path", "page"), PAGES.items(), ids=lambda value: getattr(value, "stem", ""))
def test_a_generated_page_is_not_stale(path: Path, page: Callable[[], str]) -> None:
    fresh = path.read_text(encoding="utf-8") == page()
    assert fresh, f"{path.relative_to(ROOT)} is stale. Write it anew: python -m docs.reference"


def test_the_reference_is_generated_without_torch() -> None:
    script = (
        "import sys\nfrom docs.reference.pages import PAGES\n[page() for page in PAGES.values()]\n"
        "sys.exit(' '.join({'torch', 'diffusers', 'open_clip'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_confusion_that_was_measured_is_on_the_page_about_the_oracle() -> None:
    found = json.loads((ROOT / "docs" / "measured.json").read_text(encoding="utf-8"))["judge-pictures"]["values"]
    lines = oracle_page().splitlines()
    for group, question in product(("one", "two"), ("noun", "main", "pattern", "worn", "place")):
        for pair, count in found[group][question]["confusion"].items():
            seen, given = pair.split(" as ")
            row = f"| {group} | {NAMES[question]} | {seen} | "
            assert any(line.startswith(row) and f"{given} {count}" in line for line in lines), pair


@pytest.mark.parametrize("path", sorted(every_path()))
def test_every_command_is_in_the_reference_with_its_options(path: str) -> None:
    _, found, rest = commands_page().partition(f"# {path}\n")
    assert found
    section = rest.partition("\n## ")[0].partition("\n### ")[0]
    own = options(called(path)) - {"--help", "--home", "--database", "--library", "--stack", "--json", "--debug"}
    for option in own:
        assert f"{option}" in section


@dataclass(frozen=True)
class Answer:
    """An answer."""

    size: int = 1
    """In `pixels`, or a|b."""


class Group:
    """What is about things."""

    def add(self, name: str, *, number: int = 1) -> Answer:
        """Add a thing <here>.

        Raises:
            NameInvalid: for a name
                that is empty.
        """
        raise NotImplementedError


class Front:
    """The front door."""

    def __init__(self, home: str):
        self.home = home

    @property
    def things(self) -> Group:
        """The things."""
        return Group()

    @property
    def title(self) -> str:
        """Its title."""
        return ""


def test_a_group_is_found_behind_its_property_and_its_answers_behind_its_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(python, "STUDIO", f"{__name__}:Front")
    monkeypatch.setattr(python, "UPKEEP", f"{__name__}:Group")
    monkeypatch.setattr(python, "OURS", (__name__.partition(".")[0],))
    page = python.python_page()
    assert "```python\nFront(home: str)\n```" in page
    assert "### studio.title\n\n```python\nstudio.title: str\n```" in page
    assert "### studio.things\n" not in page
    assert "## studio.things\n\nWhat is about things.\n" in page
    assert "studio.things.add(name: str, *, number: int = 1) -> Answer" in page
    assert "Add a thing &lt;here>.\n" in page
    assert "**Raises:**\n\n- `NameInvalid`: for a name that is empty.\n" in page
    assert "| `size` | `int` | `1` | In `pixels`, or a&#124;b. |" in page
