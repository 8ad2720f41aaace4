"""The states of an empty prompt, for decoders that are also told a text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from torch import Tensor

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.files.locating import OTHER_ROUTES
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import TRANSFORMERS, find_weights, shards, variant_of

ENCODER, TOKENIZER = "text_encoder", "tokenizer"
VOCABULARIES = (f"{TOKENIZER}/vocab.json", f"{TOKENIZER}/tokenizer.json")
"""The first file of a tokenizer, in the layout of the published decoders and in that of transformers 5."""
BESIDE = {
    "vocab.json": ("merges.txt", "special_tokens_map.json", "tokenizer_config.json"),
    "tokenizer.json": ("tokenizer_config.json",),
}


class EmptyText(NamedTuple):
    """The text encoder's output for an empty prompt, in float32."""

    hidden_states: Float[Tensor, "1 position width"]
    mask: Bool[Tensor, "1 position"]
    """True for the start and end token."""
    pooled: Float[Tensor, "1 dim"] | None
    """The projected text embedding, of encoders that project."""


def text_config(source: Source) -> Path:
    """Return the configuration of the text encoder. Raises ModelFilesMissing and ModelFilesInvalid."""
    return _pinned(source, f"{ENCODER}/config.json")


def find_text(source: Source) -> dict[str, Path]:
    """Return the files of a text encoder and its tokenizer. Raises ModelFilesMissing and ModelFilesInvalid."""
    weights = find_weights(source, f"{ENCODER}/", TRANSFORMERS)
    files = {ENCODER: weights, f"{ENCODER}_config": text_config(source)}
    files |= {f"{ENCODER}_{path.name}": path for path in shards(weights) if path != weights}
    return files | {f"{TOKENIZER}_{path.name}": path for path in _tokenizer_files(source)}


def tokenizer_files(files: Mapping[str, Path]) -> list[Path]:
    """Return the tokenizer's among the files that `find_text` found."""
    return [path for name, path in files.items() if name.startswith(f"{TOKENIZER}_")]


@torch.no_grad()
def empty_text(files: Mapping[str, Path], projects: bool) -> EmptyText:
    """Return the states of an empty prompt. The text encoder is loaded for it, on the CPU, and freed.

    Args:
        files: as `find_text` returns them.
        projects: whether the encoder has a projection, whose output is wanted too.

    Raises ModelFilesInvalid.
    """
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    kind = CLIPTextModelWithProjection if projects else CLIPTextModel
    encoder = _load_encoder(kind, files[ENCODER])
    tokenizer = _read(CLIPTokenizer, tokenizer_files(files)[0].parent)
    length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    tokens = tokenizer("", padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    said = encoder(tokens.input_ids)
    return EmptyText(said.last_hidden_state, tokens.attention_mask.bool(), said.text_embeds if projects else None)


def _load_encoder(kind: Any, weights: Path) -> Any:
    import transformers

    settings = {"use_safetensors": True, "variant": variant_of(weights), "output_loading_info": True}
    transformers.utils.logging.disable_progress_bar()  # transformers shows the bar even without a terminal
    encoder, loaded = _read(kind, weights.parent, dtype=torch.float32, **settings)
    if missing := loaded["missing_keys"]:
        cause = f"The text encoder in {weights.parent} lacks {len(missing)} of its weights, such as {min(missing)}."
        raise ModelFilesInvalid(cause, "Fetch the model's files again.")
    return encoder.eval()


def _read(kind: Any, folder: Path, **settings: Any) -> Any:
    try:
        return kind.from_pretrained(folder, local_files_only=True, **settings)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0][:200]
        raise ModelFilesInvalid(f"{folder} holds no usable {kind.__name__} ({why}).", OTHER_ROUTES) from error


def _tokenizer_files(source: Source) -> list[Path]:
    first = source.get(VOCABULARIES)
    source.require_pinned(f"{TOKENIZER}/{first.name}", first)
    return [first, *(_pinned(source, f"{TOKENIZER}/{name}") for name in BESIDE[first.name])]


def _pinned(source: Source, name: str) -> Path:
    path = source.get([name])
    source.require_pinned(name, path)
    return path
