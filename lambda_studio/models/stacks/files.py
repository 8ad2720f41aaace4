"""The files of a stack: where each part's are, what identifies them, and which ones are damaged."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lambda_studio.models.clip.files import ClipFiles, ClipSource, find_clip, hub_source
from lambda_studio.models.decoders.families import get_family
from lambda_studio.models.files.locating import OnDownload, is_damaged
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import find_weights, model_fingerprint, shards
from lambda_studio.models.stacks.specification import StackSpec

DRAWING_PARTS = ("clip", "prior", "decoder")
"""The parts that drawing needs. The detector and the segmenter serve only --segment grounded."""


class StackFiles:
    """The files of a stack's parts, downloaded from the hub where they are missing.

    Args:
        on_download: called before a file is downloaded.
    """

    def __init__(self, spec: StackSpec, on_download: OnDownload | None = None):
        self.spec, self.on_download = spec, on_download

    def source(self, part: str) -> Source:
        """Return the source of a part, by its name in the specification."""
        spec = self.spec
        hashes = spec.hashes.get(part, {})
        return Source(getattr(spec, part), spec.revision_of(part), spec.variant, self.on_download, hashes, whose=part)

    @property
    def clip_source(self) -> ClipSource:
        """The source of CLIP."""
        spec = self.spec
        return ClipSource(
            spec.clip,
            spec.clip_pretrained,
            spec.revision_of("clip"),
            spec.variant,
            self.source("clip_towers") if spec.clip_towers else None,
            self.on_download,
            spec.hashes.get("clip", {}),
            "clip",
        )

    @property
    def decoder_source(self) -> Source:
        """The source of the decoder, with its fine-tuned UNet."""
        base = self.source("decoder")
        parts = {"unet": self.source("unet")} if self.spec.unet else {}
        return replace(base, parts=parts)

    def clip(self) -> ClipFiles:
        """Return the files of CLIP."""
        return find_clip(self.clip_source)

    def prior(self) -> Path:
        """Return the weights of the λ prior. Its config.json is beside them."""
        source = self.source("prior")
        source.require_pinned("config.json", source.get(["config.json"]))
        return find_weights(source, "")

    def decoder(self) -> Mapping[str, Path]:
        """Return the files of both parts of the decoder."""
        return get_family(self.spec.family).find(self.decoder_source, ("unet", "autoencoder"))

    def all(self) -> list[Path]:
        """Return all files that are hashed, without duplicates."""
        return [file for part in DRAWING_PARTS for file in self.part(part)]

    def part(self, name: str) -> list[Path]:
        """Return the files of one of `DRAWING_PARTS`, without duplicates."""
        if name == "clip":
            clip = self.clip()
            return [*clip.tensors, *([clip.merges] if clip.merges else [])]
        if name == "prior":
            prior = self.prior()
            return [*shards(prior), prior.parent / "config.json"]
        return list(dict.fromkeys(self.decoder().values()))

    def repositories(self, part: str) -> list[Source]:
        """Return the sources of a part on the hub, the preferred one first."""
        if part == "clip":
            places = [self.clip_source.towers, hub_source(self.clip_source)]
        else:
            places = [self.source(part), *([self.source("unet")] if part == "decoder" and self.spec.unet else [])]
        return [place for place in places if place and place.is_hub]

    def damaged(self) -> list[Path]:
        """Read all files and return the files whose hash differs from the known one."""
        return [path for path in self.all() if is_damaged(path)]

    def fingerprints(self) -> dict[str, str]:
        """Return a SHA-256 for each of clip, prior, decoder (its UNet) and autoencoder, from their files."""
        decoder = get_family(self.spec.family).fingerprints(self.decoder_source)
        return {
            "clip": self.clip().fingerprint,
            "prior": model_fingerprint(self.prior()),
            "decoder": decoder["unet"],
            "autoencoder": decoder["autoencoder"],
        }
