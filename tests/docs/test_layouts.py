"""The trees of folder layouts in the documentation are folders that an import understands."""

import re
from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.planning import make_plan
from tests.docs.pages import DOCS

FOUND = {
    "pictures": [("red hat", "red hat"), ("rex", "rex")],
    "dreambench": [("dog", "dog"), ("red_cartoon", "cartoon")],
    "train": [("rex", "dog"), ("cat", "cat")],
    "custom": [("cat", "cat")],
    "masked": [("mug", "mug"), ("rex", "rex")],
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
            path.write_bytes(b"\xff\xd8" if path.suffix in (".jpg", ".png") else (found["told"] or "").encode())
    if (classes := above[0] / "prompts_and_classes.txt").exists():
        classes.write_text("\n".join([classes.read_text(), *rows[1:]]) + "\n", encoding="utf-8")
    return above[0]


@pytest.mark.parametrize("name", FOUND)
def test_each_layout_of_the_guide_is_found_as_it_says(name: str, tmp_path: Path) -> None:
    (tree,) = [tree for tree in trees(DOCS / "adding-subjects.md") if tree.startswith(f"{name}/")]
    root = plant(tree, tmp_path)
    plan = make_plan(root, root)
    assert [(each.name, each.noun) for each in plan.subjects] == FOUND[name]
    assert plan.faults == ()
    assert sum(each.masks for each in plan.subjects) == (2 if name == "masked" else 0)
    assert len(trees(DOCS / "adding-subjects.md")) == len(FOUND)
