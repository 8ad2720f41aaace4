"""The first file of an isolated process: it makes the named packages importable and runs the module.

`lambda_studio.processes.isolated` starts it by its path, so until then it imports only the standard library.
"""

import json
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class NamedPackages:
    """A finder of the named packages in their folders. It finds nothing else in these folders."""

    def __init__(self, folders: dict[str, str]):
        self.folders = folders

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a named package, else None, as `importlib.abc.MetaPathFinder.find_spec`."""
        return PathFinder.find_spec(name, [self.folders[name]]) if name in self.folders else None


def main(folders: str, module: str, *words: str) -> None:
    """Run a module as `python -m` does, without network if the system allows a process to give it up."""
    sys.meta_path.insert(0, NamedPackages(json.loads(folders)))
    from lambda_studio.processes.offline import cut_network  # importable from here on

    cut_network()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
