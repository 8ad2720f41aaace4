"""Pictures that are drawn for several steps at once."""

import torch

from lambda_studio.miniature.recipe.stages import drawing
from lambda_studio.miniature.recipe.stages.drawing import drawn_ahead


def test_steps_are_drawn_together_and_only_once(monkeypatch):
    monkeypatch.setitem(drawing.AHEAD, "cpu", 4)
    asked = []

    def draw(steps, device):
        asked.append(list(steps))
        return [f"{device} {step}" for step in steps]

    of, cpu = drawn_ahead(draw), torch.device("cpu")
    assert [of(step, cpu) for step in (5, 6, 7, 8)] == ["cpu 5", "cpu 6", "cpu 7", "cpu 8"]
    assert asked == [[4, 5, 6, 7], [8, 9, 10, 11]]
