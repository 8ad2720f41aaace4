"""Models that all stacks of a process share, and the locks for their use by several threads."""

import threading
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any
from weakref import WeakSet, WeakValueDictionary

BUILDING = threading.RLock()
"""Held while modules are built or loaded: diffusers, peft and open_clip then replace PyTorch's initialisers, default
dtype and random generator for the whole process."""
TRAINING = threading.Lock()
"""Held while a model is trained: the whole process shares accelerate's state."""


class LoadedModels:
    """The loaded parts of one stack's files, on one device, in one dtype, for all their holders."""

    def __init__(self) -> None:
        self.drawing = threading.RLock()
        """Held while pictures are drawn: an adapter changes the decoder, and a scheduler counts its steps."""
        self._models: dict[str, Any] = {}
        self._holders: dict[str, WeakSet[Any]] = {}

    @property
    def parts(self) -> frozenset[str]:
        """The loaded parts."""
        return frozenset(self._models)

    def peek(self, part: str) -> Any:
        """Return a part, or None if it is not loaded. Nobody becomes its user."""
        return self._models.get(part)

    def find(self, part: str, holder: object) -> Any:
        """Return a part and record `holder` as its user; return None if the part is not loaded."""
        model = self._models.get(part)
        if model is not None:
            self._holders[part].add(holder)
        return model

    def put(self, part: str, model: Any, holder: object) -> None:
        """Store a loaded part. The part before, if any, lives on with its other holders."""
        self._models[part] = model
        self._holders.setdefault(part, WeakSet()).add(holder)

    def held_alone(self, part: str, holder: object) -> bool:
        """Return whether a part is loaded and only `holder` uses it."""
        return part in self._models and set(self._holders[part]) <= {holder}

    def release(self, part: str, holder: object) -> None:
        """Remove `holder` from a part's holders, and drop the part if no holder remains."""
        if part in self._models:
            self._holders[part].discard(holder)
            if not self._holders[part]:
                del self._models[part]


_POOL: "WeakValueDictionary[Hashable, LoadedModels]" = WeakValueDictionary()


def loaded_models(key: Hashable) -> LoadedModels:
    """Return the models that the stacks of this key share. `key` names all that the weights depend on."""
    with BUILDING:
        models = _POOL.get(key)
        if models is None:
            models = _POOL[key] = LoadedModels()
        return models


def stamps(sources: Iterable[str | None]) -> tuple[tuple[str, int, int], ...]:
    """Return the path, size and time of each file in the sources that are folders, to detect replaced files."""
    folders = [Path(source.removeprefix("local-dir:")) for source in sources if source]
    files = sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file())
    return tuple((str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files)
