"""Draw what is asked, and embed it by the metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lambda_studio.config import GenerateConfig
from lambda_studio.evaluation.measures import Likeness, View
from lambda_studio.generation.generator import draw_embeds
from lambda_studio.models.adapters.adapter import adapted
from lambda_studio.workflows.evaluating.asking import Asked, predicted
from lambda_studio.workflows.workplace import Workplace


@dataclass(frozen=True)
class Drawn:
    """Pictures, and what was asked for."""

    asked: Sequence[Asked]
    images: Sequence[Image.Image]

    def embeds(self, metric: Likeness) -> list[dict[str, Tensor]]:
        """Return each picture's embedding as each of its concepts, by name."""
        views = [View(image, each.noun) for each_asked, image in self._pairs() for each in each_asked.concepts]
        found = iter(metric.embed(views)) if views else iter(())
        return [{name: next(found) for name in each.names} for each in self.asked]

    def by_concept(self, metric: Likeness) -> dict[str, Tensor]:
        """Return the embeddings of pictures of one concept each, by its name."""
        rows: dict[str, list[Tensor]] = {}
        for each in self.embeds(metric):
            for name, embedding in each.items():
                rows.setdefault(name, []).append(embedding)
        return {name: torch.stack(embeddings) for name, embeddings in rows.items()}

    def whole(self, metric: Likeness) -> Tensor:
        """Return the embeddings of the pictures as pictures of nothing."""
        return metric.embed([View(image, "") for image in self.images])

    def _pairs(self) -> list[tuple[Asked, Image.Image]]:
        return list(zip(self.asked, self.images, strict=True))


class Drawer:
    """Draws with and without an adapter, the same embeddings and seeds."""

    def __init__(self, place: Workplace, asked: Mapping[str, Sequence[Asked]], config: GenerateConfig):
        """Predict the embeddings of all pictures. Afterwards neither CLIP nor the prior is in memory."""
        self.place, self.asked, self.config = place, asked, config
        self._embeds = {name: predicted(place, each) for name, each in asked.items() if each}
        self._zero = place.embedder.zero()
        place.stack.free("clip")
        place.stack.free("prior")

    @property
    def count(self) -> int:
        """The number of all pictures."""
        return sum(map(len, self.asked.values()))

    def draw(self, adapter: Path | None, advance: Callable[[int], object]) -> dict[str, Drawn]:
        """Draw everything with an adapter, or without any. `advance` is called with numbers of pictures."""
        stack, found = self.place.stack, {}
        with stack.drawing, adapted(stack.decoder(), adapter) as decoder:
            for name, embeds in self._embeds.items():
                asked = self.asked[name]
                images = draw_embeds(decoder, embeds, self._zero, [each.seed for each in asked], self.config)
                found[name] = Drawn(asked, [picture.to_image() for picture in images])
                advance(len(asked))
        return found
