"""Write kept originals into one new folder: all or none."""

import re
from collections.abc import Iterable
from pathlib import Path

from concepts.durable import make_folder, require_room, staged_folder
from concepts.records import ConceptRecord
from lambda_studio.config import require
from lambda_studio.errors import OutputExists
from lambda_studio.workflows.workplace import Workplace

_LONGEST_NAME = 200
"""In bytes; file systems allow 255."""


def require_free(folder: Path) -> None:
    """Raise OutputExists if the folder exists."""
    if folder.exists() or folder.is_symlink():
        raise OutputExists(f"{folder} is already there.", "Give the name of a new folder.")


def kept_files(place: Workplace, concept: ConceptRecord) -> dict[str, bytes]:
    """Return the originals of a concept's images by their new file names. Raises InvalidSetting if none was kept."""
    kept = [(number, image) for number, image in enumerate(concept.images, start=1) if image.original_sha]
    cause = f"No original of {concept.name} was kept."
    require(bool(kept), cause, "If you have the files: studio concepts edit NAME --add IMAGE --keep-original")
    with place.database.reading() as registry:
        return {file_name(number, image.source_name): registry.blob(image.original_sha or "") for number, image in kept}


def file_name(number: int, source_name: str) -> str:
    """Return a unique name without path separators: `IMG_1.jpg` -> `1-IMG_1.jpg`."""
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", source_name)
    return f"{number}-{plain.encode()[-_LONGEST_NAME:].decode(errors='ignore')}"


def publish(folder: Path, files: Iterable[tuple[str, bytes]], size: int) -> None:
    """Write all files, of `size` bytes together, into a new folder, or none. Raises OutputExists, StorageFailed."""
    require_room(folder.parent, size, f"The folder {folder}")
    make_folder(folder.parent)
    with staged_folder(folder) as staged:
        for name, data in files:
            (staged / name).write_bytes(data)
