"""The files of Stable unCLIP's decoder, in diffusers' layout, and how other Stable Diffusions are recognised."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Part
from lambda_studio.models.decoders.unclip.empty_text import ENCODER, find_text, text_config, tokenizer_files
from lambda_studio.models.files.locating import fingerprint, read_json
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import find_weights, model_fingerprint, shards

UNET, VAE, NORMALIZER = "unet", "vae", "image_normalizer"
SCHEDULER, NOISING = "scheduler/scheduler_config.json", "image_noising_scheduler/scheduler_config.json"
RELEASED_SIDE = 96
"""The latents' side in Stable unCLIP's training, for configurations without a `sample_size`."""


def find_decoder(source: Source, parts: Sequence[Part] = BOTH_PARTS) -> dict[str, Path]:
    """Return the files of a decoder's parts. Download them from a hub id. The text encoder belongs to the UNet.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    files = {**_configs(source), "scheduler": _pinned(source, SCHEDULER), "noising": _pinned(source, NOISING)}
    if "unet" in parts:
        files |= {**_weights(source, UNET), **_weights(source, NORMALIZER), **find_text(source)}
    if "autoencoder" in parts:
        files |= _weights(source, VAE)
    return files


def decoder_fingerprints(source: Source) -> dict[str, str]:
    """Return a SHA-256 of each part, from its files. Raises ModelFilesMissing and ModelFilesInvalid."""
    return {part: part_fingerprint(find_decoder(source, (part,)), part) for part in BOTH_PARTS}


def part_fingerprint(files: Mapping[str, Path], part: Part) -> str:
    """Return a SHA-256 of a part. The UNet's covers everything that its condition depends on."""
    if part == "autoencoder":
        return model_fingerprint(files[VAE])
    said: dict[str, Any] = {name: model_fingerprint(files[name]) for name in (UNET, NORMALIZER, ENCODER)}
    noising = read_json(files["noising"])
    said["noising"] = {key: noising[key] for key in noising if not key.startswith("_")}
    return fingerprint(said, tokenizer_files(files))


def trained_resolution(source: Source) -> int:
    """Return the resolution of a decoder, from its configuration. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet, vae = (read_json(_config_file(source, folder)) for folder in (UNET, VAE))
    return latent_side(unet) * halvings(vae)


def drawn_multiple(source: Source) -> int:
    """Return the number of which every resolution is a multiple. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet, vae = (read_json(_config_file(source, folder)) for folder in (UNET, VAE))
    return halvings(unet) * halvings(vae)


def embedding_dim(source: Source) -> int:
    """Return how many numbers the embeddings have that a decoder draws: 1024 of ViT-H/14, 768 of ViT-L/14.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    return read_json(_configs(source)["unet_config"])["projection_class_embeddings_input_dim"] // 2


def latent_side(unet_config: Mapping[str, Any]) -> int:
    """Return the side of the latents that a UNet was trained on, also where its configuration does not say it."""
    side = unet_config.get("sample_size")
    return RELEASED_SIDE if side is None else side if isinstance(side, int) else max(side)


def halvings(config: Mapping[str, Any]) -> int:
    """Return how many values on a side become one in the innermost block of a UNet or an autoencoder."""
    return 2 ** (len(config["block_out_channels"]) - 1)


def require_stable_unclip(
    unet: Mapping[str, Any], normalizer: Mapping[str, Any], text: Mapping[str, Any], path: Path
) -> None:
    """Raise ModelFilesInvalid for a UNet without Stable unCLIP's image condition, or parts of several decoders."""
    dim = normalizer.get("embedding_dim", 768)
    if unet.get("class_embed_type") != "projection":
        kind = "a Stable Diffusion, which draws texts" if "cross_attention_dim" in unet else "no Stable unCLIP decoder"
        raise ModelFilesInvalid(
            f"{path} is the configuration of {kind} (class_embed_type {unet.get('class_embed_type')}).",
            "Give a Stable unCLIP, such as a copy of stabilityai/stable-diffusion-2-1-unclip-small.",
        )
    wanted = {"projection_class_embeddings_input_dim": 2 * dim, "cross_attention_dim": text.get("hidden_size")}
    for key, value in wanted.items():
        if unet.get(key) != value:
            raise ModelFilesInvalid(
                f"{path} has {key} {unet.get(key)}, but image_normalizer and text_encoder beside it need {value}.",
                "Take all folders of one repository.",
            )


def _configs(source: Source) -> dict[str, Path]:
    """Return the configurations of the networks. Raises ModelFilesInvalid if the decoder is of another kind."""
    configs = {f"{folder}_config": _config_file(source, folder) for folder in (UNET, VAE, NORMALIZER)}
    unet, normalizer = (read_json(configs[f"{folder}_config"]) for folder in (UNET, NORMALIZER))
    require_stable_unclip(unet, normalizer, read_json(text_config(source)), configs["unet_config"])
    return configs


def _weights(source: Source, folder: str) -> dict[str, Path]:
    place, prefix = source.replaced(folder)
    weights = find_weights(place, prefix)
    return {folder: weights, **{f"{folder}_{path.name}": path for path in shards(weights) if path != weights}}


def _config_file(source: Source, folder: str) -> Path:
    place, prefix = source.replaced(folder)
    return _pinned(place, f"{prefix}config.json")


def _pinned(source: Source, name: str) -> Path:
    path = source.get([name])
    source.require_pinned(name, path)
    return path
