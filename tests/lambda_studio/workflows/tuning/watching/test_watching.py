"""A run is previewed four times if nothing is given, and scored only where images are held back."""

from dataclasses import replace

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.tuning.watching.watching import Watch, preview_every

CONFIG = FinetuneConfig(steps=2, preview_every=1, holdout=1)


@pytest.mark.parametrize(
    ("steps", "given", "every"), [(400, None, 100), (3, None, 1), (1186, None, 297), (400, 7, 7), (400, 0, 0)]
)
def test_previews_are_drawn_at_each_quarter_unless_given(steps, given, every) -> None:
    assert preview_every(FinetuneConfig(steps=steps, preview_every=given)) == every


def test_nothing_is_watched_without_previews(studio, add, box) -> None:
    add("rex", box(0))
    watch = Watch(studio.workplace, replace(CONFIG, holdout=0, preview_every=0))
    watch.prepare(hold_out(studio.workplace.get_concepts(["rex"]), 0))
    assert (watch.previews, watch.scores) == (None, None)
    assert watch.looker(studio.workplace.stack.decoder(), None, studio.home) is None
    assert watch.said() == ""


def test_the_newest_likeness_is_said_beside_the_loss(studio, add, box, tmp_path) -> None:
    add("rex", *(box(seed) for seed in range(3)))
    told = []

    def progress(label, total):
        from contextlib import nullcontext

        return nullcontext(lambda steps=1, note="": told.append(note))

    studio.workplace.progress = progress
    done = studio.finetune(["rex"], CONFIG)
    said = [f"CLIP-I {each['subjects']['rex']['likeness']:.3f}" for each in done.scores]
    assert [note.rpartition(", ")[2] for note in told if "loss" in note] == said[:2]
