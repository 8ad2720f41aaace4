"""Fine-tune the miniature's decoder on subjects, for the claims about fine-tuning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.players import REFERENCES, Players, Subject, images_of, photographed
from lambda_studio.models.files.locating import fingerprint
from lambda_studio.models.stacks.specification import BUILT_IN, WEIGHTS
from lambda_studio.progress import Progress, silent
from lambda_studio.training.checkpoints.resume import holds_a_run
from lambda_studio.training.conditions import with_predictions
from lambda_studio.training.examples import Example, encode_examples
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks, StepReport
from lambda_studio.workflows.tuning.other_scenes import placed

Asked = tuple[str, Sequence[Subject]]
"""A prompt with the subjects of its places."""

UNIQUE = ("sks", "zwx", "qvj")
"""Words that no caption of the miniature has. They name subjects as DreamBooth does."""


Conditions = Literal["paper", "words", "scenes"]
"""The conditions of a training.

`paper` is each photograph's own embedding (Eq. 2), and `words` the prior's embedding of "a WORD NOUN" in its place.
`scenes` is the miniature's default (docs/decisions/0071), without pictures of pairs or mirror images.
"""


def kept_folder(job: Job, key: str) -> Path:
    """Return the folder of a claim's long training of a seed, which goes on there. It is removed with the result."""
    said = {"claim": key, "pictures": job.pictures, "settings": BUILT_IN["miniature"].finetune}
    return job.folder / f"{fingerprint(said, sorted(WEIGHTS.rglob('*.safetensors')))[:12]}-tuned-seed-{job.seed}"


@dataclass(frozen=True)
class Tuning:
    """Trains one LoRA on subjects. It stays on the players' decoder, in place of an earlier one."""

    players: Players
    subjects: Mapping[int, Subject]
    """By number. A subject has the same photographs in each training."""
    seed: int
    folder: Path
    """A folder of this training. It is made."""
    conditions: Conditions = "paper"

    def to(self, steps: int, progress: Progress = silent) -> None:
        """Train up to a step. A training that is there already goes on; its weights are those of one that did not stop.

        Rate, rank, targets and batch are the stack's. Raises every error of `finetune_decoder`.
        """
        stack, settings = self.players.stack, FinetuneConfig(steps=steps, seed=self.seed, random_flip=False)
        config, done = settings.preferring(stack.spec.finetune), 0
        with progress(f"Tuning on {len(self.subjects)} subjects", steps) as advance:

            def on_step(report: StepReport) -> None:
                nonlocal done
                advance(report.step - done, note=f"loss {report.loss:.4f}")
                done = report.step

            decoder, hooks = stack.decoder(), Hooks(on_step=on_step)
            finetune_decoder(decoder, self.examples, config, self.folder, holds_a_run(self.folder), hooks)

    @cached_property
    def examples(self) -> list[Example]:
        """The encoded photographs of the subjects. No score is read against these photographs."""
        stack = self.players.stack
        rendered = [
            photographed(each.who, REFERENCES, 50_000 + 1000 * self.seed + number)
            for number, each in self.subjects.items()
        ]
        shown = [image for each in rendered for image in images_of(each.images)]
        names = [_name(number) for number in self.subjects for _ in range(REFERENCES)]
        shas = [f"{number:06}" for number in range(len(shown))]
        found = encode_examples(stack.decoder(), stack.clip(), names, shas, shown, stack.resolution)
        if self.conditions == "paper":
            return found
        if self.conditions == "words":
            words: dict[int, list[Asked]] = {
                number: [(f"a {named(number, each)}", [])] * REFERENCES for number, each in self.subjects.items()
            }
            return with_predictions(found, self._predicted(words), own=False)
        covered = torch.cat([each.subjects.sum(1) for each in rendered])
        height, width = found[0].latents.shape[-2:]
        masks = F.adaptive_avg_pool2d(covered, (height, width))
        found = [replace(example, mask=mask) for example, mask in zip(found, masks, strict=True)]
        alone, in_places = (
            self._predicted({number: [(words, [each]) for words in some] for number, each in self.subjects.items()})
            for some in (["a {0}"] * 2 * REFERENCES, placed("{0}", REFERENCES))
        )
        return with_predictions(found, alone, True, in_places)

    def _predicted(self, asked: Mapping[int, Sequence[Asked]]) -> dict[str, Tensor]:
        """Return the prior's predictions for each subject's prompts."""
        return {_name(number): self.players.predicted(list(prompts), self.seed) for number, prompts in asked.items()}


def _name(number: int) -> str:
    return f"subject-{number:04}"


def named(number: int, subject: Subject) -> str:
    """Return a subject's noun after a unique word."""
    return f"{UNIQUE[number % len(UNIQUE)]} {subject.noun}"
