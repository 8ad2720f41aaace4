"""Fine-tune the miniature's decoder on subjects, for the claims about fine-tuning."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.players import REFERENCES, Players, Subject, photographs
from lambda_studio.training.examples import Example, encode_examples, with_predictions
from lambda_studio.training.finetuning import finetune_decoder

UNIQUE = ("sks", "zwx", "qvj")
"""Words that no caption of the miniature has. They name subjects as DreamBooth does."""


@dataclass(frozen=True)
class Tuning:
    """Trains one LoRA on subjects. It stays on the players' decoder, in place of an earlier one."""

    players: Players
    subjects: Mapping[int, Subject]
    """By number. A subject has the same photographs in each training."""
    seed: int
    folder: Path
    """A folder of this training. It is made."""
    by_text: bool = False
    """Whether the condition is the prior's embedding of "a WORD NOUN" in place of the photograph's."""

    def to(self, steps: int) -> None:
        """Train up to a step. A training that is there already goes on; its weights are those of one that did not stop.

        Raises every error of `finetune_decoder`.
        """
        config = FinetuneConfig(steps=steps, seed=self.seed)
        resume = self.folder.is_dir()
        finetune_decoder(self.players.stack.decoder(), self.examples(), config, self.folder, resume=resume)

    def examples(self) -> list[Example]:
        """Return the encoded photographs of the subjects. No score is read against these photographs."""
        stack = self.players.stack
        shown = [
            image
            for number, each in self.subjects.items()
            for image in photographs(each.who, REFERENCES, 50_000 + 1000 * self.seed + number)
        ]
        names = [_name(number) for number in self.subjects for _ in range(REFERENCES)]
        shas = [f"{number:06}" for number in range(len(shown))]
        found = encode_examples(stack.decoder(), stack.clip(), names, shas, shown, stack.resolution)
        if not self.by_text:
            return found
        predicted = {
            _name(number): self.players.predicted([(f"a {named(number, each)}", [])] * REFERENCES, self.seed)
            for number, each in self.subjects.items()
        }
        return with_predictions(found, predicted, own=False)


def _name(number: int) -> str:
    return f"subject-{number:04}"


def named(number: int, subject: Subject) -> str:
    """Return a subject's noun after a unique word."""
    return f"{UNIQUE[number % len(UNIQUE)]} {subject.noun}"
