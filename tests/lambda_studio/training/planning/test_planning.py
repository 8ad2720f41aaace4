"""What fits is chosen, the batch of one optimiser step stays, and it is said in one sentence."""

from dataclasses import replace

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.training.planning.planning import GIB, HIGHER, WORKSPACE, plan_resumed, plan_training, ways


def count(config: FinetuneConfig) -> int:
    return (2 + config.batch_size * (1 if config.gradient_checkpointing else 2)) * GIB


def test_the_ways_keep_the_batch_of_a_step_and_take_less_and_less() -> None:
    found = list(ways(FinetuneConfig(batch_size=6, gradient_accumulation_steps=2)))
    sizes = [(way.batch_size, way.gradient_accumulation_steps) for way in found]
    assert sizes == [(6, 2), (3, 4), (2, 6), (1, 12)] * 2
    assert [way.gradient_checkpointing for way in found] == [False] * 4 + [True] * 4
    assert [*ways(found[-1])] == [found[-1]]
    ruled_out = FinetuneConfig(batch_size=2, gradient_checkpointing=False)
    assert [(way.batch_size, way.gradient_checkpointing) for way in ways(ruled_out)] == [(2, False), (1, False)]


@pytest.mark.parametrize(
    ("free", "chosen", "said"),
    [
        (24, (4, 1, False), "24.0 GiB of GPU memory are free: lora with batches of 4, about 10.7 GiB."),
        (8, (2, 2, False), "8.0 GiB of GPU memory are free: lora with batches of 2, 2 times for each step, about 6.5"),
        (4, (1, 4, True), "with batches of 1, 4 times for each step, activations computed twice, about 3.4 GiB."),
        (1, (1, 4, True), "Training (lora) needs about 3.4 GiB at least, and 1.0 GiB of GPU memory are free."),
    ],
)
def test_the_first_way_that_fits_is_chosen_and_said(free: int, chosen: tuple[int, int, bool], said: str) -> None:
    plan = plan_training(FinetuneConfig(), free * GIB, count)
    config = plan.config
    assert (config.batch_size, config.gradient_accumulation_steps, config.gradient_checkpointing) == chosen
    assert said in plan.said()
    assert plan.fits is (free > 1)
    assert plan.needed == round(HIGHER * count(config)) + WORKSPACE


@pytest.mark.parametrize(("free", "checkpointing", "fits"), [(24, False, True), (8, True, True), (6, True, False)])
def test_a_run_that_began_keeps_its_batches(free: int, checkpointing: bool, fits: bool) -> None:
    plan = plan_resumed(FinetuneConfig(), free * GIB, count)
    assert plan.config == FinetuneConfig(gradient_checkpointing=checkpointing)
    assert plan.fits is fits


def test_a_run_that_cannot_fit_is_refused_with_what_remains() -> None:
    with pytest.raises(ResumeRefused, match=r"batches of 4, which need about 6\.5 GiB, and 5\.5 GiB of GPU") as refused:
        plan_resumed(FinetuneConfig(), 11 * GIB // 2, count)
    assert "start a new run without resume=True: it takes batches that fit." in refused.value.remedy


def test_without_a_gpu_the_words_are_of_the_machines_memory_and_a_run_that_began_goes_on() -> None:
    plan = plan_training(FinetuneConfig(), 8 * GIB, count, of_gpu=False)
    assert plan.said().startswith("8.0 GiB of memory are free: lora with batches of 2, 2 times for each step")
    short = plan_training(FinetuneConfig(), GIB, count, of_gpu=False).said()
    assert "1.0 GiB of memory are free. It may not fit, and the system may then end this program: close" in short
    halved = replace(plan_training(FinetuneConfig(), GIB, count), frozen_in_float32=True).said()
    assert halved.endswith("close other programs, or give a smaller resolution, or precision=fp16.")
    resumed = plan_resumed(FinetuneConfig(), GIB, count, of_gpu=False)
    assert (resumed.fits, resumed.config.batch_size) == (False, 4)
    assert replace(resumed, frozen_in_float32=True).said().endswith("end this program: close other programs.")
    ruled_out = plan_resumed(FinetuneConfig(gradient_checkpointing=False), GIB, count, of_gpu=False)
    assert ruled_out.said().endswith("close other programs, or give gradient_checkpointing=True.")


def test_activations_are_not_computed_twice_if_that_was_ruled_out_and_the_words_say_so() -> None:
    asked = FinetuneConfig(gradient_checkpointing=False)
    plan = plan_training(asked, 4 * GIB, count)
    assert (plan.config.gradient_checkpointing, plan.fits) == (False, False)
    assert "or give a smaller resolution, or gradient_checkpointing=True." in plan.said()
    assert "gradient_checkpointing" not in plan_training(FinetuneConfig(), GIB, count).said()
    with pytest.raises(ResumeRefused) as refused:
        plan_resumed(asked, 8 * GIB, count)
    assert "a larger GPU, give gradient_checkpointing=True, or start a new run" in refused.value.remedy
