"""Photos that are given again: as the same file, as a copy of its bytes, or with the same pixels in another file."""

from collections.abc import Callable
from pathlib import Path

from lambda_studio.pictures.files.refusals import named


class PhotosOnce:
    """Remembers photos by the bytes of their files and of their stored pictures. `shown` names a file in a note."""

    def __init__(self, shown: Callable[[Path], str] = named) -> None:
        self._shown = shown
        self._files: dict[str, Path] = {}
        self._pictures: dict[str, Path] = {}

    def same_file(self, path: Path, file_sha: str) -> str:
        """Return a note if a file with these bytes was remembered, else no text."""
        first = self._files.get(file_sha)
        if first is not None and first.resolve() == path.resolve():
            return f"{self._shown(path)} was given twice; one is kept"
        return self._note(path, first, "bytes")

    def same_picture(self, path: Path, picture_sha: str) -> str:
        """Return a note if a photo with this stored picture was remembered, else no text."""
        return self._note(path, self._pictures.get(picture_sha), "pixels")

    def remember(self, path: Path, file_sha: str, picture_sha: str) -> None:
        """Remember a photo that is kept."""
        self._files.setdefault(file_sha, path)
        self._pictures.setdefault(picture_sha, path)

    def _note(self, path: Path, first: Path | None, what: str) -> str:
        return f"{self._shown(path)} has the same {what} as {self._shown(first)}; one is kept" if first else ""
