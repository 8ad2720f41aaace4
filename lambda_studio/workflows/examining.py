"""Is everything here whole, and what to do where it is not."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from concepts.database import Database
from concepts.errors import ConceptError
from lambda_studio.errors import StudioError
from lambda_studio.models.stack import Stack


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where it is whole."""

    what: str
    said: str
    remedy: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing has to be done."""
        return not self.remedy


def findings(database: Database, library: str, stack: Stack, adapters_folder: Path) -> Iterator[Finding]:
    """Images and masks of the library against their hashes, adapter files against theirs, the stack's files."""
    yield _stored_images(database, library)
    yield from _adapter_files(database, library, adapters_folder)
    yield _stack_files(stack)


def _stored_images(database: Database, library: str) -> Finding:
    with database.reading() as registry:
        concepts = [registry.get_concept(library, name) for name in registry.concept_names(library)]
        images = [image for concept in concepts for image in concept.images]
        try:
            for sha in (sha for image in images for sha in (image.sha, image.mask_sha) if sha):
                registry.blob(sha)
        except ConceptError as error:
            return Finding(f"library {library}", error.cause, error.remedy)
    return Finding(f"library {library}", f"{len(concepts)} concepts, {len(images)} images: every hash is right")


def _adapter_files(database: Database, library: str, folder: Path) -> Iterator[Finding]:
    with database.reading() as registry:
        adapters = registry.adapters(library)
    for adapter in adapters:
        path, what = folder / adapter.file_name, f"adapter {adapter.id}"
        remedy = f"Forget it: studio adapters remove {adapter.id}. Then fine-tune again."
        if not path.is_file():
            yield Finding(what, f"its file is gone: {path}", remedy)
            continue
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == adapter.sha256
        yield Finding(what, "whole") if whole else Finding(what, f"its file is damaged: {path}", remedy)


def _stack_files(stack: Stack) -> Finding:
    what = f"stack {stack.spec.name}"
    try:
        stack.fingerprints()
    except StudioError as error:
        return Finding(what, error.cause, error.remedy)
    return Finding(what, f"its files are there; it runs on {stack.device} in {stack.dtype}".replace("torch.", ""))
