"""The index of the decisions, from their first lines."""

from pathlib import Path

from docs.reference.markdown import NOTICE

FOLDER = Path(__file__).parents[1] / "decisions"
HEAD = f"""# Decisions

{NOTICE}

Each page says what the question was, what was chosen, and what the choice costs.

| | Decision |
|---|---|
"""


def decisions_page() -> str:
    """Return the page that links every decision."""
    return HEAD + "".join(_row(path) for path in sorted(FOLDER.glob("[0-9]*.md")))


def _row(path: Path) -> str:
    title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return f"| {path.name[:4]} | [{title}]({path.name}) |\n"
