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


def require_text_to_image(config: Mapping[str, Any], channels: int, path: Path) -> None:
    """Raise ModelFilesInvalid, with the kind of decoder it is, for a UNet that needs more than an image embedding.

    It takes latents with the MoVQ's `channels`, and predicts noise and variance for each.
    """
    wanted = {"in_channels": channels, "out_channels": 2 * channels, **TEXT_TO_IMAGE}
    differs = {key: config.get(key) for key, value in wanted.items() if config.get(key) != value}
    if not differs:
        return
    needs = {
        "in_channels 9": "an inpainting decoder, which needs a picture and a mask",
        "addition_embed_type image_hint": "a ControlNet decoder, which needs a depth map",
        "addition_embed_type text_image": "a Kandinsky 2.1 decoder, which needs text embeddings",
    }
    said = [f"{key} {value}" for key, value in differs.items()]
    kind = next((needs[each] for each in said if each in needs), "no Kandinsky 2.2 decoder")
    raise ModelFilesInvalid(
        f"{path} is the configuration of {kind} ({', '.join(said)}).",
        "Give a text-to-image decoder, such as kandinsky-community/kandinsky-2-2-decoder.",
    )


def _configs(source: Source) -> dict[str, Path]:
    """Return the configurations of both parts. Raises ModelFilesInvalid if the decoder is of another kind."""
    configs = {f"{part}_config": _config_file(source, part) for part in BOTH_PARTS}
    channels = read_json(configs["autoencoder_config"]).get("latent_channels", RELEASED_CHANNELS)
    require_text_to_image(read_json(configs["unet_config"]), channels, configs["unet_config"])
    return configs


def _config_file(source: Source, part: Part) -> Path:
    place, prefix = source.replaced(FOLDERS[part])
    name = f"{prefix}config.json"
    path = place.get([name])
    place.require_pinned(name, path)
    return path
