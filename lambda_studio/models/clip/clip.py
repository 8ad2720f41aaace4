"""Load CLIP with open_clip, and embed pictures and prompts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import numpy as np
import open_clip
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from open_clip.model import CLIP, CustomTextCLIP
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lambda_studio.config import require
from lambda_studio.errors import ModelFilesInvalid, StudioError
from lambda_studio.models.clip.files import ClipFiles, ClipSource, TokenizerFiles, find_clip, tokenizer_files
from lambda_studio.models.clip.text import causal_mask, encode_tokens, text_mask
from lambda_studio.models.clip.towers import tower_tensor
from lambda_studio.models.files.locating import OTHER_ROUTES

Tower = Literal["text", "vision"]
BOTH_TOWERS: tuple[Tower, ...] = ("text", "vision")
TEXT_PARTS = ("transformer", "token_embedding", "positional_embedding", "ln_final", "text_projection", "attn_mask")


@dataclass(frozen=True)
class TextFeatures:
    """The text tower's output for a batch of prompts, in float32."""

    hidden_states: Float[Tensor, "batch position width"]
    """The state of each token, after the final layer norm and before the projection."""
    pooled: Float[Tensor, "batch dim"]
    """The prompt's embedding (`text_embeds`), not normalised."""
    mask: Bool[Tensor, "batch position"]
    """True from the start token to the end token."""


class ClipTokenizer:
    """An adapter from open_clip's two kinds of tokenizer to `prompt.Tokenizer`."""

    def __init__(self, tokenizer: Any, context_length: int):
        self.wrapped = tokenizer
        self.context_length = context_length
        inner = getattr(tokenizer, "tokenizer", None)  # HFTokenizer wraps one of transformers'
        if inner is None:
            self.start_token, self.end_token = tokenizer.sot_token_id, tokenizer.eot_token_id
        else:
            self.start_token = inner.cls_token_id if inner.bos_token_id is None else inner.bos_token_id
            self.end_token = inner.sep_token_id if inner.eos_token_id is None else inner.eos_token_id
        self._known = lru_cache(maxsize=8_192)(self._encode)  # a training meets the same pieces of text again

    def encode(self, text: str) -> list[int]:
        """Return the tokens of `text`, without start and end."""
        return list(self._known(text))

    def _encode(self, text: str) -> list[int]:
        inner = getattr(self.wrapped, "tokenizer", None)
        if inner is None:
            return self.wrapped.encode(text)
        return inner.encode(self.wrapped.clean_fn(text), add_special_tokens=False)

    def __call__(self, texts: Sequence[str]) -> Int[Tensor, "batch position"]:
        """Return token ids with start and end, padded and cut to the context length by open_clip."""
        return self.wrapped(list(texts))


class Clip:
    """A frozen CLIP. Embeddings are raw (not normalised) and float32, on the model's device."""

    def __init__(self, model: nn.Module, files: ClipFiles, towers: Sequence[Tower] = BOTH_TOWERS):
        self.model: Any = model.eval().requires_grad_(False)
        self.files = files
        self.towers: frozenset[Tower] = frozenset(towers)
        self.fingerprint = files.fingerprint
        self.dim: int = files.model_config["embed_dim"]
        self.context_length: int = files.model_config["text_cfg"].get("context_length", 77)
        size = files.model_config["vision_cfg"].get("image_size", 224)
        self.image_size: int = size if isinstance(size, int) else size[0]
        self.mean, self.std = tuple(files.preprocess["mean"]), tuple(files.preprocess["std"])

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        """Return the model's tokenizer."""
        return build_tokenizer(self.files.tokenizer)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The network with the towers."""
        return (self.model,)

    @property
    def device(self) -> torch.device:
        """Return the model's device."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of the model's weights."""
        return next(self.model.parameters()).dtype

    def encode_images(self, images: Sequence[Image.Image], batch_size: int = 32) -> Float[Tensor, "image dim"]:
        """Embed square RGB pictures of `image_size` pixels, as `cut_out` and `square_crop` make them."""
        sizes = {image.size for image in images} - {(self.image_size, self.image_size)}
        require(not sizes, f"CLIP was given pictures of {sizes} pixels.", f"Give squares of {self.image_size} pixels.")
        batches = [self._pixels(images[i : i + batch_size]) for i in range(0, len(images), batch_size)]
        return torch.cat([self.encode_pixels(pixels) for pixels in batches] or [torch.empty(0, self.dim)])

    def encode_pixels(
        self, pixels: Float[Tensor, "image 3 size size"], batch_size: int = 32
    ) -> Float[Tensor, "image dim"]:
        """Embed pictures with pixels in 0..1."""
        mean, std = (rearrange(torch.tensor(value), "c -> c 1 1").to(pixels) for value in (self.mean, self.std))
        return torch.cat([self._encode_image((batch - mean) / std) for batch in pixels.split(batch_size)])

    def zero_image_embeds(self) -> Float[Tensor, " dim"]:
        """Return the embedding of an all-zero normalised picture: λ-ECLIPSE's input for no picture or no control."""
        return self._encode_image(torch.zeros(1, 3, self.image_size, self.image_size))[0]

    @torch.no_grad()
    def encode_text(self, token_ids: Int[Tensor, "batch position"]) -> TextFeatures:
        """Return token states and pooled embeddings of prompts with a start and an end token."""
        self._need("text")
        token_ids = token_ids.to(self.device)
        states, pooled = encode_tokens(self.model, token_ids)
        return TextFeatures(states.float(), pooled.float(), text_mask(token_ids, self.tokenizer.end_token))

    @torch.no_grad()
    def _encode_image(self, normalised: Float[Tensor, "image 3 size size"]) -> Float[Tensor, "image dim"]:
        self._need("vision")
        return self.model.encode_image(normalised.to(self.device, self.dtype)).float()

    def _pixels(self, images: Sequence[Image.Image]) -> Float[Tensor, "image 3 size size"]:
        stacked = np.stack([np.asarray(image.convert("RGB")) for image in images])
        return rearrange(torch.from_numpy(stacked), "n h w c -> n c h w").float() / 255

    def _need(self, tower: Tower) -> None:
        if tower not in self.towers:
            raise StudioError(
                f"The {tower} tower of {self.files.name} was not loaded.", f"Load CLIP with towers=({tower!r},)."
            )


