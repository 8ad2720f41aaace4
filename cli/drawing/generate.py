"""studio generate PROMPT"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.options.aliases import Aliased
from cli.options.drawing import given_options, metadata_option, picture_options, prompt_options
from cli.screen.pictures import show_pictures
from cli.screen.terminal import notice
from cli.session import Session, given, pass_session
from cli.texts.drawing_lines import notices, picture_lines

LONGEST = 2**22
"""The most bytes of prompts that are read from the input."""
OPTIONS_OF_FILES = {".txt": "--file", ".png": "--from", ".jpg": "--from-image", ".jpeg": "--from-image"}
"""The option for a file that is given in the prompt's place."""
OPTIONS_OF_LETTERS = {
    "n": "--negative-prompt", "w": "--size", "h": "--size", "d": "--seed", "l": "--guidance", "s": "--steps",
}  # fmt: skip
"""The option for each letter that ends a line of a file."""


@click.command("generate", cls=StudioCommand)
@click.argument("prompt", required=False, metavar="PROMPT|-")
@click.option(
    "--file",
    "lines",
    metavar="FILE|-",
    help="Draw the prompts of this file, one a line; - reads them from the input. A line may end with --n NEGATIVE "
    "--w WIDTH --h HEIGHT --d SEED --l GUIDANCE --s STEPS. # begins a comment.",
)
@click.option(
    "--from",
    "picture",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="Draw this picture again: prompt, seed, settings and concepts are its own, where no others are given.",
)
@click.option(
    "-n",
    "--number",
    "count",
    cls=Aliased,
    aliases=("--num-images-per-prompt", "--of"),
    type=int,
    default=1,
    show_default=True,
    help="How many pictures to draw; also --of.",
)
@prompt_options
@picture_options
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="auto|none|ID[:SCALE]",
    help="The adapter to use, as 3 or pets, or scaled as 3:0.8; repeat it to add several. auto: the newest that knows "
    "every concept in the prompt.  [default: auto]",
)
@given_options
@click.option(
    "--score/--no-score", default=None, help="Measure each picture's likeness.  [default: the stack's, else no]"
)
@click.option("--best", type=int, metavar="N", help="Of the drawn pictures, keep the N with the highest likeness.")
@metadata_option
@click.option(
    "--sheet", type=click.Path(path_type=Path), metavar="FILE.png", help="Also put all pictures on one sheet."
)
@click.option("--show", is_flag=True, help="Show the pictures here, if the terminal can (kitty, iTerm2, sixel).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("outputs"),
    show_default=True,
    help="Folder for the pictures, or a name that ends in .png; several are numbered (a-0001.png).",
)
@hardware_options
@download_option
@pass_session
def command(
    session: Session,
    prompt: str | None,
    lines: str | None,
    picture: Path | None,
    size: dict[str, Any] | None,
    count: int,
    adapters: tuple[str, ...],
    edges: Path | None,
    from_image: Path | None,
    mask: Path | None,
    depth: Path | None,
    sheet: Path | None,
    show: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Draw pictures of a prompt that names concepts as <name>. No file is overwritten.

    The prompt - reads prompts from the input, as --file -.

    <rex:0.5> draws half of the subject and half of its noun, <rex#2> its second image, and <*:dog> each dog in turn.

    \b
      studio generate "a <rex> wearing a <red-hat> on the beach" -n 4 --seed 1
      studio generate "a <rex> in the snow" --best 4 --of 16
      studio generate --file prompts.txt --out pictures
      studio generate "a <rex> in the snow" --from-image photo.jpg --mask white-is-new.png
    """
    from lambda_studio import GenerateConfig

    if [prompt, lines, picture].count(None) != 2:
        raise click.UsageError("Give one of: a prompt, a file of prompts (--file), a picture (--from).")
    if prompt == "-":
        prompt, lines = None, prompt
    if prompt:
        require_words(prompt)
    config = GenerateConfig(**given(**settings), **(size or {}))
    asked: dict[str, Any] = {"config": config, "count": count, "out": out}
    asked |= {"edges": edges, "from_image": from_image, "mask": mask, "depth": depth}
    asked["adapter"] = adapters or (None if picture else "auto")
    answer: Any
    with session.studio() as studio:
        if sheet:
            studio.pictures.require_sheet(sheet)
        if picture is not None:
            again = studio.pictures.again(picture, **asked)
            answer, drawn = again, [again.drawn]
        elif lines is not None:
            source = sys.stdin.buffer.read(LONGEST + 1) if lines == "-" else Path(lines)
            answer = drawn = studio.pictures.of_file(source, **asked)
        else:
            drawn = studio.generate_all([prompt or ""], **asked)
            answer = drawn if studio.pictures.has_wildcards(prompt or "") else drawn[0]
        on_sheet = studio.pictures.sheet(drawn, sheet) if sheet else None
    session.show(answer, lambda: picture_lines(drawn))
    for said in notices(answer, drawn, on_sheet, by_itself(adapters)) if not session.json else ():
        notice(said)
    if show and not session.json and not show_pictures(drawn):
        notice("This terminal shows no pictures, or does not say that it can.")


def require_words(prompt: str) -> None:
    """Raise UsageError for a prompt that is a file's name, or ends as a line of a file."""
    option = OPTIONS_OF_FILES.get(Path(prompt).suffix.lower())
    if option and os.path.isfile(prompt):
        raise click.UsageError(f"{prompt} is a file. Give it with {option}.")
    if option and len(prompt.split()) == 1:
        raise click.UsageError(f"There is no file {prompt}. A file is given with {option}.")
    if found := re.search(rf"\s--([{''.join(OPTIONS_OF_LETTERS)}])\s", prompt):
        letter = found[1]
        known = f"Here, give {OPTIONS_OF_LETTERS[letter]} beside the prompt."
        raise click.UsageError(f"The prompt has --{letter}, as a line of a file or session may. {known}")


def by_itself(adapters: tuple[str, ...]) -> bool:
    """Return whether the studio chooses the adapter, perhaps scaled."""
    return all(each.strip().partition(":")[0] == "auto" for each in adapters)
