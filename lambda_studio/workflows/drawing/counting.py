"""Progress over pictures and their steps."""

from collections.abc import Callable

from lambda_studio.config import GenerateConfig
from lambda_studio.progress import Advance


def by_picture(
    advance: Advance, config: GenerateConfig, count: int, total: int, before: int = 0
) -> Callable[[int, int], None]:
    """Return a callback for denoising steps that advances by one, and notes which pictures are being drawn.

    Args:
        config: the settings with which `count` pictures are drawn, so many at once.
        total: the number of all pictures. One picture has no note.
        before: the number of pictures that were drawn with other settings before.
    """

    def on_step(done: int, _: int) -> None:
        first = (done - 1) // config.steps_run * config.batch_size
        last = before + min(first + config.batch_size, count)
        first += before + 1
        said = f"picture {first}" if first == last else f"pictures {first} to {last}"
        advance(note=f"{said} of {total}" if total > 1 else "")

    return on_step
