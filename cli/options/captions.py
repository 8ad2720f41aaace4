"""The option that gives images other captions."""

import re
from typing import TYPE_CHECKING

import click

from cli.options.masks import ORDINAL

if TYPE_CHECKING:
    from lambda_studio.studio import Called

captions_option = click.option(
    "--caption",
    "captions",
    multiple=True,
    metavar="N=TEXT",
    help="Give image N another caption; N= alone removes it. N is the image's number or file name. Repeat it for more.",
)


def by_image(texts: tuple[str, ...]) -> "dict[Called, str]":
    """Return captions by the numbers or names of their images. Raises UsageError."""
    found: dict[Called, str] = {}
    for text in texts:
        matched = re.fullmatch(r"([^=]+)=(.*)", text, re.DOTALL)
        if not matched:
            raise click.UsageError(f"--caption {text!r} is not N=TEXT, for example '1=rex on a sofa', or 1= for none")
        called = int(matched[1]) if ORDINAL.fullmatch(matched[1]) else matched[1]
        if called in found:
            raise click.UsageError(f"Image {called} is given two captions. Give it one.")
        found[called] = matched[2]
    return found
