"""The sources of models: a folder, or a repository on the Hugging Face hub. Revision and hashes can be pinned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files.locating import (
    OTHER_ROUTES,
    OnDownload,
    download,
    file_sha256,
    find_cached,
    find_in_snapshots,
    is_hub_id,
)

SCHEMES = ("hf-hub:", "local-dir:")


@dataclass(frozen=True)
class Source:
    """The location of a model's files."""

    place: str
    """A folder or hub id. A hub id is never a folder: write `./org/name` for a folder of that name."""
    revision: str | None = None
    """The revision on the hub; None is the main branch."""
    variant: str | None = None
    """The preferred variant of weight files, such as fp16. Parts without this variant use their other files."""
    on_download: OnDownload | None = None
    """Called before a file is downloaded."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of files, by their names in the source. A file with another hash is refused."""
    parts: Mapping[str, "Source"] = field(default_factory=dict)
    """Sources that replace one folder of this one, such as a fine-tuned `unet`."""
    whose: str = ""
    """The part of a stack that is there, for messages."""

    @property
    def address(self) -> str:
        """The place without a scheme."""
        return next((self.place[len(each) :] for each in SCHEMES if self.place.startswith(each)), self.place)

    @property
    def is_hub(self) -> bool:
        """Whether the files are on the hub."""
        return not self.place.startswith("local-dir:") and is_hub_id(self.address)

    @property
    def folder(self) -> Path:
        """The folder of a source that is not on the hub."""
        return Path(self.address).expanduser()

    def find(self, names: Sequence[str]) -> Path | None:
        """Return the first of `names` on this machine, or None. Nothing is downloaded."""
        if not self.is_hub:
            return next((path for name in names if (path := self.folder / name).is_file()), None)
        cached = find_cached(self.address, names, self.revision)
        if cached or not self.revision:
            return cached
        # The pinned files may be cached under a later revision that changed other files.
        return next((found for name in names if (found := self._same_bytes(name))), None)

    def get(self, names: Sequence[str]) -> Path:
        """Return the first of `names`. It is downloaded from the hub if needed. Raises ModelFilesMissing."""
        found = self.find(names)
        if found:
            return found
        if self.is_hub:
            return download(self.address, names, self.revision, self.on_download)
        if not self.folder.is_dir() and self.whose:
            cause = f"There is no folder {self.address}, where the stack's {self.whose} should be."
            raise ModelFilesMissing(cause, f"Correct {self.whose} in the stack's file, or use stack=miniature.")
        if not self.folder.is_dir():
            raise ModelFilesMissing(f"There is no folder {self.address}.", OTHER_ROUTES)
        raise ModelFilesMissing(f"The folder {self.address} has no {' or '.join(names)}.", OTHER_ROUTES)

    def replaced(self, folder: str) -> "tuple[Source, str]":
        """Return the source of a part, and the prefix of the part's file names there."""
        source = self.parts.get(folder)
        if source is None:
            return self, f"{folder}/"
        return source, "" if source.find([f"{folder}/config.json"]) is None and source.find(
            ["config.json"]
        ) else f"{folder}/"

    def require_pinned(self, name: str, path: Path) -> None:
        """Raise ModelFilesInvalid if the source pins the SHA-256 of this file and the file has another one."""
        pinned = self.hashes.get(name)
        if pinned and file_sha256(path) != pinned:
            raise ModelFilesInvalid(
                f"{path} is not the pinned {name} of {self.address}: its SHA-256 is {file_sha256(path)[:12]}, "
                f"not {pinned[:12]}.",
                "Fetch it again, or correct the stack file's [hashes].",
            )

    def _same_bytes(self, name: str) -> Path | None:
        pinned = self.hashes.get(name)
        found = find_in_snapshots(self.address, name) if pinned else []
        return next((path for path in found if file_sha256(path) == pinned), None)
