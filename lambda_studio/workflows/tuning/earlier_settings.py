"""The settings of an earlier training in place of those that were not given, and what of both contradicts."""

from collections.abc import Mapping
from typing import Any

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting


def with_earlier(
    config: FinetuneConfig, earlier: Mapping[str, Any], whose: str, can_be_replaced: bool = True
) -> FinetuneConfig:
    """Return the given settings, with those of an earlier training for fields that were not given.

    Args:
        earlier: the other training's settings, by name.
        whose: how a message begins, as "Adapter 1 was trained".
        can_be_replaced: a given setting may differ from the other training's.

    Raises InvalidSetting. It names the earlier setting that a given one contradicts, and the way out.
    """
    try:
        return config.preferring(earlier)
    except InvalidSetting as error:
        theirs = _theirs(error, config, earlier)
        ours = [name for name in error.fields if name in config.given]
        if not theirs or not ours:
            raise
        cause = f"{whose} with {_said(theirs)}, which contradicts {_said({name: vars(config)[name] for name in ours})}."
        instead = _replaced(config, earlier) if can_be_replaced else {}
        ways = f"Leave out {' and '.join(ours)}" + (f", or give {_said(instead)} too" if instead else "")
        raise InvalidSetting(cause, f"{ways}.", *error.fields) from error


def _theirs(error: InvalidSetting, config: FinetuneConfig, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return the earlier settings of an error that are not defaults, and that no given setting replaces."""
    names = [name for name in error.fields if name in earlier and name not in config.given]
    return {name: earlier[name] for name in names if earlier[name] != getattr(FinetuneConfig, name)}


def _replaced(config: FinetuneConfig, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults that, in place of earlier settings, make the given ones valid; none if options cannot."""
    replaced: dict[str, Any] = {}
    while True:
        try:
            config.preferring({**earlier, **replaced})
        except InvalidSetting as error:
            defaults = {name: getattr(FinetuneConfig, name) for name in _theirs(error, config, {**earlier, **replaced})}
            if not defaults or any(value is None for value in defaults.values()):
                return {}
            replaced |= defaults
        else:
            return replaced


def _said(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())
