"""Watch a fine-tuning: previews for a person, and scores against the images that were held back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.training.hooks import ModelReport
from lambda_studio.training.scores import LIKENESS, Scoreboard
from lambda_studio.workflows.evaluating.holdout import Holdout
from lambda_studio.workflows.run_files import scores_of
from lambda_studio.workflows.tuning.watching.previews import DRAWN, PreviewRequests, Previews, preview_requests
from lambda_studio.workflows.tuning.watching.scoring import STEPS, ScoreRequests, Scoring, new_board, score_requests
from lambda_studio.workflows.workplace import Workplace

QUARTERS = 4
"""How often a run is previewed, beside before its first step, if nothing is given."""


def preview_every(config: FinetuneConfig) -> int:
    """Return the steps between two previews; 0 is none."""
    return -(-config.steps // QUARTERS) if config.preview_every is None else config.preview_every


class Watch:
    """The previews and the scores of one run."""

    def __init__(self, place: Workplace, config: FinetuneConfig):
        self.place, self.config, self.every = place, config, preview_every(config)
        self.previews: PreviewRequests | None = None
        self.scores: ScoreRequests | None = None
        self.board: Scoreboard | None = None

    def prepare(self, holdout: Holdout) -> None:
        """Predict what is drawn. Afterwards CLIP and the prior may be in memory.

        Raises as `preview_requests` and `score_requests`.
        """
        if holdout.held:  # first, because it needs CLIP's vision tower beside
            self.scores = score_requests(self.place, holdout)
        if self.every:
            self.previews = preview_requests(self.place, holdout.training, self.config)

    def looker(self, decoder: Decoder, dtype: torch.dtype | None, folder: Path) -> Callable[[ModelReport], None] | None:
        """Return the function that looks at the decoder that is trained, or None. It writes into the run's folder."""
        if self.previews is None:
            return None
        place, drawn = self.place, DRAWN.preferring(self.place.spec.generate)
        whole = decoder.joined(place.stack.own_decoder(("autoencoder",), dtype))
        previews, scoring = Previews(whole, self.previews, folder, drawn, place.notify), None
        if self.scores:
            self.board = new_board(self.scores, self.config, self.every, scores_of(folder))
            quick = replace(drawn, num_inference_steps=STEPS)
            scoring = Scoring(place.stack, whole, self.scores, self.board, quick, place.notify)

        def look(report: ModelReport) -> None:
            previews.draw(report)
            if scoring:
                scoring.score(report)

        return look

    def said(self) -> str:
        """Return the newest scores in words, for a progress line; empty if there are none."""
        if not self.board or not self.board.previews:
            return ""
        mean = fmean(each[LIKENESS] for each in self.board.previews[-1].subjects.values())
        return f", {self.board.metrics[LIKENESS]} {mean:.3f}"
