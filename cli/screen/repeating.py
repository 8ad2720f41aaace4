"""Commands in messages, with the global options that the user gave: pasted, they mean the same library and home."""

import re
import shlex
from collections.abc import Mapping

import click
from click.core import ParameterSource

EVERYWHERE = ("home", "database")
"""Options that each command needs again."""
OF_A_LIBRARY = "add-concept|concepts|finetune|generate|adapters|runs|library import|library export"
"""The commands that work in a library."""
WITH_MODELS = "add-concept|concepts|finetune|generate|adapters|models|doctor"
"""The commands that use a stack."""
EVERY = f"{OF_A_LIBRARY}|{WITH_MODELS}|library|db|demo|miniature"


def repeated(text: str, given: Mapping[str, object]) -> str:
    """Return the text with the given global options, by their names, in each command that it shows without them."""
    for name, value in reversed([*given.items()]):
        commands = {"library": OF_A_LIBRARY, "stack": WITH_MODELS}.get(name, EVERY if name in EVERYWHERE else "")
        if commands:
            option = f"studio --{name} {shlex.quote(str(value))} ".replace("\\", r"\\")
            others = rf"(?:--(?!{name} )\w+ \S+ )*"  # a command that has the option already keeps its own
            text = re.sub(rf"(?<![\w./<'-])studio (?={others}(?:{commands})\b)", option, text)
    return text


def same_command(context: click.Context) -> str:
    """Return the command line of a context with its own arguments and options: the global ones are `repeated`."""
    words = [context.command_path]
    for param in context.command.params:
        name = param.name or ""
        if name in context.params and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value, option = context.params[name], max(param.opts, key=len)
            for each in value if isinstance(value, tuple) else (value,):
                words += [option] if isinstance(param, click.Option) else []
                words += [] if value is True else [shlex.quote(str(each))]
    return " ".join(words)
