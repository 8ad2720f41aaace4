"""Draw image embeddings, without a prompt."""

from collections.abc import Generator, Sequence

from torch import Tensor

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.generator import Picture, draw_embeds_each
from lambda_studio.models.adapters.adapter import ScaledFile, adapted
from lambda_studio.workflows.drawing.adapter_choice import ChosenAdapter
from lambda_studio.workflows.drawing.counting import by_picture
from lambda_studio.workflows.workplace import Workplace


def drawn_from(
    place: Workplace, image_embeds: Tensor, seeds: Sequence[int], config: GenerateConfig,
    adapters: Sequence[ChosenAdapter] = (),
) -> Generator[Picture, None, None]:  # fmt: skip
    """Draw one picture for each embedding, `batch dim`, and yield each when it is drawn. Large other parts are freed.

    Close the generator if you do not exhaust it: it holds the decoder.
    """
    zero = place.embedder.zero()
    place.stack.spare("clip")
    place.stack.spare("prior")
    total = -(-len(seeds) // config.batch_size) * config.num_inference_steps
    files = [ScaledFile(each.path, each.scale) for each in adapters]
    with (
        place.progress("Drawing", total=total) as advance,
        place.stack.drawing,
        adapted(place.stack.decoder(), files) as decoder,
    ):
        on_step = by_picture(advance, config, len(seeds), len(seeds))
        yield from draw_embeds_each(decoder, image_embeds, zero, seeds, config, on_step)
