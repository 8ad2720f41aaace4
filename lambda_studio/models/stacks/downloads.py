"""What is said before the files of a stack are downloaded, and the refusal where none may be."""

from collections.abc import Callable
from typing import NoReturn

from lambda_studio.errors import ModelFilesNotFetched
from lambda_studio.models.files.locating import OTHER_ROUTES
from lambda_studio.models.stacks.specification import StackSpec


class Downloads:
    """The downloads of one stack.

    Args:
        without_gpu: whether the models will run on a CPU.
        on_notice: called before a download.
        agree: called with a question before a download on a machine without a GPU; it raises to stop the download.
    """

    def __init__(
        self, spec: StackSpec, without_gpu: bool, on_notice: Callable[[str], None], agree: Callable[[str], None]
    ):
        self._spec, self._without_gpu = spec, without_gpu
        self.notice, self._agree = on_notice, agree
        self._announced = False

    def announce(self) -> None:
        """Announce a download once: its source, size, licence and destination. Without a GPU, ask before it."""
        if self._announced:
            return
        from huggingface_hub.constants import HF_HUB_CACHE

        spec = self._spec
        self.notice(
            f"The stack {spec.name} is downloaded from the Hugging Face hub, once: {spec.download}. "
            f"Licence: {spec.licence}. Destination: {HF_HUB_CACHE} (HF_HOME changes it)."
        )
        if self._without_gpu:
            self._agree(f"PyTorch finds no GPU on this machine: {spec.on_cpu}. Download {spec.name} anyway?")
        self._announced = True

    def refuse(self) -> NoReturn:
        """Raise ModelFilesNotFetched in place of a download."""
        spec = self._spec
        cause = f"The stack {spec.name} is not, or not completely, on this machine: {spec.download}."
        remedy = f"The first command that draws, encodes or trains with it downloads the missing files. {OTHER_ROUTES}"
        raise ModelFilesNotFetched(cause, remedy)
