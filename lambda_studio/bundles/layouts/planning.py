"""Make the plan of an import from the names in a folder, before any picture is opened."""

from pathlib import Path

from lambda_studio.bundles.layouts.files.masks import find_masks
from lambda_studio.bundles.layouts.files.tree import read_tree
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.listed import find_list, read_list, take_listed
from lambda_studio.bundles.layouts.plan import Choices, Plan
from lambda_studio.bundles.layouts.subfolders import take_folders
from lambda_studio.bundles.layouts.table import take_table
from lambda_studio.errors import BundleRefused


def root_of(source: Path) -> Path:
    """Return the folder that a source is: itself, or the folder of a list. Raises BundleRefused."""
    if not source.exists():
        raise BundleRefused(f"{source} does not exist.", "Check the path.")
    return source if source.is_dir() else source.parent


def make_plan(source: Path, root: Path, choices: Choices | None = None) -> Plan:
    """Return the plan for the pictures under `root`.

    Args:
        source: what the user gave: the folder itself, a list in it, or a ZIP file that was unpacked there.

    Raises BundleRefused if a list or table cannot be read.
    """
    tree = read_tree(root)
    found = Finding(tree, find_masks(tree.top))
    if choices and choices.table:
        take_table(found, choices.table)
    elif source.suffix.lower() == ".json" and source.is_file():
        take_listed(found, source, read_list(source))
    elif listed := find_list(tree.top):
        take_listed(found, *listed)
    else:
        take_folders(found, tree.top, source.stem if source.is_file() else source.resolve().name)
    return found.plan(str(source))
