"""Find a CLIP's files: in open_clip's layout, by open_clip's name, or in transformers' layout. Nothing is loaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import open_clip
from open_clip.transform import PreprocessCfg, merge_preprocess_dict

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.clip.towers import PREPROCESSOR, TEXT, VISION, VOCABULARY, open_clip_config
from lambda_studio.models.files.locating import OTHER_ROUTES, OnDownload, fingerprint, read_json
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import TRANSFORMERS, find_weights, shards, weight_names

Layout = Literal["open_clip", "transformers"]
CONFIG_NAME = "open_clip_config.json"
TOWER_CONFIGS = (f"{TEXT}/config.json", f"{VISION}/config.json")
WEIGHT_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors")
MERGES_NAME = "bpe_merges.txt.gz"
"""A local folder's own BPE merges. Without this file the default CLIP tokenizer is used."""


@dataclass(frozen=True)
class ClipSource:
    """The location of a CLIP."""

    name: str
    """An open_clip model's name, `hf-hub:org/repo` or `local-dir:FOLDER`."""
    pretrained: str | None = None
    """For an open_clip name, a tag or a .safetensors file."""
    revision: str | None = None
    """The revision on the hub."""
    variant: str | None = None
    """The preferred variant of weight files in transformers' layout."""
    towers: Source | None = None
    """The same CLIP in transformers' layout. It is used unless only open_clip's files are on this machine."""
    on_download: OnDownload | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of files, by their names."""
    whose: str = ""
    """The part of a stack that is there, for messages."""

    @property
    def named(self) -> str | None:
        """The open_clip model's name, or None for a folder or a hub id."""
        schema, place = open_clip.factory.parse_model_name(self.name)
        return place if schema is None else None

    def at(self, place: str) -> Source:
        """Return the source of this CLIP's files at a place."""
        return Source(place, self.revision, self.variant, self.on_download, self.hashes, whose=self.whose)


@dataclass(frozen=True)
class TokenizerFiles:
    """The properties of a CLIP that its tokenizer depends on."""

    name: str | None
    """The name by which open_clip knows the tokenizer; None is CLIP's own."""
    model_config: dict[str, Any]
    merges: Path | None = None


@dataclass(frozen=True)
class ClipFiles:
    """The files of a CLIP: its configuration, picture preprocessing and weights."""

    name: str
    model_config: dict[str, Any]
    preprocess: dict[str, Any]
    weights: tuple[Path, ...]
    """One file of both towers, or the weights of the text tower and of the vision tower. An index means its shards."""
    merges: Path | None = None
    layout: Layout = "open_clip"

    @property
    def tokenizer(self) -> TokenizerFiles:
        """The properties that the tokenizer depends on."""
        name = self.name if self.layout == "open_clip" else None
        return TokenizerFiles(name, self.model_config, self.merges)

    @property
    def tensors(self) -> tuple[Path, ...]:
        """All safetensors files."""
        return tuple(file for each in self.weights for file in shards(each))

    @cached_property
    def fingerprint(self) -> str:
        """Return a SHA-256 over configuration, preprocessing, weights and merges."""
        config = {"model": self.model_config, "preprocess": self.preprocess}
        return fingerprint(config, [*self.tensors, *([self.merges] if self.merges else [])])


def find_clip(source: ClipSource) -> ClipFiles:
    """Find a CLIP's files without loading them. Files on the hub are downloaded."""
    towers, named = source.towers, source.named
    if towers and (_is_here(towers) or not (named and _find_named(source, named))):
        return _find_towers(source.name, towers)
    if named:
        return _by_name(source, named)
    place = source.at(source.name)
    folder, config = _read_config(place)
    if config is None:
        return _find_towers(source.name, place)
    weights = place.get(WEIGHT_NAMES)
    place.require_pinned(weights.name, weights)
    preprocess = merge_preprocess_dict(asdict(PreprocessCfg()), config.get("preprocess_cfg", {}))
    return ClipFiles(source.name, config["model_cfg"], preprocess, (weights,), _merges_in(folder))


def hub_source(source: ClipSource) -> Source | None:
    """Return the repository of a CLIP that is not in `towers`, or None if it is not on the hub."""
    place = _repository(source, source.named) if source.named else source.at(source.name)
    return place if place and place.is_hub else None


