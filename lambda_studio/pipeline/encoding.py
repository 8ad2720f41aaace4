"""Encode prompts and pictures with the components of a pipeline, as `Clip` does for a stack."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from open_clip.tokenizer import get_clean_fn
from PIL import Image
from torch import Tensor

from lambda_studio.models.clip.clip import TextFeatures
from lambda_studio.models.clip.text import text_mask


class PipelineTokenizer:
    """An adapter from transformers' CLIPTokenizer to `prompt.Tokenizer`."""

    def __init__(self, tokenizer: Any, context_length: int):
        self.wrapped, self.context_length = tokenizer, context_length
        self.start_token: int = tokenizer.bos_token_id
        self.end_token: int = tokenizer.eos_token_id
        self._clean = get_clean_fn("lower")

    def encode(self, text: str) -> list[int]:
        """Return the tokens of `text`, without start and end, and without a limit. It is cleaned as open_clip does."""
        return self.wrapped(self._clean(text), add_special_tokens=False, verbose=False)["input_ids"]


class PipelineEncoders:
    """The text encoder and the image encoder of a pipeline, on the device that it runs on. Results are float32.

    Args:
        pipeline: it has text_encoder, tokenizer, image_encoder and image_processor.
        device: where the encoders run. Their weights may wait elsewhere.
    """

    def __init__(self, pipeline: Any, device: torch.device):
        self.pipeline, self.device = pipeline, device
        self.tokenizer = PipelineTokenizer(pipeline.tokenizer, pipeline.prior.config["num_embeddings"])
        self.image_size: int = pipeline.image_encoder.config.image_size

    @torch.no_grad()
    def encode_text(self, token_ids: Int[Tensor, "batch position"]) -> TextFeatures:
        """Return token states and pooled embeddings of prompts with a start and an end token."""
        token_ids = token_ids.to(self.device)
        output = self.pipeline.text_encoder(token_ids)
        mask = text_mask(token_ids, self.tokenizer.end_token)
        return TextFeatures(output.last_hidden_state.float(), output.text_embeds.float(), mask)

    def encode_images(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Embed square RGB pictures of `image_size` pixels, as `cut_out` and `square_crop` make them."""
        process = self.pipeline.image_processor
        pixels = process(list(images), do_resize=False, do_center_crop=False, return_tensors="pt").pixel_values
        return self._encode(pixels)

    def zero_image_embeds(self) -> Float[Tensor, " dim"]:
        """Return the embedding of an all-zero normalised picture: λ-ECLIPSE's input for no picture or no control."""
        return self._encode(torch.zeros(1, 3, self.image_size, self.image_size))[0]

    @torch.no_grad()
    def _encode(self, pixels: Float[Tensor, "image 3 size size"]) -> Float[Tensor, "image dim"]:
        encoder = self.pipeline.image_encoder
        return encoder(pixels.to(self.device, encoder.dtype)).image_embeds.float()
