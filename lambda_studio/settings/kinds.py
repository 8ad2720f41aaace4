"""The kinds of values that settings take, which TOML files, JSON and other programs give too."""

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple: "a list of texts"}
EXAMPLES = {bool: "true", int: "4", float: "0.5", str: '"adamw"'}


def kinds_of(settings: type) -> dict[str, Any]:
    """Return the annotation of each setting of a class."""
    names = [field.name for field in fields(settings)]
    return {name: hint for name, hint in get_type_hints(settings).items() if name in names}


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of the annotated kind. A whole number is a number; a list may stand for a tuple."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in args)
    if origin is Literal:
        return isinstance(value, str)  # which texts, the setting's own check says
    if origin is tuple:
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and fits(each, args[1]) for key, each in value.items()
        )
    if hint in (int, float):
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    return isinstance(value, hint)


def called(hint: Any) -> str:
    """Return the name of a kind of values, for messages."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(called(each) for each in args if each is not NoneType)
    if origin is Literal:
        return f"{', '.join(args[:-1])} or {args[-1]}"
    if origin is not None and issubclass(origin, Mapping):
        return "a number for each name"
    return NAMES[origin or hint]


def example_of(hint: Any) -> str:
    """Return a value of a kind as a TOML file has it, for messages. A list has none, as its texts differ."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return example_of(next(each for each in args if each is not NoneType))
    if origin is Literal:
        return f'"{args[0]}"'
    if origin is not None and issubclass(origin, Mapping):
        return "{rex = 2}"
    return EXAMPLES.get(origin or hint, "")
