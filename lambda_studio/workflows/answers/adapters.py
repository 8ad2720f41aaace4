"""Answers about adapters."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from concepts.records import AdapterRecord, RunRecord
from lambda_studio.config import FinetuneConfig

BF16_ROUNDS_AWAY = 2**-9
"""bf16 has 8 significant bits: the next number after a weight is 1/256 to 1/128 of it away. A change below half of the
smaller step, 1/512 of the weight, is always rounded away."""


@dataclass(frozen=True)
class AdapterSource:
    """An adapter that another was made of, and its scale. `id` is None if the library does not have it any more."""

    id: int | None
    sha256: str
    scale: float


@dataclass(frozen=True)
class AdapterCard:
    """An adapter. `knows` maps each concept's name to its version; `removed` and `forgotten` list some names."""

    id: int
    method: str
    stack: str
    knows: dict[str, int]
    removed: tuple[str, ...]
    forgotten: tuple[str, ...]
    stale: bool
    created_at: datetime
    run_id: int | None
    settings: dict[str, Any]
    sha256: str
    path: Path
    missing: bool
    """This machine finds no file at `path`."""
    update_size: float | None = None
    """The norm of its update divided by the norm of the weights that it changes; None if it was not measured."""
    vanishes: bool = False
    """Its update is too small for bf16: see `BF16_ROUNDS_AWAY`."""
    name: str | None = None
    """Its name in the library, by which commands take it too."""
    made_of: tuple[AdapterSource, ...] = ()
    """The adapters that it was made of. This and the next three are only of `adapters.get`."""
    planned_steps: int | None = None
    """The steps that its run was to make. None: no run made it."""
    ended_step: int | None = None
    """The step after which its run ended early, because its scores rose no more."""
    kept: int | None = None
    """The step whose weights it has; None is the last one."""
    created: bool | None = None
    """False: the library had the adapter already. Only of `adapters.import_`."""


@dataclass(frozen=True)
class AdapterRecipe:
    """What an adapter was made of: the names of its concepts, and its settings."""

    names: tuple[str, ...]
    config: FinetuneConfig


@dataclass(frozen=True)
class ExportedAdapter:
    """An adapter in a folder for another library. `load` is the line of Python that loads it there."""

    id: int
    path: Path
    layout: str
    """`diffusers` or `peft`."""
    load: str


def with_run(card: AdapterCard, run: RunRecord) -> AdapterCard:
    """Return an adapter's card with how the run ended that made it."""
    ended, steps = run.settings.get("ended", {}), run.settings.get("config", {}).get("steps", FinetuneConfig().steps)
    return replace(card, planned_steps=steps, ended_step=ended.get("steps"), kept=ended.get("kept"))


def adapter_card(record: AdapterRecord, folder: Path) -> AdapterCard:
    """Convert an adapter's record; `folder` is where its file should be."""
    path, size = folder / record.file_name, record.settings.get("update_size")
    return AdapterCard(
        id=record.id,
        method=record.method,
        stack=record.stack,
        knows={seen.name: seen.version for seen in record.concepts},
        removed=tuple(seen.name for seen in record.concepts if seen.gone == "removed"),
        forgotten=tuple(seen.name for seen in record.concepts if seen.forgotten),
        stale=record.stale,
        created_at=record.created_at,
        run_id=record.run_id,
        settings=record.settings,
        sha256=record.sha256,
        path=path,
        missing=not path.is_file(),
        update_size=size,
        vanishes=size is not None and size < BF16_ROUNDS_AWAY,
        name=record.name,
    )
