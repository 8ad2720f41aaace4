"""The CLIP that each stack last used in this home. Reading it loads no model."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from concepts.durable import read_small, staged_file
from lambda_studio.formats import FORMAT, format_of

ENCODERS_FORMAT = 2
MAX_BYTES = 2**20


@dataclass(frozen=True)
class Encoder:
    """A frozen model and its number format: every property of it that affects a cached value."""

    fingerprint: str
    dtype: str


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
            return {stack: Encoder(each["fingerprint"], each["dtype"]) for stack, each in stacks.items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return {}

    def note(self, stack: str, encoder: Encoder) -> None:
        """Store a stack's CLIP."""
        known = self.read()
        if known.get(stack) != encoder:
            encoders = {name: asdict(each) for name, each in {**known, stack: encoder}.items()}
            noted = {FORMAT: ENCODERS_FORMAT, "encoders": encoders}
            with staged_file(self.path, replace=True) as staged:
                staged.write_text(json.dumps(noted, indent=1), encoding="utf-8")
