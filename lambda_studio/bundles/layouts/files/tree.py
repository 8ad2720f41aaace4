"""Read a folder's names, bounded, with one rule for symbolic links."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lambda_studio.bundles.layouts.files.kinds import has_picture, is_picture
from lambda_studio.bundles.layouts.plan import Fault
from lambda_studio.errors import BundleRefused

MAX_FILES = 100_000
MAX_DEPTH = 30
HIDDEN = re.compile(r"\.|__MACOSX$|Thumbs\.db$|desktop\.ini$", re.IGNORECASE)
"""How the names begin of what systems keep beside pictures."""
EMPTY = "an empty folder"


@dataclass(frozen=True)
class Folder:
    """A folder of the source with its visible files and folders, in natural order."""

    path: Path
    files: tuple[Path, ...]
    folders: tuple["Folder", ...]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    @cached_property
    def unnamed(self) -> frozenset[Path]:
        """The pictures among the files whose names have no suffix."""
        return frozenset(file for file in self.files if not file.suffix and has_picture(file))

    @property
    def pictures(self) -> Iterator[Path]:
        """Iterate over the files that are pictures which can be opened."""
        return (file for file in self.files if is_picture(file) or file in self.unnamed)

    def every_picture(self) -> Iterator[Path]:
        """Iterate over the pictures of this folder and of all folders in it."""
        return (file for folder in self.every() for file in folder.pictures)

    def every(self) -> Iterator["Folder"]:
        """Iterate over this folder and all folders in it."""
        yield self
        for folder in self.folders:
            yield from folder.every()

    def every_file(self) -> Iterator[Path]:
        """Iterate over the files of this folder and of all folders in it."""
        return (file for folder in self.every() for file in folder.files)


@dataclass
class Tree:
    """The names in a folder. `faults` has the links that are not followed; `odd` has a reason for other names.

    These are hidden names, special files and empty folders.
    """

    root: Path
    top: Folder
    faults: list[Fault] = field(default_factory=list)
    odd: dict[Path, str] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: in the source, with slashes."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `2.jpg` before `10.jpg`."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if at % 2 else (1, 0, part) for at, part in enumerate(parts)] + [(-1, 0, name)]


def read_tree(root: Path) -> Tree:
    """Return the names in a folder. Raises BundleRefused for too many files or too deep folders."""
    tree = Tree(root, Folder(root, (), ()))
    tree.top = _read(root, tree, (os.path.realpath(root),), [0])
    return tree


def outside(path: Path, root: Path) -> Path | None:
    """Return where a file or folder really is if that is outside the source and the current folder, else None."""
    real = path.resolve()
    inside = any(real.is_relative_to(folder) for folder in (root.resolve(), Path.cwd()))
    return None if inside else real


def _read(path: Path, tree: Tree, above: tuple[str, ...], count: list[int]) -> Folder:
    if len(above) > MAX_DEPTH:
        raise BundleRefused(f"{path} lies more than {MAX_DEPTH} folders deep.", "Give a folder nearer to the pictures.")
    files, folders = [], []
    for each in _entries(path, tree):
        count[0] += 1
        if count[0] > MAX_FILES:
            cause = f"{tree.root} has more than {MAX_FILES:,} files."
            raise BundleRefused(cause, "Give the folder that has only the subjects' pictures.")
        if _is_hidden(each, tree) or not _may_follow(each, tree, above):
            continue
        if os.path.isdir(each):  # unlike Path.is_dir, no error where a folder may not be entered
            folders.append(_read(each, tree, (*above, os.path.realpath(each)), count))
        else:
            files.append(each)
            if not os.path.isfile(each):
                tree.odd[each] = "no regular files"
    return Folder(path, tuple(files), tuple(folders))


def _entries(path: Path, tree: Tree) -> list[Path]:
    """Return what is in a folder. An empty folder in the source is noted; one that cannot be read is a fault."""
    try:
        found = sorted(path.iterdir(), key=lambda each: natural(each.name))
    except OSError as error:
        tree.faults.append(Fault(tree.shown(path), f"cannot be read: {error.strerror}"))
        return []
    if not found and path != tree.root:
        tree.odd[path] = EMPTY
    return found


def _is_hidden(path: Path, tree: Tree) -> bool:
    if HIDDEN.match(path.name):
        tree.odd[path] = "hidden"
        return True
    return False


def _may_follow(path: Path, tree: Tree, above: tuple[str, ...]) -> bool:
    """Return whether a path is no link, or a link to something in the source or the current folder. Else add a fault.

    A folder that contains itself through a link is not followed either.
    """
    if not path.is_symlink():
        return True
    if not os.path.exists(path):
        why = "is a link to nothing"
    elif real := outside(path, tree.root):
        why = f"is outside the folder, at {real}"
    elif os.path.realpath(path) in above:
        why = "is a link to a folder around it"
    else:
        return True
    tree.faults.append(Fault(tree.shown(path), why))
    return False
