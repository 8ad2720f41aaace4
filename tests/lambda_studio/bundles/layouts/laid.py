"""Folders as people have them, and the plans that are made for them."""

from pathlib import Path

from lambda_studio.bundles.layouts.plan import Choices, Plan
from lambda_studio.bundles.layouts.planning import make_plan, root_of


def lay(root: Path, *names: str) -> Path:
    """Lay files of these names into a folder. They begin as a JPEG and end there, because a plan decodes no picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8")
    return root


def planned(source: Path, table: Path | None = None) -> Plan:
    """The plan for a folder or list."""
    return make_plan(source, root_of(source), Choices(table=table))


def subjects(plan: Plan) -> dict[str, tuple[str | None, list[str]]]:
    """The noun and the pictures of each subject."""
    return {each.name: (each.noun, [picture.file for picture in each.pictures]) for each in plan.subjects}


def masks(plan: Plan) -> dict[str, str]:
    """The mask of each picture that has one."""
    pictures = [picture for each in plan.subjects for picture in each.pictures]
    return {picture.file: picture.mask for picture in pictures if picture.mask}


def aside(plan: Plan) -> dict[str, str]:
    """Why each file is left aside."""
    return {f"{each.folder}/{name}".removeprefix("./"): each.why for each in plan.left_aside for name in each.files}


def faults(plan: Plan) -> list[str]:
    """The faults as they are told."""
    return list(map(str, plan.faults))
