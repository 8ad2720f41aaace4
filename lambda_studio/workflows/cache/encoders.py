"""The CLIP that each stack last used in this home. Reading it loads no model."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concepts.durable import read_small, staged_file
from lambda_studio.formats import FORMAT, format_of

ENCODERS_FORMAT = 2
MAX_BYTES = 2**20


@dataclass(frozen=True)
class Encoder:
    """A frozen model and its number format: every property of it that affects a cached value."""

    fingerprint: str
    dtype: str
    width: int | None = field(default=None, compare=False)
    """How many numbers an embedding has, if that is known. The fingerprint covers it."""

    @property
    def told(self) -> dict[str, str]:
        """The encoder in the cache's keys."""
        return {"fingerprint": self.fingerprint, "dtype": self.dtype}

    def fits(self, data: bytes) -> bool:
        """Return whether these float32 numbers are as many as an embedding of this encoder."""
        return self.width is None or len(data) == 4 * self.width


class KnownEncoders:
    """The file `encoders.json` in the home: each stack's CLIP, by the stack's name."""

    def __init__(self, home: Path):
        self.path = home / "encoders.json"

    def read(self) -> dict[str, Encoder]:
        """Return the stored encoders, or none if the file is unreadable or a newer version wrote it.

        Version 0.1 wrote the stacks at the top level, without a format number.
        """
        try:
            noted = json.loads(read_small(self.path, MAX_BYTES))
            stacks = noted if type(noted.get(FORMAT)) is not int else noted["encoders"]
            if stacks is not noted and format_of(noted) > ENCODERS_FORMAT:
                return {}
            return {stack: _encoder(each) for stack, each in stacks.items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return {}

    def widths(self) -> dict[str, int]:
        """Return how many numbers the embeddings of each known CLIP have, by its fingerprint."""
        return {each.fingerprint: each.width for each in self.read().values() if each.width is not None}

    def note(self, stack: str, encoder: Encoder) -> None:
        """Store a stack's CLIP."""
        known = self.read()
        present = known.get(stack)
        if present != encoder or present.width != encoder.width:
            encoders = {name: _said(each) for name, each in {**known, stack: encoder}.items()}
            noted = {FORMAT: ENCODERS_FORMAT, "encoders": encoders}
            with staged_file(self.path, replace=True) as staged:
                staged.write_text(json.dumps(noted, indent=1), encoding="utf-8")


def _encoder(said: dict[str, Any]) -> Encoder:
    """Return the encoder of an entry. Earlier versions stored no width."""
    width = said.get("width")
    return Encoder(said["fingerprint"], said["dtype"], width if type(width) is int else None)


def _said(encoder: Encoder) -> dict[str, Any]:
    return encoder.told if encoder.width is None else {**encoder.told, "width": encoder.width}
