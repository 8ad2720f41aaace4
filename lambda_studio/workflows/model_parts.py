"""The parts of a stack: where their files are, and what is missing. Nothing is downloaded."""

from lambda_studio.errors import ModelFilesNotFetched, StudioError
from lambda_studio.models.stacks.files import DRAWING_PARTS, StackFiles
from lambda_studio.models.stacks.specification import StackSpec
from lambda_studio.workflows.answers.models import ModelPart


def parts_of(spec: StackSpec) -> list[ModelPart]:
    """Return the parts of a stack that drawing needs."""

    def refuse() -> None:
        raise ModelFilesNotFetched("It is not on this machine.", "Fetch it: studio models fetch")

    files = StackFiles(spec, refuse)
    return [_part(files, part) for part in DRAWING_PARTS]


def _part(files: StackFiles, part: str) -> ModelPart:
    spec, hub = files.spec, files.repositories(part)
    source, revision = (hub[0].address, hub[0].revision) if hub else (files.source(part).address, None)
    try:
        found, missing = tuple(files.part(part)), ""
    except StudioError as error:
        found, missing = (), error.cause
    size = sum(path.stat().st_size for path in found) if found else spec.sizes.get(part)
    return ModelPart(spec.name, part, source, revision, missing, size, found)
