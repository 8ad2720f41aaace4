"""The files of Kandinsky 2.2's decoder, in diffusers' layout, and how other decoders of its kind are recognised."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Part
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import find_weights, model_fingerprint, shards

FOLDERS: dict[Part, str] = {"unet": "unet", "autoencoder": "movq"}
"""The folder of each part in diffusers' layout."""
SCHEDULER = "scheduler/scheduler_config.json"
RELEASED_SIDE = 64
"""The latents' side in Kandinsky 2.2's training, for configurations without a `sample_size`."""
RELEASED_CHANNELS = 4
"""The latents' channels, for configurations of a MoVQ that do not say them."""
TEXT_TO_IMAGE = {"addition_embed_type": "image", "encoder_hid_dim_type": "image_proj"}
"""The settings of the UNet that draws from an image embedding alone."""
HINT_CHANNELS = 4
"""The channels that diffusers' ImageHintTimeEmbedding makes of a depth map."""


def find_decoder(source: Source, parts: Sequence[Part] = BOTH_PARTS) -> dict[str, Path]:
    """Return the files of a decoder's parts: weights, configurations and the scheduler. Download them from a hub id.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    files = {**_configs(source), "scheduler": source.get([SCHEDULER])}
    for part in parts:
        place, prefix = source.replaced(FOLDERS[part])
        weights = files[part] = find_weights(place, prefix)
        files |= {f"{part}_{path.name}": path for path in shards(weights) if path != weights}
    return files


def decoder_fingerprints(source: Source) -> dict[str, str]:
    """Return a SHA-256 of each part, from its files. Raises ModelFilesMissing and ModelFilesInvalid."""
    files = find_decoder(source)
    return {part: model_fingerprint(files[part]) for part in BOTH_PARTS}


def trained_resolution(source: Source) -> int:
    """Return the resolution of a decoder, from its configuration. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet, movq = (read_json(_config_file(source, part)) for part in BOTH_PARTS)
    return latent_side(unet) * movq_scale_factor(movq)


def drawn_multiple(source: Source) -> int:
    """Return the number of which every resolution is a multiple. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet, movq = (read_json(_config_file(source, part)) for part in BOTH_PARTS)
    return unet_scale_factor(unet) * movq_scale_factor(movq)


def embedding_dim(source: Source) -> int | None:
    """Return how many numbers the embeddings have that a decoder draws, from its configuration; None: not said.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    return read_json(_configs(source)["unet_config"]).get("encoder_hid_dim")


def needed_pictures(source: Source) -> frozenset[str]:
    """Return `Decoder.needs`, from the configuration. Raises ModelFilesMissing and ModelFilesInvalid."""
    return needs_of(read_json(_configs(source)["unet_config"]))


def latent_side(unet_config: Mapping[str, Any]) -> int:
    """Return the side of the latents that a UNet was trained on, also where its configuration does not say it."""
    side = unet_config["sample_size"]
    return RELEASED_SIDE if side is None else side if isinstance(side, int) else max(side)


def movq_scale_factor(config: Mapping[str, Any]) -> int:
    """Return the pixels on a side of one latent of a MoVQ with this configuration."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def unet_scale_factor(config: Mapping[str, Any]) -> int:
    """Return the latents on a side of one position of the UNet's innermost block."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def needs_of(unet_config: Mapping[str, Any]) -> frozenset[str]:
    """Return `Decoder.needs` of a UNet with this configuration, which `require_known` knows."""
    if unet_config["addition_embed_type"] == "image_hint":
        return frozenset(("depth",))
    return frozenset(("mask",)) if unet_config["in_channels"] > unet_config["out_channels"] else frozenset()


def require_known(config: Mapping[str, Any], channels: int, path: Path) -> None:
    """Raise ModelFilesInvalid for a UNet that is none of Kandinsky 2.2's, with the kind that it is.

    They predict noise and variance for each of the MoVQ's `channels`. They take the latents; for inpainting, the
    photograph's too and a mask; as a ControlNet, four channels that they make of a depth map.
    """
    given = {name: config.get(name) for name in ("in_channels", "out_channels", *TEXT_TO_IMAGE)}
    plain = {"in_channels": channels, "out_channels": 2 * channels, **TEXT_TO_IMAGE}
    inpainting = {**plain, "in_channels": 2 * channels + 1}
    controlled = {**plain, "in_channels": channels + HINT_CHANNELS, "addition_embed_type": "image_hint"}
    if given in (plain, inpainting, controlled):
        return
    said = [f"{key} {given[key]}" for key, value in plain.items() if given[key] != value]
    older = given["addition_embed_type"] == "text_image"
    kind = "a Kandinsky 2.1 decoder, which needs text embeddings" if older else "no Kandinsky 2.2 decoder"
    raise ModelFilesInvalid(
        f"{path} is the configuration of {kind} ({', '.join(said)}).",
        "Give a decoder of Kandinsky 2.2, such as kandinsky-community/kandinsky-2-2-decoder.",
    )


def _configs(source: Source) -> dict[str, Path]:
    """Return the configurations of both parts. Raises ModelFilesInvalid if the decoder is of another kind."""
    configs = {f"{part}_config": _config_file(source, part) for part in BOTH_PARTS}
    channels = read_json(configs["autoencoder_config"]).get("latent_channels", RELEASED_CHANNELS)
    require_known(read_json(configs["unet_config"]), channels, configs["unet_config"])
    return configs


def _config_file(source: Source, part: Part) -> Path:
    place, prefix = source.replaced(FOLDERS[part])
    name = f"{prefix}config.json"
    path = place.get([name])
    place.require_pinned(name, path)
    return path
