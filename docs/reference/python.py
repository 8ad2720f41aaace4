"""The Python reference: Studio and its groups, configurations, answers and errors, from the code itself."""

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator

from concepts.errors import ConceptError
from docs.reference.markdown import NOTICE, code, escaped, table
from docs.reference.public import CONFIGURATIONS, ERROR_MODULES, OURS, STUDIO, UPKEEP
from docs.reference.source import (
    Function,
    attributes,
    classes_in,
    is_property,
    is_static,
    load,
    public_members,
    signature,
    tree,
    unquoted,
)
from lambda_studio.errors import StudioError

HEAD = f"# Python reference\n\n{NOTICE}\n"


def python_page() -> str:
    """Return the page that lists the public Python names."""
    studio = load(STUDIO)
    parts = [HEAD, *_module_line(STUDIO), *_class(studio, studio.__name__, "studio"), *_groups(studio)]
    parts += _class(load(UPKEEP), "Studio.upkeep(home)", "upkeep")
    parts += ["## Configurations\n"]
    for address in CONFIGURATIONS:
        kind = load(address)
        parts += [f"### {kind.__name__}\n", *_module_line(address), *_prose(kind.__doc__), *_fields(kind)]
    parts += ["## Answers\n", "What the methods return. All are frozen dataclasses.\n"]
    for kind in sorted(_answers(studio), key=lambda each: each.__name__):
        parts += [f"### {kind.__name__}\n", *_prose(kind.__doc__), *_fields(kind)]
    return "\n".join([*parts, *_errors()])


def groups(kind: type) -> Iterator[tuple[str, type]]:
    """Yield the properties of `kind` that return a group: an object of ours whose methods are use cases."""
    for name, node in public_members(kind):
        for found in classes_in(node.returns, kind) if is_property(node) else ():
            if _is_ours(found) and not dataclasses.is_dataclass(found):
                yield name, found


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in OURS


def _module_line(address: str) -> list[str]:
    module, _, name = address.partition(":")
    return [f"```python\nfrom {module} import {name}\n```\n"]


def _groups(studio: type) -> Iterator[str]:
    for name, kind in groups(studio):
        yield from _class(kind, f"studio.{name}", f"studio.{name}")


def _class(kind: type, title: str, instance: str) -> Iterator[str]:
    """Yield a class's heading, what it is, how it is made where a person makes it, and its members."""
    yield f"## {title}\n"
    yield from _prose(kind.__doc__)
    made = [node for node in tree(kind).body if isinstance(node, Function) and node.name == "__init__"]
    if title == kind.__name__:
        yield f"```python\n{signature(title, made[0])}\n```\n"
    group_names = [name for name, _ in groups(kind)]
    for name, node in public_members(kind):
        if name not in group_names:
            yield from _member(f"{kind.__name__ if is_static(node) else instance}.{name}", node)


def _member(name: str, node: Function) -> Iterator[str]:
    yield f"### {name}\n"
    if is_property(node):
        yield f"```python\n{name}: {unquoted(ast.unparse(node.returns)) if node.returns else 'Any'}\n```\n"
    else:
        yield f"```python\n{signature(name, node)}\n```\n"
    yield from _prose(ast.get_docstring(node))


def _prose(text: str | None) -> Iterator[str]:
    """Yield a docstring's paragraphs; a block such as `Raises:` becomes a list."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        title, _, block = paragraph.partition("\n")
        if re.fullmatch(r"(Args|Raises|Returns|Yields):", title) and block:
            items = re.sub(r"\n\s{2,}(?=\S)", " ", textwrap.dedent(block)).splitlines()
            yield f"**{title}**\n\n" + "\n".join(f"- {escaped(_item(each))}" for each in items) + "\n"
        elif paragraph:
            yield escaped(" ".join(paragraph.split())) + "\n"


def _item(line: str) -> str:
    name, colon, rest = line.partition(":")
    return f"`{name}`{colon}{rest}" if colon else line


def _fields(kind: type) -> Iterator[str]:
    titles = ("Field", "Type", "Default", "Meaning")
    yield table(
        titles,
        [
            (code(name), code(unquoted(note)), code(default) if default is not None else "", escaped(meaning))
            for name, note, default, meaning in attributes(kind)
        ],
    )


def _answers(studio: type) -> set[type]:
    """Return the dataclasses that public methods return, and those in their fields."""
    kinds = [studio, *(kind for _, kind in groups(studio)), load(UPKEEP)]
    nodes = [(node.returns, kind) for kind in kinds for _, node in public_members(kind)]
    found: set[type] = set()
    while nodes:
        for kind in classes_in(*nodes.pop()):
            if kind not in found and _is_ours(kind) and dataclasses.is_dataclass(kind):
                found.add(kind)
                nodes += [(ast.parse(note, mode="eval").body, kind) for _, note, _, _ in attributes(kind)]
    return found


def error_classes() -> list[type[ConceptError | StudioError]]:
    """Return every error class that has an exit code."""
    modules = map(importlib.import_module, ERROR_MODULES)
    found = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    errors = [each for each in found if issubclass(each, ConceptError | StudioError)]
    return sorted(errors, key=lambda each: (each.exit_code, each.__name__))


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "Each has a `cause`, a `remedy` and the `exit_code` that `studio` ends with.\n"
    yield table(
        ("Error", "Exit code", "Situation"),
        [
            (code(each.__name__), str(each.exit_code), escaped(" ".join((each.__doc__ or "").split())))
            for each in error_classes()
        ],
    )
