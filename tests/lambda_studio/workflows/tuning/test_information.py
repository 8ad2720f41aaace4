"""An adapter stores what it was trained on and with, but not how it was watched."""

from dataclasses import asdict, replace

from lambda_studio.config import FinetuneConfig
from lambda_studio.workflows.tuning.information import ONLY_SHOWN, information


def test_everything_is_stored_that_the_weights_depend_on(put, plain) -> None:
    concept = put("rex", plain("red"))
    config = FinetuneConfig(rank=4, lora_alpha=8.0, use_dora=True, targets="image", preview_every=3)
    info = information("tiny", "f" * 64, [concept], config)
    assert (info.method, info.rank, info.lora_alpha, info.use_dora, info.use_rslora, info.targets) == (
        "lora", 4, 8.0, True, False, "image",
    )  # fmt: skip
    assert (info.stack, info.base_fingerprint) == ("tiny", "f" * 64)
    seen = {"name": "rex", "library": "default", "version": 1, "manifest": concept.manifest}
    assert info.concepts == (seen,)
    stored = asdict(config) | {"learning_rate": 1e-4, "base_fingerprint": "f" * 64}
    assert info.settings == {name: value for name, value in stored.items() if name not in ONLY_SHOWN}
    watched = replace(config, preview_every=None, preview_prompts=("a <rex>",))
    assert information("tiny", "f" * 64, [concept], watched) == info


def test_an_adapter_of_a_scored_run_stores_when_it_was_scored(put, plain) -> None:
    scored = FinetuneConfig(holdout=1, preview_every=3, preview_prompts=("a <rex>",))
    settings = information("tiny", "f" * 64, [put("rex", plain("red"))], scored).settings
    assert (settings["preview_every"], settings["holdout"]) == (3, 1)
    assert "preview_prompts" not in settings
