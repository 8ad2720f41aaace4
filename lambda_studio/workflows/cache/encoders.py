"""Which CLIP each stack had when it was last used in this home: read where no model should be loaded to know it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from concepts.durable import staged_file
from lambda_studio.formats import FORMAT, format_of

ENCODERS_FORMAT = 2


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
        """Return what was noted. A note that cannot be read, or that a newer version wrote, is no note.

        Version 0.1 noted the stacks themselves, without a number and without a key above them.
        """
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
            stacks = noted if type(noted.get(FORMAT)) is not int else noted["encoders"]
            if stacks is not noted and format_of(noted) > ENCODERS_FORMAT:
                return {}
            return {stack: Encoder(each["fingerprint"], each["dtype"]) for stack, each in stacks.items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    def note(self, stack: str, encoder: Encoder) -> None:
        """Write down what a stack's CLIP is."""
        known = self.read()
        if known.get(stack) != encoder:
            encoders = {name: asdict(each) for name, each in {**known, stack: encoder}.items()}
            noted = {FORMAT: ENCODERS_FORMAT, "encoders": encoders}
            with staged_file(self.path, replace=True) as staged:
                staged.write_text(json.dumps(noted, indent=1), encoding="utf-8")