def tokenizer_files(source: ClipSource) -> TokenizerFiles:
    """Return the properties of a CLIP that its tokenizer depends on. No weights are fetched."""
    if source.named:
        return TokenizerFiles(source.named, _named_config(source.named))
    place = source.at(source.name)
    folder, config = _read_config(place)
    if config is None:
        return TokenizerFiles(None, _tower_config(place), _merges_in(folder))
    return TokenizerFiles(source.name, config["model_cfg"], _merges_in(folder))


def _read_config(place: Source) -> tuple[Path, dict[str, Any] | None]:
    """Return the folder of a CLIP, and its configuration if it is in open_clip's layout."""
    config_file = place.get([CONFIG_NAME, TOWER_CONFIGS[0]])
    if config_file.name != CONFIG_NAME:
        return config_file.parent.parent, None
    config = read_json(config_file)
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= config.get("model_cfg", {}).keys():
        raise ModelFilesInvalid(f"{config_file} does not describe a CLIP (model_cfg).", OTHER_ROUTES)
    return config_file.parent, config


def _merges_in(folder: Path) -> Path | None:
    merges = folder / MERGES_NAME
    return merges if merges.is_file() else None


def _named_config(name: str) -> dict[str, Any]:
    """Return open_clip's configuration of this name."""
    model_config = open_clip.get_model_config(name)
    if model_config is None:
        raise ModelFilesMissing(f"open_clip has no model {name!r}.", OTHER_ROUTES)
    return model_config


def _by_name(source: ClipSource, name: str) -> ClipFiles:
    model_config = _named_config(name)
    weights = _find_named(source, name)
    if weights is None:
        repo = _repository(source, name)
        if not repo:
            raise ModelFilesMissing(
                f"open_clip has no safetensors for {name!r} and {source.pretrained!r}.", OTHER_ROUTES
            )
        weights = repo.get(WEIGHT_NAMES)
        repo.require_pinned(weights.name, weights)
    tag = open_clip.get_pretrained_cfg(name, source.pretrained or "")
    return ClipFiles(name, model_config, merge_preprocess_dict(asdict(PreprocessCfg()), tag), (weights,))


def _find_named(source: ClipSource, name: str) -> Path | None:
    """Return the weights of an open_clip name if they are on this machine."""
    pretrained = source.pretrained or ""
    if pretrained.endswith(".safetensors") and Path(pretrained).is_file():
        return Path(pretrained)
    repo = _repository(source, name)
    return repo.find(WEIGHT_NAMES) if repo else None


def _repository(source: ClipSource, name: str) -> Source | None:
    """Return the hub's repository with the weights of an open_clip name."""
    tag = open_clip.get_pretrained_cfg(name, source.pretrained or "")
    repo = tag.get("hf_hub", "").rstrip("/")
    return source.at(f"hf-hub:{repo}") if repo else None


def _find_towers(name: str, place: Source) -> ClipFiles:
    """Find a CLIP in transformers' layout."""
    weights = tuple(find_weights(place, f"{tower}/", TRANSFORMERS) for tower in (TEXT, VISION))
    processor = place.get([PREPROCESSOR]) if place.is_hub else place.find([PREPROCESSOR])
    said = read_json(processor) if processor else {}
    named = {ours: said[theirs] for ours, theirs in (("mean", "image_mean"), ("std", "image_std")) if theirs in said}
    preprocess = merge_preprocess_dict(asdict(PreprocessCfg()), named)
    merges = None if place.is_hub else place.find([MERGES_NAME])
    return ClipFiles(name, _tower_config(place), preprocess, weights, merges, "transformers")


def _tower_config(place: Source) -> dict[str, Any]:
    text, vision = (read_json(place.get([name])) for name in TOWER_CONFIGS)
    config = open_clip_config(text, vision, place.address)
    own_merges = not place.is_hub and place.find([MERGES_NAME])
    if config["text_cfg"]["vocab_size"] != VOCABULARY and not own_merges:
        raise ModelFilesInvalid(
            f"The text tower in {place.address} has another vocabulary than CLIP's {VOCABULARY} tokens.",
            f"Put its BPE merges beside the towers: {MERGES_NAME}.",
        )
    return config


def _is_here(place: Source) -> bool:
    """Return whether both towers' weights are on this machine. Shards are not checked."""
    return all(
        place.find([f"{tower}/{name}" for name in weight_names(TRANSFORMERS, place.variant)])
        for tower in (TEXT, VISION)
    )
