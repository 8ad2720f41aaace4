"""The text states of prompts, kept in memory."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from jaxtyping import Int
from torch import Tensor

from lambda_studio.models.clip.clip import Clip, TextFeatures

MOST_KEPT = 64
"""How many prompts' states are kept. With Kandinsky 2.2, each takes 0.4 MB."""

KeptStates = OrderedDict[tuple[int, ...], TextFeatures]
"""By token ids, the least recently used first."""


@dataclass(frozen=True)
class TextStates:
    """A CLIP whose text tower is loaded only for prompts that are not in `kept`.

    Each prompt is encoded alone, so that its states depend on no other prompt.
    """

    load: Callable[[], Clip]
    kept: KeptStates

    def encode_text(self, token_ids: Int[Tensor, "batch position"]) -> TextFeatures:
        """Return token states and pooled embeddings of prompts with a start and an end token."""
        found = [self._encoded(row) for row in token_ids]
        while len(self.kept) > MOST_KEPT:
            self.kept.popitem(last=False)
        return TextFeatures(
            *(torch.cat([getattr(each, field.name) for each in found]) for field in fields(TextFeatures))
        )

    def _encoded(self, row: Int[Tensor, " position"]) -> TextFeatures:
        key = tuple(row.tolist())
        if key not in self.kept:
            self.kept[key] = self.load().encode_text(row[None])
        self.kept.move_to_end(key)
        return self.kept[key]
