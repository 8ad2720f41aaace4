"""A claim's page: what the paper says, the table, the verdict; and its chart."""

from collections.abc import Iterator
from html import escape
from statistics import fmean

from lambda_studio.miniature.paper.claim import Result

BAR, GAP, LEFT, WIDTH, TOP = 18, 8, 190, 420, 34
INK, FAINT, COLOUR = "#20242a", "#60666d", "#1f5f9f"


def text_of(result: Result, date: str) -> str:
    """Return the page in Markdown."""
    claim = result.claim
    head = ["", *claim.columns]
    rows = [[way, *(result.cell(way, column) for column in claim.columns)] for way in claim.ways]
    lines = [
        f"# {claim.key}: {claim.title}",
        "",
        f"The paper: {claim.says}",
        "",
        f"Here: {claim.here}",
        "",
        f"**It {_verb(result.verdict)}.**",
        "",
        *(f"- {each.text}" for each in result.checked),
        "",
        *(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)),
        "",
        *(f"- {name}: {meaning}" for name, meaning in claim.columns.items()),
        "",
        f"![{claim.title}]({claim.key}.svg)",
        "",
        f"{_over(result)}, {date}:",
        "",
        f"    {command_of(result)}",
        "",
    ]
    return "\n".join(lines)


def _over(result: Result) -> str:
    if result.claim.counted:
        return "Counted"
    seeds = len(result.seeds)
    over = "One seed, which decides nothing," if seeds == 1 else f"Mean and standard deviation over {seeds} seeds"
    return f"{over} with {result.pictures} subjects or pictures each"


def command_of(result: Result) -> str:
    """Return the command that measures it."""
    command = f"studio evaluate paper {result.claim.key}"
    return command if result.claim.counted else f"{command} --seeds {len(result.seeds)} --pictures {result.pictures}"


def _verb(verdict: str) -> str:
    return {"unclear": "is unclear whether it agrees with the paper"}.get(verdict, f"{verdict} with the paper")


def chart(result: Result) -> str:
    """Return an SVG: a group of bars for each column, a bar for each way, and a dot for each seed."""
    groups = list(_groups(result))
    height = TOP + sum(size for *_, size in groups)
    body, y = [], float(TOP)
    for column, bars, size in groups:
        body.append(_text(8, y, column, INK, 13))
        full = max(1.0, *(fmean(values) for _, values in bars))
        for number, (way, values) in enumerate(bars):
            body += _bar(way, values, full, y + 10 + number * (BAR + GAP))
        y += size
    title = _text(8, 18, f"{result.claim.key}: {result.claim.title}", INK, 14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 80} {height:g}" '
        f'font-family="system-ui, sans-serif" role="img">\n' + "\n".join([title, *body]) + "\n</svg>\n"
    )


def _groups(result: Result) -> Iterator[tuple[str, list[tuple[str, list[float]]], float]]:
    for column in result.claim.columns:
        measured = [(way, result.values(way, column)) for way in result.claim.ways]
        bars = [(way, values) for way, values in measured if values]
        yield column, bars, len(bars) * (BAR + GAP) + 34


def _bar(way: str, values: list[float], full: float, y: int | float) -> list[str]:
    """Return a bar from 0 to the mean, on an axis from 0 to `full`, with a dot for each seed."""
    mean = fmean(values)
    middle, width = y + BAR / 2, _x(mean / full) - LEFT
    dots = [f'<circle cx="{_x(value / full):.1f}" cy="{middle:g}" r="2.5" fill="{INK}"/>' for value in values]
    return [
        _text(LEFT - 8, middle + 4, way, FAINT, 12, "end"),
        f'<rect x="{LEFT}" y="{y:g}" width="{width:.1f}" height="{BAR}" fill="{COLOUR}" opacity="0.75"/>',
        *dots,
        _text(LEFT + WIDTH + 8, middle + 4, f"{mean:.3f}", INK, 12),
    ]


def _x(value: float) -> float:
    return LEFT + WIDTH * min(max(value, 0.0), 1.0)


def _text(x: int | float, y: int | float, said: str, colour: str, size: int, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(said)}</text>'
