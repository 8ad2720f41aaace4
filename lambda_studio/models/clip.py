"""Load CLIP with open_clip, and embed pictures and prompts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import open_clip
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from open_clip.model import CLIP, CustomTextCLIP
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lambda_studio.config import require
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing, StudioError
from lambda_studio.models.files import OTHER_ROUTES, OnDownload, fingerprint, get_file, read_json

Tower = Literal["text", "vision"]
BOTH_TOWERS: tuple[Tower, ...] = ("text", "vision")
CONFIG_NAME = "open_clip_config.json"
WEIGHT_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors")
MERGES_NAME = "bpe_merges.txt.gz"
"""A local folder's own BPE merges. Without this file the default CLIP tokenizer is used."""
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

    def encode(self, text: str) -> list[int]:
        """Return the tokens of `text`, without start and end."""
        inner = getattr(self.wrapped, "tokenizer", None)
        if inner is None:
            return self.wrapped.encode(text)
        return inner.encode(self.wrapped.clean_fn(text), add_special_tokens=False)

    def __call__(self, texts: Sequence[str]) -> Int[Tensor, "batch position"]:
        """Return token ids with start and end, padded and cut to the context length by open_clip."""
        return self.wrapped(list(texts))


@dataclass(frozen=True)
class ClipFiles:
    """The files of a CLIP: its configuration, picture preprocessing and weights."""

    name: str
    model_config: dict[str, Any]
    preprocess: dict[str, Any]
    weights: Path
    merges: Path | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return a SHA-256 over configuration, preprocessing, weights and merges."""
        config = {"model": self.model_config, "preprocess": self.preprocess}
        return fingerprint(config, [self.weights, *([self.merges] if self.merges else [])])


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
        return build_tokenizer(self.files.name, self.files.model_config, self.files.merges)

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
        with self._token_states() as states:
            pooled = self.model.encode_text(token_ids)
        ends = (token_ids == self.tokenizer.end_token).cumsum(1)
        # up to and including the first end token: some tokenizers also pad with the end token
        mask = (ends == 0) | ((ends == 1) & (token_ids == self.tokenizer.end_token))
        return TextFeatures(states[0].float(), pooled.float(), mask)

    @contextmanager
    def _token_states(self) -> Iterator[list[Tensor]]:
        """Collect the output of ln_final, because open_clip's encode_text returns only the pooled embedding."""
        tower = getattr(self.model, "text", self.model)
        if not isinstance(getattr(tower, "ln_final", None), nn.Module):
            raise ModelFilesInvalid(
                f"The text tower of {self.files.name} has no final layer norm.",
                "Choose a CLIP whose text tower is open_clip's own.",
            )
        states: list[Tensor] = []
        hook = tower.ln_final.register_forward_hook(lambda module, inputs, output: states.append(output))
        try:
            yield states
        finally:
            hook.remove()

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
    name: str,
    pretrained: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    towers: Sequence[Tower] = BOTH_TOWERS,
    on_download: OnDownload | None = None,
) -> Clip:
    """Load a CLIP, or one tower of it, from safetensors.

    Args:
        name: An open_clip model's name, `hf-hub:org/repo` or `local-dir:FOLDER`.
        pretrained: For an open_clip name, a tag or a .safetensors file.
        device: The device of the model.
        dtype: The dtype of the weights.
        towers: The towers to load.
        on_download: A callback before a download.

    Raises:
        ModelFilesMissing: The files are not on this machine and cannot be downloaded.
        ModelFilesInvalid: The files are not a valid CLIP.
    """
    files = find_clip(name, pretrained, on_download)
    model = build_clip(files.model_config, towers)
    try:
        _load_weights(model, files, torch.device(device), dtype)
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        why = str(error).splitlines()[0][:300]
        raise ModelFilesInvalid(
            f"{files.weights} does not hold the weights of {name} ({why}).", OTHER_ROUTES
        ) from error
    return Clip(model, files, towers)


def load_tokenizer(name: str, on_download: OnDownload | None = None) -> ClipTokenizer:
    """Load a CLIP's tokenizer, from its configuration only. Raises ModelFilesMissing and ModelFilesInvalid."""
    schema, place = open_clip.factory.parse_model_name(name)
    if schema is None:
        return build_tokenizer(name, _named_config(place))
    config_file, config = _read_config(place, on_download)
    return build_tokenizer(name, config["model_cfg"], _merges_beside(config_file))


