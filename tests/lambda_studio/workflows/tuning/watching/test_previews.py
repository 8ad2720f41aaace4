"""Previews are what `generate` would draw at that step, and change nothing of the training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting, PromptInvalid
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.tuning.watching import previews as previews_module
from lambda_studio.workflows.tuning.watching.previews import GAP, LABEL, TILE, draw_sheet

CONFIG = FinetuneConfig(steps=4, rank=2, learning_rate=0.01, preview_every=2)
DRAWN = GenerateConfig(num_inference_steps=20, seed=0)


def previews(studio, run_id: int) -> list[str]:
    return sorted(path.name for path in (run_folder(studio.home, run_id) / "previews").iterdir())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_preview_is_what_generate_draws_with_the_decoder_of_that_step(studio, add, photo, tmp_path, method) -> None:
    add("rex", photo)
    tuned = studio.finetune(["rex"], replace(CONFIG, method=method))
    assert previews(studio, tuned.run_id) == [f"step-{step:06}-1.png" for step in (0, 2, 4)]
    for step, adapter, most in ((0, "none", 0), (4, "auto", 1)):
        drawn = studio.generate("a <rex>", DRAWN, adapter=adapter, out=tmp_path / str(step)).pictures[0].path
        with Image.open(drawn) as ours, Image.open(tuned.previews.parent / f"previews/step-{step:06}-1.png") as theirs:
            off = np.abs(np.asarray(ours, np.int16) - np.asarray(theirs, np.int16))
        assert off.max() <= most  # a LoRA is merged for drawing, which rounds
    assert tuned.previews == run_folder(studio.home, tuned.run_id) / "previews.png"


def test_previews_change_nothing_of_the_adapter_also_where_a_run_is_resumed(studio, add, photo) -> None:
    add("rex", photo)
    with_ema = replace(CONFIG, ema_decay=0.5, lora_dropout=0.2)
    plain = studio.finetune(["rex"], replace(with_ema, preview_every=0))
    assert plain.previews is None
    assert studio.finetune(["rex"], with_ema).adapter.sha256 == plain.adapter.sha256
    asked = iter([False, False, True, True])
    stopped = studio.finetune(["rex"], with_ema, should_stop=lambda: next(asked))
    assert previews(studio, stopped.run_id) == ["step-000000-1.png", "step-000002-1.png"]
    resumed = studio.finetune([], FinetuneConfig(preview_every=1), resume=True)
    assert resumed.adapter.sha256 == plain.adapter.sha256
    assert previews(studio, stopped.run_id) == [f"step-{step:06}-1.png" for step in (0, 2, 4)]


def test_every_prompt_is_a_row_and_names_may_be_spelled_in_any_case(studio, add, photo, box) -> None:
    add("rex", photo)
    add("red-hat", box(1), noun="hat")
    prompts = ("a <REX> wearing a <red-hat>", "a <red-hat> on the beach")
    tuned = studio.finetune(None, replace(CONFIG, steps=1, preview_prompts=prompts))
    assert len(previews(studio, tuned.run_id)) == 4
    with Image.open(tuned.previews) as sheet:
        assert sheet.size == (GAP + 2 * (TILE + GAP), LABEL + 2 * (LABEL + TILE + GAP))


def test_a_preview_of_what_is_not_trained_is_refused_before_a_run_begins(studio, add, photo, box) -> None:
    add("rex", photo)
    add("max", box(1))
    with pytest.raises(InvalidSetting) as caught:
        studio.finetune(["rex"], replace(CONFIG, preview_prompts=("a <max>",)))
    assert (caught.value.cause, caught.value.remedy) == (
        "The preview 'a <max>' names max, which is not trained.", "Trained are: rex.",
    )  # fmt: skip
    assert studio.runs.list() == []


@pytest.mark.parametrize("prompt", ["", " ", "a <rex"])
def test_a_preview_that_generate_would_refuse_is_refused_before_a_run_begins(studio, add, photo, prompt) -> None:
    add("rex", photo)
    with pytest.raises(PromptInvalid):
        studio.finetune(["rex"], replace(CONFIG, preview_prompts=(prompt,)))
    assert studio.runs.list() == []


def test_forgetting_a_concept_deletes_the_previews_that_show_it(studio, add, photo, box) -> None:
    add("rex", photo)
    add("max", box(1))
    both, other = studio.finetune(None, replace(CONFIG, steps=1)), studio.finetune(["max"], replace(CONFIG, steps=1))
    studio.concepts.forget("rex", None, lambda found: None)
    folder = both.previews.parent
    assert sorted(path.name for path in folder.iterdir()) == ["loss.jsonl", "loss.png"]
    assert other.previews.exists()


def test_columns_without_a_picture_of_every_prompt_are_left_out_of_the_sheet(studio, add, photo) -> None:
    add("rex", photo)
    tuned = studio.finetune(["rex"], replace(CONFIG, steps=1))
    (tuned.previews.parent / "previews" / "step-000000-2.png").write_bytes(b"of another prompt")
    studio.finetune(["rex"], replace(CONFIG, steps=1))  # another run is not affected
    columns = {0: [], 20: [tuned.previews.parent / "previews" / "step-000001-1.png"]}
    assert draw_sheet(["a <rex>"], columns).size == (GAP + 2 * (TILE + GAP), LABEL + LABEL + TILE + GAP)


def test_where_the_gpu_is_too_small_the_training_goes_on_alone(studio, add, photo, monkeypatch, notices) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    add("rex", photo)
    monkeypatch.setattr(previews_module, "draw_embeds", refuse)
    tuned = studio.finetune(["rex"], CONFIG)
    assert (tuned.adapter.id, tuned.previews) == (1, None)
    told = [said for said in notices if "previews" in said]
    assert told == ["There is too little GPU memory for previews beside the training: none are drawn from now on."]


def test_previews_are_guided_as_the_stack_prefers(studio, add, photo, monkeypatch) -> None:
    asked = []
    draw = previews_module.draw_embeds
    monkeypatch.setattr(previews_module, "draw_embeds", lambda *given: asked.append(given[-1]) or draw(*given))
    add("rex", photo)
    studio.workplace.spec.generate["guidance_scale"] = 2.0
    studio.finetune(["rex"], replace(CONFIG, steps=1))
    assert {(each.guidance_scale, each.num_inference_steps) for each in asked} == {(2.0, 20)}
