"""Which CLIP each stack had when it was last used in this home: read where no model should be loaded to know it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Encoder:
    """A frozen model, and the number format it computes in: all of it that a value depends on."""

    fingerprint: str
    dtype: str


class KnownEncoders:
    """A note beside the database: each stack's CLIP, by the stack's name."""

    def __init__(self, home: Path):
        self.path = home / "encoders.json"

    def read(self) -> dict[str, Encoder]:
        """What was noted; a note that cannot be read is no note."""
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
            return {stack: Encoder(**encoder) for stack, encoder in noted.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def note(self, stack: str, encoder: Encoder) -> None:
        """Write down what a stack's CLIP is."""
        known = self.read()
        if known.get(stack) != encoder:
            noted = {name: asdict(each) for name, each in {**known, stack: encoder}.items()}
            self.path.write_text(json.dumps(noted, indent=1), encoding="utf-8")
