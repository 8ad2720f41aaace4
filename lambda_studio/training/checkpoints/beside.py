"""Write large checkpoints beside the training: the state is copied to memory, and a thread writes the copy."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from torch import Tensor

from lambda_studio.training.checkpoints.checkpoint import Checkpoint


class Writer:
    """A thread that writes one checkpoint at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[Checkpoint] | None = None

    def begin(self, write: Callable[[], Checkpoint]) -> None:
        """Call `write` in the thread. Nothing may be pending."""
        assert self._pending is None
        self._pending = self._pool.submit(write)

    def end(self) -> Checkpoint | None:
        """Wait for the pending checkpoint and return it, or None if there is none. Raises what `write` raised."""
        pending, self._pending = self._pending, None
        return pending.result() if pending else None

    def close(self) -> None:
        """Wait for the thread. An error of a checkpoint that nobody asked for is dropped with it."""
        self._pool.shutdown()


def copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state whose tensors are copies on the CPU."""
    return {key: _copy(value) for key, value in state.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return type(value)(map(_copy, value)) if isinstance(value, (list, tuple)) else value
