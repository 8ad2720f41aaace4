"""Import large libraries when they are used.

open_clip, torchvision and diffusers import torch._dynamo, transformers, timm and peft at their top, and many modules of
their own, for models and files that `studio` seldom loads. That takes longer than drawing a picture. In the process of
`studio` each of these libraries is a module whose names import it on their first use. Programs that import λ-Studio get
all libraries as they are.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

LIBRARIES = (
    "torch._dynamo",
    "torch.nn.attention.flex_attention",
    "torchvision.datasets",
    "torchvision.io",
    "torchvision.models",
    "diffusers.models.transformers",
    "transformers",
    "timm",
    "peft",
)


def unmarked(function: Any = None, *_: object, **__: object) -> Any:
    """Return the function as it is, or a decorator that does: marks for torch's compiler, which is not used."""
    return (lambda decorated: decorated) if function is None else function


MARKS = {("torch._dynamo", "allow_in_graph"): unmarked, ("torch._dynamo", "disable"): unmarked}


class LeanImports(MetaPathFinder, Loader):
    """A finder, first among Python's, that defers the import of `LIBRARIES`."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a deferred module. None leaves a module to the other finders."""
        library = library_of(name)
        if library is None or library in self._used:
            return None
        present = sys.modules.get(library)
        is_real = present is not None and not isinstance(present, DeferredModule)
        return None if is_real else spec_from_loader(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a deferred module."""
        return DeferredModule(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a deferred module is executed when it is used."""

    def use(self, module: str) -> ModuleType:
        """Import a module as it is, and its library with it."""
        library = library_of(module)
        if library not in self._used:
            self._used.add(library or module)
            self._forget(library or module)
        return importlib.import_module(module)

    @staticmethod
    def _forget(library: str) -> None:
        """Remove a library's deferred modules, so that its import finds the real ones."""
        deferred = [name for name, module in sys.modules.items() if isinstance(module, DeferredModule)]
        for name in deferred:
            if library_of(name) == library:
                package, _, child = name.rpartition(".")
                if package in sys.modules and vars(sys.modules[package]).get(child) is sys.modules[name]:
                    delattr(sys.modules[package], child)
                del sys.modules[name]


class DeferredModule(ModuleType):
    """A library, or a part of it, that is imported when it is used."""

    def __init__(self, name: str, finder: LeanImports):
        super().__init__(name)
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        if (self.__name__, name) in MARKS:
            return MARKS[self.__name__, name]
        if name == "__version__":
            return self._finder.use(self.__name__).__version__
        if name.startswith("__"):
            raise AttributeError(name)
        return Deferred(self._finder, self.__name__, name)


class Deferred:
    """A name of a library. The library is imported when the name is called, looked into, or subclassed."""

    def __init__(self, finder: LeanImports, module: str, name: str):
        self.__dict__.update(_finder=finder, _module=module, _name=name)

    def _found(self) -> Any:
        return getattr(self._finder.use(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._found(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._found(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._found())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._found())

    def __or__(self, other: Any) -> Any:
        return self._found() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._found()


def library_of(module: str) -> str | None:
    """Return which of `LIBRARIES` a module belongs to, or None."""
    return next((each for each in LIBRARIES if module == each or module.startswith(f"{each}.")), None)


def install() -> None:
    """Defer the libraries that are not imported yet."""
    sys.meta_path.insert(0, LeanImports())
