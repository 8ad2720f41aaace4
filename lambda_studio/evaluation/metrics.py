"""The metrics of the field, by name."""

import importlib
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import torch

from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.by_clip import ClipComposition, ClipLikeness, PublishedClip
from lambda_studio.evaluation.by_dino import SIDE, WEIGHTS, DinoLikeness, find_dino
from lambda_studio.evaluation.judges import OWN
from lambda_studio.evaluation.measures import Composition, Distance, Likeness
from lambda_studio.evaluation.networks import DINO_V1, NETWORKS, missing, not_found, source_of
from lambda_studio.evaluation.sets.distances import cmmd, frechet, kid
from lambda_studio.evaluation.sets.features import ClipFeatures, InceptionFeatures, SetDistance, find_inception
from lambda_studio.models.files.locating import file_sha256
from lambda_studio.models.files.sources import Source
from lambda_studio.models.stacks.stack import Stack

LIKENESSES = {
    DINO_V1: DINO_V1, "dino-vits8": "dino-vits8", "dinov2-vits14": "dinov2-vits14", "clip-i-b32": "clip-b32",
    "clip-i-l14": "clip-l14", "clip-i": None, "identity": None,
}  # fmt: skip
"""The metrics of likeness, with the network of each; None: a part of the stack, or the miniature's oracle."""
COMPOSITIONS = {"clip-t-b32": "clip-b32", "clip-t-l14": "clip-l14", "clip-t": None, "oracle": None}
"""The metrics of composition, with the network of each."""
DISTANCES = {"fid": "inception", "kid": "inception", "cmmd": "clip-l14-336", "cmmd-stack": None}
"""The metrics of sets of pictures, with the network of each; None: the stack's CLIP."""
METRICS: dict[str, str | None] = {**LIKENESSES, **COMPOSITIONS, **DISTANCES}


class Metrics:
    """The metrics of the field. A network is loaded on first use, and shared by its metrics.

    Args:
        stack: the stack of `clip-i` and `clip-t`, whose specification may name the networks' folders.
        places: folders or hub ids by the network's name, see `networks.NETWORKS`.
        device: by default the stack's, or the CPU.
    """

    def __init__(
        self,
        stack: Stack | None = None,
        places: Mapping[str, str] | None = None,
        device: torch.device | None = None,
    ):
        self.stack, self.places = stack, dict(places or {})
        self.device = device or (stack.device if stack else torch.device("cpu"))
        self._clips: dict[str, PublishedClip] = {}

    def likeness(self, name: str) -> Likeness:
        """Return a metric of `LIKENESSES`. Raises InvalidSetting, ModelFilesMissing and ModelFilesInvalid."""
        network = _network(name, LIKENESSES)
        if network is None:
            return (
                self._own.OracleLikeness(self._oracle) if name == "identity" else ClipLikeness(self._stack, name=name)
            )
        if NETWORKS[network].open_clip:
            return ClipLikeness(self._clip(network), name=name)
        source = self._source(network)
        folder = find_dino(source)
        if folder is None:
            raise not_found(network, source)
        return DinoLikeness(folder, self.device, name, SIDE if network == "dinov2-vits14" else None)

    def composition(self, name: str) -> Composition:
        """Return a metric of `COMPOSITIONS`. Raises as `likeness`."""
        network = _network(name, COMPOSITIONS)
        if network is None:
            return self._own.OracleComposition(self._oracle) if name == "oracle" else ClipComposition(self._stack, name)
        return ClipComposition(self._clip(network), name)

    def distance(self, name: str) -> Distance:
        """Return a metric of `DISTANCES`. Raises as `likeness`."""
        network = _network(name, DISTANCES)
        if network is None:
            return SetDistance(name, ClipFeatures(self._stack), cmmd)
        if NETWORKS[network].open_clip:
            return SetDistance(name, ClipFeatures(self._clip(network)), cmmd)
        source = self._source(network)
        file = find_inception(source)
        if file is None:
            raise not_found(network, source)
        return SetDistance(name, InceptionFeatures(file, self.device), {"fid": frechet, "kid": kid}[name])

    def notes(self, names: Collection[str]) -> tuple[str, ...]:
        """Return a line for each network of these metrics whose files are not on this machine.

        Raises InvalidSetting for an unknown metric.
        """
        networks = dict.fromkeys(METRICS[_known(name, METRICS)] for name in names)
        return tuple(
            missing(network, self._source(network)) for network in networks if network and not self._is_here(network)
        )

    def require(self, networks: Collection[str]) -> None:
        """Raise ModelFilesMissing unless the files of these networks are on this machine.

        Raises InvalidSetting for an unknown network.
        """
        for network in networks:
            source = self._source(network)
            if not self._is_here(network):
                raise not_found(network, source)

    def fingerprints(self, names: Collection[str]) -> dict[str, str]:
        """Return a SHA-256 of the weights of these metrics' networks, for the record of an evaluation.

        Networks that are not on this machine, the stack's own CLIP and the miniature's oracle are left out. Raises
        InvalidSetting for an unknown metric.
        """
        networks = dict.fromkeys(METRICS[_known(name, METRICS)] for name in names)
        return {network: self._fingerprint(network) for network in networks if network and self._is_here(network)}

    def _fingerprint(self, network: str) -> str:
        source = self._source(network)
        if NETWORKS[network].open_clip:
            return PublishedClip(network, source, self.device).fingerprint
        found = find_inception(source) if network == "inception" else find_dino(source)
        if found is None:
            raise not_found(network, source)
        return file_sha256(found / WEIGHTS if found.is_dir() else found)

    def _is_here(self, network: str) -> bool:
        source = self._source(network)
        if NETWORKS[network].open_clip:
            return PublishedClip(network, source, self.device).is_here
        return (find_inception(source) if network == "inception" else find_dino(source)) is not None

    def _clip(self, network: str) -> PublishedClip:
        if network not in self._clips:
            source = self._source(network)
            clip = PublishedClip(network, source, self.device)
            if not clip.is_here:
                raise not_found(network, source)
            self._clips[network] = clip
        return self._clips[network]

    def _source(self, network: str) -> Source:
        return source_of(network, self.stack.spec if self.stack else None, self.places)

    @property
    def _stack(self) -> Stack:
        if self.stack is None:
            raise InvalidSetting(
                "clip-i, clip-t and cmmd-stack need a stack.", "Give one, or clip-i-b32, clip-t-b32 and cmmd.", "stack"
            )
        return self.stack

    @cached_property
    def _own(self) -> Any:
        """The module of the miniature's metrics, which is above this room: see `judges.OWN`."""
        return importlib.import_module(OWN["miniature"])

    @cached_property
    def _oracle(self) -> Any:
        return self._own.PictureReader()


def _network(name: str, known: Mapping[str, str | None]) -> str | None:
    return known[_known(name, known)]


def _known(name: str, known: Collection[str]) -> str:
    require(name in known, f"There is no metric {name!r} of this kind.", f"Give one of: {' '.join(known)}.")
    return name
