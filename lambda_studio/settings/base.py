"""The base of all settings: bounds, and which fields were given."""

import difflib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from lambda_studio.errors import InvalidSetting
from lambda_studio.settings.kinds import called, fits, kinds_of
from lambda_studio.settings.toml import as_toml, read_settings


def require(condition: bool, cause: str, remedy: str, *fields: str) -> None:
    """Raise InvalidSetting if `condition` is false. `fields` are the settings in the cause or remedy."""
    if not condition:
        raise InvalidSetting(cause, remedy, *fields)


Config = TypeVar("Config", bound="Settings")

LARGEST = {
    "rank": 4096,
    "variants": 16,
    "lr_num_cycles": 1000,
    "holdout": 100,
    "patience": 1000,
    "steps": 10_000_000,
    "batch_size": 4096,
    "gradient_accumulation_steps": 4096,
    "checkpoint_every": 10_000_000,
    "lr_warmup_steps": 10_000_000,
    "resolution": 4096,
    "height": 4096,
    "width": 4096,
    "edges_low": 2040,
    "edges_high": 2040,
    "seed": 2**53,
}
"""Upper bounds. A seed beyond 2**53 is not exact in other programs' JSON."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that record the given fields, so that a stack's preferences replace only the other fields."""

    _given: InitVar[frozenset[str]] = frozenset()
    """The given fields of the object that `dataclasses.replace` copies. It must be the first field: see `__new__`."""

    not_in_files: ClassVar[frozenset[str]] = frozenset()
    """Fields that a file cannot give."""

    def __new__(cls: type[Config], **named: Any) -> Config:
        # dataclasses.replace passes the changed fields first, then every other field in order, beginning with _given.
        changed = list(named)[: list(named).index("_given")] if "_given" in named else named
        made = object.__new__(cls)
        object.__setattr__(made, "_given", frozenset(changed) | named.get("_given", frozenset()))
        return made

    def __post_init__(self, _given: frozenset[str]) -> None:
        for name, hint in kinds_of(type(self)).items():
            self._require(name, fits(getattr(self, name), hint), f"Give {called(hint)}.")

    @classmethod
    def from_toml(cls: type[Config], path: Path, spellings: Mapping[str, str] | None = None) -> Config:
        """Return the settings of a TOML file. Other `spellings` may be given, each with its setting.

        Raises InvalidSetting with the file's name, and with the nearest setting for one that is not known.
        """
        names = {each.name: each.name for each in fields(cls) if each.name not in cls.not_in_files}
        spelled = {key: name for key, name in (spellings or {}).items() if name in names}
        elsewhere = (spellings or {}).keys() - spelled.keys()
        found = cls.spelled(read_settings(path, {**names, **spelled}, kinds_of(cls), elsewhere))
        try:
            return cls(**found)
        except InvalidSetting as error:
            raise InvalidSetting(f"{path}: {error.cause}", error.remedy) from error

    @classmethod
    def spelled(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of a file, each as the setting has it."""
        return dict(values)

    @property
    def given(self) -> frozenset[str]:
        """The names of the given fields, even if a value equals the default."""
        names: frozenset[str] = vars(self)["_given"]
        return names

    def _require(self, field: str, condition: bool, remedy: str) -> None:
        require(condition, f"{field} is {shown(getattr(self, field))}.", remedy, field)

    def _require_between(self, least: int, *names: str) -> None:
        for name in names:
            value, most = getattr(self, name), LARGEST[name]
            self._require(name, value is None or least <= value <= most, f"Give {least} to {most}.")

    def preferring(self: Config, preferences: Mapping[str, Any]) -> Config:
        """Return these settings with `preferences` for the fields that were not given.

        Raises InvalidSetting, with the nearest field, for an unknown name.
        """
        known = [each.name for each in fields(self)]
        for name in preferences:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]}?" if near else f"Settings are: {', '.join(sorted(known))}."
            require(name in known, f"There is no setting {name!r}.", meant)
        wanted = {name: value for name, value in self.spelled(preferences).items() if name not in self.given}
        wanted |= {name: tuple(value) for name, value in wanted.items() if isinstance(value, list)}  # of JSON or TOML
        return replace(self, **wanted)


def shown(value: Any) -> str:
    """Return a value in a message: a text in quotation marks, a list as in a file, a switch as on or off."""
    if isinstance(value, tuple):
        return as_toml([*value])
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else repr(value)


def chosen_settings(config: Settings) -> dict[str, Any]:
    """Return the settings that differ from their default. They identify a run, even after new settings are added."""
    values = {field.name: (getattr(config, field.name), field.default) for field in fields(config)}
    return {name: value for name, (value, default) in values.items() if value != default}
