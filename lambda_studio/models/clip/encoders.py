"""Open_clip's towers as two models of a diffusers pipeline, called as transformers' CLIPTextModelWithProjection is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accelerate import init_empty_weights
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.outputs import BaseOutput
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.models.clip.clip import Clip, Tower, build_clip
from lambda_studio.models.clip.text import encode_tokens


@dataclass
class TextOutput(BaseOutput):
    """The text tower's output, by transformers' names."""

    last_hidden_state: Tensor
    text_embeds: Tensor


@dataclass
class ImageOutput(BaseOutput):
    """The vision tower's output, by transformers' name."""

    image_embeds: Tensor


class OpenClipTextEncoder(ModelMixin, ConfigMixin):
    """The text tower of an open_clip network.

    Args:
        model_config: `model_cfg` of open_clip's configuration.
    """

    @register_to_config
    def __init__(self, model_config: dict[str, Any]):
        super().__init__()
        self.network = _built(model_config, ("text",))

    def forward(self, input_ids: Int[Tensor, "batch position"]) -> TextOutput:
        """Return the token states after the final layer norm, and the embedding of each text (not normalised)."""
        return TextOutput(*encode_tokens(self.network, input_ids))


class OpenClipImageEncoder(ModelMixin, ConfigMixin):
    """The vision tower of an open_clip network.

    Args:
        model_config: `model_cfg` of open_clip's configuration.
        image_size: The pixels on a side of its pictures.
    """

    @register_to_config
    def __init__(self, model_config: dict[str, Any], image_size: int = 224):
        super().__init__()
        self.network = _built(model_config, ("vision",))

    def forward(self, pixel_values: Float[Tensor, "image 3 size size"]) -> ImageOutput:
        """Return the embeddings (not normalised) of normalised pictures."""
        return ImageOutput(self.network.encode_image(pixel_values))


def text_encoder_of(clip: Clip) -> OpenClipTextEncoder:
    """Return the text tower of a CLIP that was loaded with this tower only. They share the network."""
    with init_empty_weights():
        encoder = OpenClipTextEncoder(clip.files.model_config)
    encoder.network = clip.model
    return encoder.eval()


def image_encoder_of(clip: Clip) -> OpenClipImageEncoder:
    """Return the vision tower of a CLIP that was loaded with this tower only. They share the network."""
    with init_empty_weights():
        encoder = OpenClipImageEncoder(clip.files.model_config, clip.image_size)
    encoder.network = clip.model
    return encoder.eval()


def _built(model_config: dict[str, Any], towers: Sequence[Tower]) -> Any:
    """Build a network on the CPU, or without values where `from_pretrained` or accelerate asks for that."""
    return build_clip(model_config, towers, device="cpu")
