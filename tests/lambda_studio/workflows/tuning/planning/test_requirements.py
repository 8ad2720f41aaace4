"""A plan refuses what the run refuses before anything slow."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.workflows.tuning.planning import preflight

ONE = FinetuneConfig(steps=1, rank=2, preview_every=0)
REFUSED = {
    "a launcher": ({}, "WORLD_SIZE", "2", "A launcher started 2 processes"),
    "a divided model": ({}, "ACCELERATE_USE_FSDP", "true", "accelerate was configured for FSDP"),
    "fp16 on a CPU": ({"mixed_precision": "fp16"}, "NONE", "", "mixed_precision is fp16 and the device is a CPU."),
    "an optimiser": ({"optimizer": "torch.optim:SGD"}, "NONE", "", "learning_rate is not given."),
    "a tracker": ({"report_to": ("wandb",)}, "NONE", "", "report_to is wandb, which needs the package wandb."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_plan_and_the_run_refuse_the_same_and_no_run_begins(studio, add, photo, monkeypatch, what) -> None:
    settings, variable, value, said = REFUSED[what]
    add("rex", photo)
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(preflight, "_measured", None)  # nothing slow is begun
    monkeypatch.setattr("lambda_studio.workflows.tuning.watching.trackers.PACKAGES", {"wandb": ("wandb",)})
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    for way in (studio.plan_finetune, studio.finetune):
        with pytest.raises(InvalidSetting) as caught:
            way(["rex"], FinetuneConfig(steps=1, rank=2, preview_every=0, **settings))
        assert said in caught.value.cause
    assert studio.runs.list() == []


def test_the_plan_refuses_an_adapter_to_begin_with_whose_file_is_gone(studio, add, photo, box) -> None:
    add("rex", photo)
    add("mug", box(2), noun="mug")
    first = studio.finetune(["rex"], ONE).adapter
    kept = first.path.read_bytes()
    concepts = studio.workplace.get_concepts(["mug"])
    begun = FinetuneConfig(steps=1, rank=2, preview_every=0, start_from=first.sha256)
    first.path.unlink()
    for slow in (preflight.plan_finetuning, lambda *given: studio_tune(studio, *given)):
        with pytest.raises(ModelFilesMissing, match="The adapter that the training begins with is gone"):
            slow(studio.workplace, concepts, begun)
    first.path.write_bytes(kept)
    assert preflight.plan_finetuning(studio.workplace, concepts, begun).steps == 1


def studio_tune(studio, place, concepts, config) -> None:
    """Run what was planned."""
    from lambda_studio.workflows.tuning.run import Tuner

    Tuner(place).tune(concepts, config, None, lambda: False)
