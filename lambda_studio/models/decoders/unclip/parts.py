"""The loaded parts of a decoder, each of several networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from lambda_studio.errors import StudioError


@dataclass(frozen=True)
class LoadedParts:
    """The networks of each part that is loaded, by their names, and each part's fingerprint."""

    networks: Mapping[str, Mapping[str, nn.Module]]
    fingerprints: Mapping[str, str]

    def get(self, part: str, network: str) -> Any:
        """Return a network. Raises StudioError if its part is not loaded."""
        if part not in self.networks:
            raise StudioError(f"The decoder's {part} was not loaded.", f"Load the decoder with parts=({part!r},).")
        return self.networks[part][network]

    @property
    def names(self) -> frozenset[str]:
        """The parts that are loaded."""
        return frozenset(self.networks)

    @property
    def all(self) -> tuple[nn.Module, ...]:
        """All loaded networks."""
        return tuple(network for part in self.networks.values() for network in part.values())

    def joined(self, other: "LoadedParts") -> "LoadedParts":
        """Return the parts of both."""
        return LoadedParts({**self.networks, **other.networks}, {**self.fingerprints, **other.fingerprints})

    def without(self, part: str) -> "LoadedParts":
        """Return these parts without one. The part's memory is freed with its last reference."""
        return LoadedParts(
            {name: part_networks for name, part_networks in self.networks.items() if name != part}, self.fingerprints
        )