def load_clip(
    source: ClipSource | str,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    towers: Sequence[Tower] = BOTH_TOWERS,
    on_size: Callable[[int], None] | None = None,
) -> Clip:
    """Load a CLIP, or one tower of it, from safetensors.

    Args:
        source: Its source, or only the name of one without weights of another name.
        device: The device of the model.
        dtype: The dtype of the weights.
        towers: The towers to load.
        on_size: Called with the bytes of the weights before they are read.

    Raises:
        ModelFilesMissing: The files are not on this machine and cannot be downloaded.
        ModelFilesInvalid: The files are not a valid CLIP.
    """
    files = find_clip(ClipSource(source) if isinstance(source, str) else source)
    model = build_clip(files.model_config, towers)
    if on_size:
        on_size(sum(parameter.numel() for parameter in model.parameters()) * dtype.itemsize)
    try:
        _load_weights(model, files, torch.device(device), dtype)
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        why = str(error).splitlines()[0][:300]
        raise ModelFilesInvalid(
            f"{files.weights[0]} does not hold the weights of {files.name} ({why}).", OTHER_ROUTES
        ) from error
    return Clip(model, files, towers)


def load_tokenizer(source: ClipSource) -> ClipTokenizer:
    """Load a CLIP's tokenizer, from its configuration only. Raises ModelFilesMissing and ModelFilesInvalid."""
    return build_tokenizer(tokenizer_files(source))


def build_tokenizer(files: TokenizerFiles) -> ClipTokenizer:
    """Return open_clip's tokenizer for a CLIP of this configuration."""
    length = files.model_config["text_cfg"].get("context_length", 77)
    own = {"bpe_path": str(files.merges)} if files.merges else {}
    if files.name is None:
        return ClipTokenizer(open_clip.SimpleTokenizer(context_length=length, **own), length)
    return ClipTokenizer(open_clip.get_tokenizer(files.name, **own), length)


def build_clip(model_config: dict[str, Any], towers: Sequence[Tower] = BOTH_TOWERS, device: str = "meta") -> nn.Module:
    """Build a CLIP's network without its weights, on a device. On the meta device, omitted towers cost nothing.

    A network that is not a standard one is built on the CPU.
    """
    config = deepcopy(model_config)
    is_custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    if is_custom:
        config["vision_cfg"]["timm_model_pretrained"] = config["text_cfg"]["hf_model_pretrained"] = False
        model = CustomTextCLIP(**config)
    elif device == "meta":
        with torch.device(device), Unfilled():
            model = CLIP(**config)
        model.to(device)  # also the tensors that it scaled
    else:
        with torch.device(device):
            model = CLIP(**config)
    for part in [] if "vision" in towers else ["visual"]:
        delattr(model, part)
    for part in [] if "text" in towers else ["text"] if is_custom else TEXT_PARTS:
        delattr(model, part)
    return model


class Unfilled(TorchFunctionMode):
    """Give a CLIP that is built on the meta device no initial values. The few tensors that it scales are on the CPU.

    torch computes with tensors of the meta device in Python, for which it imports sympy. That takes longer than loading
    a small CLIP.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function with other arguments if it gives values, and any other function as it is."""
        named = kwargs or {}
        if function in (torch.randn, torch.ones):
            return torch.empty(*args, **{**named, "device": "cpu"})
        if function is Tensor.triu_ or getattr(function, "__module__", None) == nn.init.__name__:
            return named["tensor"] if "tensor" in named else args[0]
        return function(*args, **named)


def _load_weights(model: nn.Module, files: ClipFiles, device: torch.device, dtype: torch.dtype) -> None:
    """Load only the tensors that `model` has. Raises RuntimeError, KeyError or SafetensorError."""
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    with ExitStack() as opened:
        get = _tensor_reader([opened.enter_context(safe_open(path, framework="pt")) for path in files.tensors])
        read = partial(tower_tensor, get=get) if files.layout == "transformers" else get
        state = {key: _cast(read(key), device, dtype) for key in shapes}
    for key in state.keys() & {"logit_scale", "logit_bias"}:  # a scalar in some files, a vector of length 1 in others
        state[key] = state[key].reshape(shapes[key])
    model.load_state_dict(state, strict=True, assign=True)
    if getattr(model, "attn_mask", None) is not None:
        length = files.model_config["text_cfg"].get("context_length", 77)
        model.attn_mask = causal_mask(length, device)
    model.to(device)


def _tensor_reader(files: Sequence[Any]) -> Callable[[str], Tensor]:
    """Return a function that reads a tensor by its name, from whichever open file has it. It raises KeyError."""
    names = [(file, file.keys()) for file in files]
    places = {key: file for file, keys in names for key in keys}
    return lambda key: places[key].get_tensor(key)


def _cast(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)
