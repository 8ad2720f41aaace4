"""The files of Karlo, in diffusers' layout, and how other decoders are recognised."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Part
from lambda_studio.models.decoders.unclip.empty_text import ENCODER, find_text, text_config, tokenizer_files
from lambda_studio.models.files.locating import fingerprint, read_json
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import find_weights, model_fingerprint, shards

DECODER, TEXT_PROJ = "decoder", "text_proj"
ENLARGERS = ("super_res_first", "super_res_last")
FOLDERS = (DECODER, TEXT_PROJ, *ENLARGERS)
SCHEDULERS = ("decoder_scheduler", "super_res_scheduler")
RELEASED_SIDES = {DECODER: 64, ENLARGERS[0]: 256}
"""Pixels on a side, for configurations without a `sample_size`."""


def find_decoder(source: Source, parts: Sequence[Part] = BOTH_PARTS) -> dict[str, Path]:
    """Return the files of a decoder's parts. The text projection and the text encoder belong to the UNet.

    They are downloaded from a hub id. Raises ModelFilesMissing and ModelFilesInvalid.
    """
    files = {**_configs(source), **{name: _pinned(source, f"{name}/scheduler_config.json") for name in SCHEDULERS}}
    if "unet" in parts:
        files |= {"unet": _weights(source, DECODER), TEXT_PROJ: _weights(source, TEXT_PROJ), **find_text(source)}
    if "autoencoder" in parts:
        files |= {folder: _weights(source, folder) for folder in ENLARGERS}
    return {**files, **_shards(files)}


def decoder_fingerprints(source: Source) -> dict[str, str]:
    """Return a SHA-256 of each part, from its files. Raises ModelFilesMissing and ModelFilesInvalid."""
    return {part: part_fingerprint(find_decoder(source, (part,)), part) for part in BOTH_PARTS}


def part_fingerprint(files: Mapping[str, Path], part: Part) -> str:
    """Return a SHA-256 of a part. The UNet's covers everything that its condition depends on."""
    names = ENLARGERS if part == "autoencoder" else ("unet", TEXT_PROJ, ENCODER)
    said = {name: model_fingerprint(files[name]) for name in names}
    return fingerprint(said, tokenizer_files(files) if part == "unet" else ())


def trained_resolution(source: Source) -> int:
    """Return the resolution of a decoder, from its configuration. Raises ModelFilesMissing and ModelFilesInvalid."""
    return side_of(read_json(_config_file(source, ENLARGERS[0])), ENLARGERS[0])


def drawn_multiple(source: Source) -> int:
    """Return the number of which every resolution is a multiple. Raises ModelFilesMissing and ModelFilesInvalid."""
    decoder, enlarger = (read_json(_config_file(source, folder)) for folder in (DECODER, ENLARGERS[0]))
    return scale_of(decoder, enlarger) * halvings(decoder)


def embedding_dim(source: Source) -> int:
    """Return how many numbers the embeddings have that a decoder draws: 768 of ViT-L/14.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    return read_json(_configs(source)[f"{TEXT_PROJ}_config"]).get("clip_embeddings_dim", 768)


def side_of(config: Mapping[str, Any], folder: str) -> int:
    """Return the pixels on a side of a network's training pictures, also where its configuration does not say it."""
    side = config.get("sample_size")
    return RELEASED_SIDES[folder] if side is None else side if isinstance(side, int) else max(side)


def scale_of(decoder: Mapping[str, Any], enlarger: Mapping[str, Any]) -> int:
    """Return how much larger, on a side, the enlarged picture is."""
    return side_of(enlarger, ENLARGERS[0]) // side_of(decoder, DECODER)


def halvings(config: Mapping[str, Any]) -> int:
    """Return how many pixels on a side become one in the innermost block of a UNet."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def require_karlo(configs: Mapping[str, Mapping[str, Any]], text: Mapping[str, Any], path: Path) -> None:
    """Raise ModelFilesInvalid for a decoder that is no Karlo, or for parts of several decoders."""
    decoder, projection = configs[DECODER], configs[TEXT_PROJ]
    channels = decoder.get("in_channels", 4)
    wanted = {"class_embed_type": "identity", "out_channels": 2 * channels}
    differs = [f"{key} {decoder.get(key)}" for key, value in wanted.items() if decoder.get(key) != value]
    if differs:
        raise ModelFilesInvalid(
            f"{path} is the configuration of no Karlo decoder ({', '.join(differs)}).",
            "Give a Karlo, such as kakaobrain/karlo-v1-alpha.",
        )
    pairs = {
        "cross_attention_dim": (decoder.get("cross_attention_dim"), projection.get("cross_attention_dim")),
        "time_embed_dim": (4 * decoder.get("block_out_channels", [320])[0], projection.get("time_embed_dim")),
        "hidden_size": (projection.get("clip_embeddings_dim", 768), text.get("hidden_size")),
        **{folder: (2 * channels, configs[folder].get("in_channels")) for folder in ENLARGERS},
    }
    for name, (needed, has) in pairs.items():
        if needed != has:
            raise ModelFilesInvalid(
                f"The parts beside {path} do not fit each other: {name} is {has}, not {needed}.",
                "Take all folders of one repository.",
            )


def _configs(source: Source) -> dict[str, Path]:
    """Return the configurations of the networks. Raises ModelFilesInvalid if the decoder is of another kind."""
    configs = {f"{folder}_config": _config_file(source, folder) for folder in FOLDERS}
    read = {folder: read_json(configs[f"{folder}_config"]) for folder in FOLDERS}
    require_karlo(read, read_json(text_config(source)), configs["decoder_config"])
    return configs


def place_of(source: Source, folder: str) -> tuple[Source, str]:
    """Return the source of a folder and the prefix of its files. A stack's own UNet is in the decoder's place."""
    return source.replaced("unet") if folder == DECODER and "unet" in source.parts else (source, f"{folder}/")


def _weights(source: Source, folder: str) -> Path:
    return find_weights(*place_of(source, folder))


def _shards(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files that the indices among these name."""
    found = {name: path for name, path in files.items() if path.name.endswith(".json")}
    return {f"{name}_{shard.name}": shard for name, path in found.items() for shard in shards(path) if shard != path}


def _config_file(source: Source, folder: str) -> Path:
    place, prefix = place_of(source, folder)
    return _pinned(place, f"{prefix}config.json")


def _pinned(source: Source, name: str) -> Path:
    path = source.get([name])
    source.require_pinned(name, path)
    return path
