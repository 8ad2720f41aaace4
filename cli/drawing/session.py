"""studio session: a line for prompts, with the models in memory."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.options.drawing import given_options, metadata_option, out_option, picture_options, prompt_options
from cli.screen import ctrl_c
from cli.screen.pictures import show_pictures
from cli.screen.prompting import typed
from cli.screen.terminal import notice
from cli.session import Session, given, pass_session
from cli.texts.drawing_lines import notices, picture_lines

if TYPE_CHECKING:
    from lambda_studio.studio import Studio

LONGEST = 2**16
"""The most bytes of a line that is not typed."""
ENDS = ("exit", "quit")
HELP = (
    "One prompt a line. Tab completes <names>, an empty line draws the last prompt again, # begins a comment, "
    "help shows this, exit or Ctrl-D ends."
)


@click.command("session", cls=StudioCommand)
@click.option("-n", "--number", "count", type=int, default=1, show_default=True, help="How many pictures of a prompt.")
@prompt_options
@picture_options
@click.option(
    "--adapter", "adapters", multiple=True, metavar="auto|none|ID[:SCALE]", help="As of generate.  [default: auto]"
)
@given_options
@click.option("--score/--no-score", default=None, help="As of generate.")
@metadata_option
@click.option("--show", is_flag=True, help="Show the pictures here, if the terminal can (kitty, iTerm2, sixel).")
@out_option
@hardware_options
@download_option
@pass_session
def command(
    session: Session,
    count: int,
    adapters: tuple[str, ...],
    edges: Path | None,
    from_image: Path | None,
    mask: Path | None,
    depth: Path | None,
    show: bool,
    out: Path,
    size: dict[str, Any] | None,
    **settings: Any,
) -> None:
    """Draw prompt after prompt, with the models kept in memory.

    Type a prompt, with Tab for names. It may end with --n NEGATIVE --w WIDTH --h HEIGHT --d SEED --l GUIDANCE
    --s STEPS. In a terminal, an empty line draws the last prompt again, with a new seed if none was given. Lines that
    begin with # are comments. help, exit and quit alone on a line are commands. Ctrl-C stops a drawing, Ctrl-D ends.

    Pictures that are given (--edges, --from-image, --mask, --depth) are given to every prompt.

    With --json, each prompt is answered by one line: an object with "drawn", the answers of generate, or with "error".

    \b
      studio session --out pictures
      studio session --from-image photo.jpg --strength 0.6
      printf 'a <rex>\\na <rex> in snow\\n' | studio session --json
    """
    from lambda_studio import GenerateConfig

    config = GenerateConfig(**given(**settings), **(size or {}))
    pictures: dict[str, Any] = {"edges": edges, "from_image": from_image, "mask": mask, "depth": depth}
    asked = {"config": config, "count": count, "adapter": adapters or "auto", "out": out, **pictures}
    worst, session.json_lines = 0, True
    with session.studio() as studio:
        studio.pictures.require_given(config, **pictures)
        for number, line in prompts(studio):
            worst = answered(session, studio, line, {**asked, "number": number}, show) or worst
    if worst and not sys.stdin.isatty():
        click.get_current_context().exit(worst)


def prompts(studio: "Studio") -> Iterator[tuple[int | None, str]]:
    """Yield each prompt that is typed, or that a program writes, which has the number of its line.

    A typed empty line is the prompt before it. Comments are left out, and commands are obeyed.
    """
    is_typed = sys.stdin.isatty()
    if is_typed:
        notice(HELP)
    last = ""
    lines = typed("> ", lambda: [each.name for each in studio.concepts.list()]) if is_typed else written()
    for number, line in enumerate(lines, start=1):
        said = line.strip()
        if said in ENDS:
            return
        if said == "help":
            notice(HELP)
        elif not said.startswith("#") and (said or (is_typed and last)):
            last = said or last
            yield None if is_typed else number, last


def written() -> Iterator[str]:
    """Yield each line of a program. Bytes that are not UTF-8 are halves of surrogate pairs."""
    for line in iter(lambda: sys.stdin.buffer.readline(LONGEST), b""):
        yield line.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def answered(session: Session, studio: "Studio", line: str, asked: dict[str, Any], show: bool) -> int:
    """Draw one prompt and print its answer. Return 0, or the exit code of what went wrong, which is printed too."""
    from cli.main import tell  # which imports the commands

    try:
        drawn = studio.pictures.of_line(line, **asked)
    except KeyboardInterrupt:
        ctrl_c.received.clear()  # the session goes on, and tells its errors
        notice("Stopped.")
        return 0
    except Exception as error:  # told like every error of a command; the next prompt may be right
        return tell(error, session, as_json=session.json)
    session.show({"drawn": drawn}, lambda: picture_lines(drawn))
    for said in notices(drawn, drawn, None, asked["adapter"] == "auto") if not session.json else ():
        notice(said)
    if show and not session.json and not show_pictures(drawn):
        notice("This terminal shows no pictures, or does not say that it can.")
    return 0