def build_tokenizer(name: str, model_config: dict[str, Any], merges: Path | None = None) -> ClipTokenizer:
    """Return open_clip's tokenizer for a CLIP of this name and configuration."""
    own = {"bpe_path": str(merges)} if merges else {}
    return ClipTokenizer(open_clip.get_tokenizer(name, **own), model_config["text_cfg"].get("context_length", 77))


def find_clip(name: str, pretrained: str | None = None, on_download: OnDownload | None = None) -> ClipFiles:
    """Find a CLIP's files without loading them. Files on the hub are downloaded."""
    schema, place = open_clip.factory.parse_model_name(name)
    if schema is None:
        return _find_by_name(place, pretrained, on_download)
    config_file, config = _read_config(place, on_download)
    weights = get_file(place, WEIGHT_NAMES, on_download=on_download)
    preprocess = merge_preprocess_dict(asdict(PreprocessCfg()), config.get("preprocess_cfg", {}))
    return ClipFiles(name, config["model_cfg"], preprocess, weights, _merges_beside(config_file))


def _read_config(place: str, on_download: OnDownload | None) -> tuple[Path, dict[str, Any]]:
    """Return the configuration in a folder or on the hub, and its file."""
    config_file = get_file(place, [CONFIG_NAME], on_download=on_download)
    config = read_json(config_file)
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= config.get("model_cfg", {}).keys():
        raise ModelFilesInvalid(f"{config_file} does not describe a CLIP (model_cfg).", OTHER_ROUTES)
    return config_file, config


def _merges_beside(config_file: Path) -> Path | None:
    merges = config_file.parent / MERGES_NAME
    return merges if merges.is_file() else None


def _named_config(name: str) -> dict[str, Any]:
    """Return open_clip's configuration of this name."""
    model_config = open_clip.get_model_config(name)
    if model_config is None:
        raise ModelFilesMissing(f"open_clip has no model {name!r}.", OTHER_ROUTES)
    return model_config


def _find_by_name(name: str, pretrained: str | None, on_download: OnDownload | None) -> ClipFiles:
    model_config = _named_config(name)
    tag = open_clip.get_pretrained_cfg(name, pretrained or "")
    repo = tag.get("hf_hub", "").rstrip("/")
    if pretrained and Path(pretrained).is_file() and pretrained.endswith(".safetensors"):
        weights = Path(pretrained)
    elif repo:
        weights = get_file(repo, WEIGHT_NAMES, on_download=on_download)
    else:
        raise ModelFilesMissing(f"open_clip has no safetensors for {name!r} and {pretrained!r}.", OTHER_ROUTES)
    return ClipFiles(name, model_config, merge_preprocess_dict(asdict(PreprocessCfg()), tag), weights)


def build_clip(model_config: dict[str, Any], towers: Sequence[Tower] = BOTH_TOWERS) -> nn.Module:
    """Build a CLIP's network without weights. Standard networks use the meta device, so omitted towers cost nothing."""
    config = deepcopy(model_config)
    is_custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    if is_custom:
        config["vision_cfg"]["timm_model_pretrained"] = config["text_cfg"]["hf_model_pretrained"] = False
        model = CustomTextCLIP(**config)
    else:
        with torch.device("meta"):
            model = CLIP(**config)
    for part in [] if "vision" in towers else ["visual"]:
        delattr(model, part)
    for part in [] if "text" in towers else ["text"] if is_custom else TEXT_PARTS:
        delattr(model, part)
    return model


def _load_weights(model: nn.Module, files: ClipFiles, device: torch.device, dtype: torch.dtype) -> None:
    """Load only the tensors that `model` has. Raises RuntimeError or SafetensorError."""
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    with safe_open(files.weights, framework="pt") as weights:
        state = {key: _cast(weights.get_tensor(key), device, dtype) for key in shapes}
    for key in state.keys() & {"logit_scale", "logit_bias"}:  # a scalar in some files, a vector of length 1 in others
        state[key] = state[key].reshape(shapes[key])
    model.load_state_dict(state, strict=True, assign=True)
    if getattr(model, "attn_mask", None) is not None:  # a buffer that is in no file
        length = files.model_config["text_cfg"].get("context_length", 77)
        model.attn_mask = torch.full((length, length), -torch.inf, device=device).triu(1)
    model.to(device)


def _cast(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)
