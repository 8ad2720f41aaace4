"""A list of concepts, as Custom Diffusion's `concepts_list.json`: each row has a folder and prompts."""

import re
from pathlib import Path, PureWindowsPath

from lambda_studio.bundles.layouts.files.masks import find_masks
from lambda_studio.bundles.layouts.files.tree import Folder, outside, read_tree
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.kohya import REGULARISATION
from lambda_studio.bundles.layouts.plan import Fault
from lambda_studio.bundles.layouts.rows import Row, read_rows
from lambda_studio.errors import BundleRefused

_NAME = re.compile(r"concepts?([ _-]?list)?\.json", re.IGNORECASE)
REMEDY = 'A list looks like this: [{"instance_data_dir": "data/cat", "class_prompt": "cat"}]'


def find_list(top: Folder) -> tuple[Path, list[Row]] | None:
    """Return the list of concepts in a folder with its rows, or None. Raises BundleRefused for two, or a bad one."""
    found = {}
    for path in (file for file in top.files if file.suffix.lower() == ".json"):
        if rows := _rows(path, named=bool(_NAME.fullmatch(path.name))):
            found[path] = rows
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BundleRefused(f"{top.path} has {len(found)} lists of concepts: {names}.", "Give one of them.")
    return next(iter(found.items()), None)


def _rows(path: Path, named: bool) -> list[Row] | None:
    """Return the rows of a JSON file. A file of another kind is refused if its name is that of a list."""
    try:
        rows = read_rows(path)
        if rows is None and named:
            raise ValueError("no row has a folder, for example instance_data_dir")
    except (ValueError, OSError) as error:
        if not named:
            return None
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise BundleRefused(f"{path} is not a list of concepts: {why}.", REMEDY) from error
    return rows


def read_list(path: Path) -> list[Row]:
    """Return the rows of a list that the user gave. Raises BundleRefused."""
    return _rows(path, named=True) or []


def take_listed(found: Finding, path: Path, rows: list[Row]) -> None:
    """Take the subjects of a list. Folders are looked up beside the list, then in the current folder."""
    found.layout = f"the list {path.name}"
    found.aside[path] = "the list of the subjects"
    seen: dict[Path, int] = {}
    for row in rows:
        where = f"{path.name}, row {row.number}"
        folder = None if row.fault else _folder(found, path.parent, row.folder or "")
        if fault := row.fault or _why_not(found, row, folder, seen):
            found.faults.append(Fault(where, fault))
        elif folder and row.is_off:
            found.put_aside(folder, "switched off in the list, or of a class")
        elif folder:
            seen[folder.path] = row.number
            found.take(row.name or folder.name, row.noun(folder.name), folder.every_file(), folder.path)
        if row.class_folder and (of_class := _known(found, path.parent / _posix(row.class_folder))):
            found.put_aside(of_class, REGULARISATION)


def _why_not(found: Finding, row: Row, folder: Folder | None, seen: dict[Path, int]) -> str | None:
    """Return why the pictures of a row's folder cannot be taken, or None."""
    told = f"{row.folder_key} {row.folder!r}"
    if folder is None:
        return f"names {told}, which is no folder"
    if real := outside(folder.path, found.tree.root):
        return f"names {told}, which is outside the folder, at {real}"
    if folder.path in seen:
        return f"names {told} again, as row {seen[folder.path]} does"
    return None if found.has_pictures(folder) else f"names {told}, which contains no pictures"


def _folder(found: Finding, beside: Path, text: str) -> Folder | None:
    """Return the folder of a row, as it is written or with slashes in place of backslashes."""
    for spelled in dict.fromkeys((text, _posix(text))):
        for path in (beside / spelled, Path(spelled)):
            if known := _known(found, path):
                return known
            if path.is_dir():
                return _read(found, path)
    return None


def _posix(text: str) -> str:
    return PureWindowsPath(text).as_posix()


def _known(found: Finding, path: Path) -> Folder | None:
    """Return a folder of the tree by its path."""
    wanted = path.resolve()
    return next((each for each in found.tree.top.every() if each.path.resolve() == wanted), None)


def _read(found: Finding, path: Path) -> Folder:
    """Read a folder of the current folder, with its masks. One that lies outside is not read."""
    if outside(path, found.tree.root):
        return Folder(path, (), ())
    tree = read_tree(path.absolute())
    masks = find_masks(tree.top)
    found.masks.add(masks)
    found.beside.append(tree.top)
    found.faults += tree.faults
    found.tree.odd.update(tree.odd)
    return tree.top
