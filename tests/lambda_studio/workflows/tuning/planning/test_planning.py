"""A run is fitted to the GPU before anything is loaded, and goes on as it began."""

from dataclasses import replace

import pytest
import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ResumeRefused
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.workflows.tuning.planning import planning
from lambda_studio.workflows.tuning.planning.planning import planned

GIB = 2**30
GIVEN = FinetuneConfig(steps=2, rank=2)


@pytest.fixture
def small_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 GiB that are free, of which a picture takes 2."""
    monkeypatch.setattr(Stack, "on_gpu", True)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    monkeypatch.setattr(planning, "training_bytes", lambda blueprint, way: (1 + 2 * way.batch_size) * GIB)


def test_without_a_gpu_what_fits_does_not_change_and_nothing_is_said(studio) -> None:
    assert planned(studio.workplace.stack, GIVEN, pytest.fail) == GIVEN


def test_without_a_gpu_a_run_is_fitted_to_the_machine_and_is_resumed_in_less_memory(
    studio, add, photo, notices, small_gpu, monkeypatch
) -> None:
    monkeypatch.setattr(Stack, "on_gpu", False)
    add("rex", photo)
    studio.finetune(["rex"], config=GIVEN, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    assert notices[-1].startswith("8.0 GiB of memory are free: lora with batches of 2, 2 times for each step")
    monkeypatch.setattr(Stack, "free_memory", lambda self: GIB)
    result = studio.finetune([], resume=True)
    assert result.adapter is not None
    assert "1.0 GiB of memory are free. It may not fit, and the system may then end this program" in notices[-1]
    assert notices[-1].endswith("end this program: close other programs."), "nothing else is taken by a run that began"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_without_a_gpu_full_keeps_its_precision(studio, monkeypatch, dtype) -> None:
    monkeypatch.setattr(studio.workplace.stack, "dtype", dtype)
    full = replace(GIVEN, method="full")
    assert planned(studio.workplace.stack, full, pytest.fail) == full


def test_bf16_that_is_emulated_is_said(studio, add, photo, notices, monkeypatch) -> None:
    add("rex", photo)
    half = replace(GIVEN, mixed_precision="bf16", preview_every=0)
    said = "This processor only emulates bf16, which makes a step many times slower. Leave out --mixed-precision."
    for emulated in (True, False):
        monkeypatch.setattr(planning, "emulates_bf16", lambda device, emulated=emulated: emulated)
        for run in (studio.plan_finetune, studio.finetune):
            notices.clear()
            run(["rex"], half)
            assert notices.count(said) == emulated
    studio.finetune(["rex"], replace(half, mixed_precision="no"))
    assert said not in notices


def test_a_run_on_a_small_gpu_has_smaller_batches_and_is_resumed_with_them(
    studio, add, photo, notices, small_gpu
) -> None:
    add("rex", photo)
    stopped = studio.finetune(["rex"], config=GIVEN, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    assert notices[-1].startswith("8.0 GiB of GPU memory are free: lora with batches of 2, 2 times for each step")
    with studio.database.reading() as registry:
        settings = registry.find_run(stopped.run_id).settings["config"]
    assert (settings["batch_size"], settings["gradient_accumulation_steps"]) == (2, 2)
    assert studio.finetune([], resume=True).adapter is not None
    assert notices[-1].startswith("8.0 GiB of GPU memory are free: lora with batches of 2, 2 times for each step")


def test_a_run_that_is_resumed_on_a_smaller_gpu_keeps_its_batches(studio, add, photo, notices, monkeypatch) -> None:
    def count(blueprint, way):
        return (1 if way.gradient_checkpointing else 2) * way.batch_size * GIB

    def free(number: int) -> None:
        monkeypatch.setattr(Stack, "on_gpu", True)
        monkeypatch.setattr(Stack, "free_memory", lambda self: number * GIB)

    monkeypatch.setattr(planning, "training_bytes", count)
    add("rex", photo)
    free(24)
    studio.finetune(["rex"], config=GIVEN, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    free(3)
    with (
        monkeypatch.context() as patched,
        pytest.raises(ResumeRefused, match=r"batches of 4, which need about 4\.4 GiB"),
    ):
        patched.setattr(Stack, "own_decoder", pytest.fail)
        studio.finetune([], resume=True)
    free(6)
    assert studio.finetune([], resume=True).adapter is not None
    assert notices[-1].startswith("6.0 GiB of GPU memory are free: lora with batches of 4, activations computed twice")


def test_the_count_is_of_the_stacks_own_unet(studio, monkeypatch) -> None:
    monkeypatch.setattr(Stack, "on_gpu", True)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    said: list[str] = []
    assert planned(studio.workplace.stack, GIVEN, said.append) == GIVEN
    assert said == ["8.0 GiB of GPU memory are free: lora with batches of 4, about 0.3 GiB."]


def test_full_is_trained_in_half_precision_from_weights_that_were_never_rounded(
    studio, add, photo, small_gpu, monkeypatch
) -> None:
    add("rex", photo)
    stack, loaded, whole = studio.workplace.stack, [], Stack.own_decoder

    def own_decoder(self, parts, dtype=None):
        loaded.append(dtype)
        return whole(self, parts, dtype)

    monkeypatch.setattr(Stack, "own_decoder", own_decoder)
    full = replace(GIVEN, method="full")
    for config, expected in ((full, torch.float32), (GIVEN, None)):
        loaded.clear()
        studio.finetune(["rex"], config=config)
        assert loaded[-1] == expected
    monkeypatch.setattr(stack, "dtype", torch.bfloat16)
    assert planned(stack, full, lambda said: None).mixed_precision == "bf16"
    assert planned(stack, replace(full, mixed_precision="no"), lambda said: None).mixed_precision == "no"
    assert planned(stack, GIVEN, lambda said: None).mixed_precision == "no"


def test_a_resolution_that_cannot_be_drawn_is_refused_first(studio, small_gpu) -> None:
    with pytest.raises(InvalidSetting, match="Pictures of 7 pixels"):
        planned(studio.workplace.stack, replace(GIVEN, resolution=7), pytest.fail)
