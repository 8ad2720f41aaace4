"""What the source says of a class: signatures and attribute notes as they are written, annotations as classes."""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef


def load(address: str) -> Any:
    """Return the object at `module:name`."""
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def tree(kind: type) -> ast.ClassDef:
    """Return the syntax tree of a class."""
    parsed = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(parsed, ast.ClassDef)
    return parsed


def public_members(kind: type) -> Iterator[tuple[str, Function]]:
    """Yield the public methods and properties of a class and its bases, in the order of the source."""
    seen: set[str] = set()
    for base in [each for each in kind.__mro__ if each is not object]:
        for node in tree(base).body:
            if isinstance(node, Function) and not node.name.startswith("_") and node.name not in seen:
                seen.add(node.name)
                yield node.name, node


def is_property(node: Function) -> bool:
    """Return whether a member is read without a call."""
    return any("property" in ast.unparse(each) for each in node.decorator_list)


def is_static(node: Function) -> bool:
    """Return whether a member is called on the class itself."""
    return any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)


def signature(name: str, node: Function, width: int = 96) -> str:
    """Return a call as it is written in the source, without `self`; one argument a line where it is long."""
    pieces = _arguments(node.args)
    answer = f" -> {unquoted(ast.unparse(node.returns))}" if node.returns and node.name != "__init__" else ""
    line = f"{name}({', '.join(pieces)}){answer}"
    return line if len(line) <= width else f"{name}(\n" + "".join(f"    {each},\n" for each in pieces) + f"){answer}"


def unquoted(annotation: str) -> str:
    """Return an annotation without the quotes that a class needs which is imported late."""
    return annotation.strip("'\"")


def _arguments(arguments: ast.arguments) -> list[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    pieces = [
        _argument(each, arguments.defaults[index - missing] if index >= missing else None)
        for index, each in enumerate(positional)
        if each.arg != "self"
    ]
    if arguments.kwonlyargs:
        pieces.append("*")
    pieces += map(_argument, arguments.kwonlyargs, arguments.kw_defaults)
    return [*pieces, *([f"**{_argument(arguments.kwarg, None)}"] if arguments.kwarg else [])]


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    note = f": {unquoted(ast.unparse(argument.annotation))}" if argument.annotation else ""
    return f"{argument.arg}{note}" + (f" = {ast.unparse(default)}" if default is not None else "")


def attributes(kind: type) -> Iterator[tuple[str, str, str | None, str]]:
    """Yield name, annotation, default and note (the string below it) of each field of a dataclass."""
    for base in reversed([each for each in kind.__mro__ if each is not object]):
        body = tree(base).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if not node.target.id.startswith("_"):
                default = ast.unparse(node.value) if node.value else None
                yield node.target.id, ast.unparse(node.annotation), default, _text(after)


def _text(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return ""


def classes_in(annotation: ast.expr | None, owner: type) -> Iterator[type]:
    """Yield the classes that an annotation names, also those that its module imports for type checkers only."""
    if annotation is None:
        return
    for word in re.findall(r"\w+", ast.unparse(annotation)):
        found = names_of(owner.__module__).get(word)
        if isinstance(found, type):
            yield found


@cache
def names_of(module: str) -> dict[str, Any]:
    """Return what a module's names mean, with those that it imports under TYPE_CHECKING."""
    loaded = sys.modules[module]
    names = dict(vars(loaded))
    for block in ast.parse(inspect.getsource(loaded)).body:
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test):
            for node in [each for each in block.body if isinstance(each, ast.ImportFrom)]:
                if (node.module or "").startswith(("lambda_studio", "concepts")):
                    source = importlib.import_module(node.module or "")
                    names |= {each.asname or each.name: getattr(source, each.name) for each in node.names}
    return names
