"""`studio.models`: list, fetch and remove the model files of the stack in use."""

from typing import TYPE_CHECKING

from lambda_studio.errors import ModelFilesMissing
from lambda_studio.workflows.answers.models import ModelPart, RemovedModels
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.models.stacks.specification import StackSpec

GB = 10**9


class Models:
    """The model files of the stack in use."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def list(self) -> list[ModelPart]:
        """Return the parts of the stack in use and of the built-in stacks. Nothing is downloaded."""
        from lambda_studio.models.stacks.specification import BUILT_IN
        from lambda_studio.workflows.model_parts import parts_of

        specs = {spec.name: spec for spec in (self._place.spec, *BUILT_IN.values())}
        return [part for spec in specs.values() for part in parts_of(spec)]

    def fetch(self) -> tuple[ModelPart, ...]:
        """Download what is missing of the stack in use, and return its parts. An interrupted download is resumed.

        The user is told the size, the licence and the destination, and whether a picture fits this machine.

        Raises:
            ModelFilesMissing: a file cannot be downloaded, or the disk has too little room.
            ModelFilesInvalid: a file is not the pinned one.
        """
        from lambda_studio.workflows.model_parts import parts_of

        spec, stack = self._place.spec, self._place.stack
        missing = [part for part in parts_of(spec) if part.missing]
        if missing:
            _require_room(missing)
            self._place.notify(fits(spec, stack.free_memory() if stack.on_gpu else None))
        stack.fetch()
        return tuple(parts_of(spec))

    def removable(self) -> dict[str, int]:
        """Return the stack's repositories in the hub's cache, with their bytes. Other programs may use them too."""
        from lambda_studio.models.files.hub_cache import cached_repositories

        return cached_repositories(self._repositories())

    def remove(self) -> RemovedModels:
        """Remove the stack's repositories from the hub's cache. Files in other folders stay."""
        from lambda_studio.models.files.hub_cache import remove_repositories

        found = tuple(self.removable())
        return RemovedModels(found, remove_repositories(found) if found else 0)

    def _repositories(self) -> set[str]:
        from lambda_studio.models.stacks.files import DRAWING_PARTS, StackFiles

        files, others = StackFiles(self._place.spec), ("detector", "segmenter", "dino")
        return {place.address for part in (*DRAWING_PARTS, *others) for place in files.repositories(part)}


def fits(spec: "StackSpec", gpu_bytes: int | None) -> str:
    """Return the sentence that says whether drawing fits a GPU with this much free memory; None is no GPU."""
    if gpu_bytes is None:
        return f"PyTorch finds no GPU on this machine: {spec.on_cpu}."
    if spec.gpu_bytes is None:
        return f"The GPU has {gpu_bytes / 2**30:.1f} GiB free. How much {spec.name} needs is not known."
    verdict = "it fits" if spec.gpu_bytes <= gpu_bytes else "it does not fit"
    need, free = (f"{size / 2**30:.1f} GiB" for size in (spec.gpu_bytes, gpu_bytes))
    return f"A picture takes {need} of GPU memory, and {free} are free: {verdict}."


def _require_room(missing: "list[ModelPart]") -> None:
    """Raise ModelFilesMissing if the cache's disk has too little room for the parts whose size is known."""
    from lambda_studio.models.files.hub_cache import cache_folder, free_bytes

    needed, free = sum(part.size or 0 for part in missing), free_bytes()
    if needed > free:
        raise ModelFilesMissing(
            f"The download takes {needed / GB:.1f} GB, and {cache_folder()} has {free / GB:.1f} GB free.",
            "Free some space, or set HF_HOME to a folder on another disk.",
        )
