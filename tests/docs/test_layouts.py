"""The trees of folder layouts in the documentation are folders that an import understands."""

import re
from pathlib import Path

import pytest

from lambda_studio.bundles.folders import find_concepts
from tests.docs.pages import DOCS

FOUND = {
    "pictures": [("red hat", "red hat"), ("rex", "rex")],
    "dreambench": [("dog", "dog"), ("red_cartoon", "cartoon")],
    "train": [("cat", "cat"), ("rex", "dog")],
    "custom": [("cat", "cat")],
}
LINE = re.compile(r"(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>\S(?:\S| (?! ))*)(?: {2,}(?P<told>.+))?")


def trees(page: Path) -> list[str]:
    """Return the trees of the page's text block, one for each layout."""
    (block,) = re.findall(r"```text\n(pictures/ .+?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return block.split("\n\n")


def plant(tree: str, root: Path) -> Path:
    """Make the tree's folders and files under `root`. Return its first folder."""
    above: list[Path] = []
    rows: list[str] = []
    for line in tree.splitlines():
        found = LINE.fullmatch(line)
        assert found, line
        depth = len(found["indent"]) // 4 + ("── " in line)
        path = (above[depth - 1] if depth else root) / found["name"]
        above[depth:] = [path]
        if found["name"].endswith("/"):
            path.mkdir()
            rows.append(found["told"] or "")
        else:
            path.write_text(found["told"] or "a picture", encoding="utf-8")
    if (classes := above[0] / "prompts_and_classes.txt").exists():
        classes.write_text("\n".join([classes.read_text(), *rows[1:]]) + "\n", encoding="utf-8")
    return above[0]


@pytest.mark.parametrize("name", FOUND)
def test_each_layout_of_the_guide_is_found_as_it_says(name: str, tmp_path: Path) -> None:
    (tree,) = [tree for tree in trees(DOCS / "adding-subjects.md") if tree.startswith(f"{name}/")]
    concepts = find_concepts(plant(tree, tmp_path))
    assert [(concept.name, concept.noun) for concept in concepts] == FOUND[name]
    assert len(trees(DOCS / "adding-subjects.md")) == len(FOUND)


def test_the_bundles_page_shows_the_same_layouts() -> None:
    (block,) = re.findall(r"```text\n(pictures/ .+?)```", (DOCS / "bundles.md").read_text("utf-8"), re.DOTALL)
    guide = "\n".join(trees(DOCS / "adding-subjects.md"))
    names = re.findall(r"[\w.]+(?: \w+)?/|[\w]+\.\w+", block)
    assert len(names) == 21 and [name for name in names if name not in guide] == []
