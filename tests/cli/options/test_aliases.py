"""Options are also taken as diffusers and its training scripts spell them."""

from typing import Any

import pytest


class Taken(Exception):
    """Ends a command with the arguments of the studio."""


@pytest.fixture
def take(studio, monkeypatch):
    """Return the settings, and the other arguments, that a command line gives the studio."""

    def answer(*words: object) -> tuple[dict[str, Any], dict[str, Any]]:
        taken: list[Any] = []

        def called(self, asked, config, **others):
            taken.extend((config, others))
            raise Taken

        monkeypatch.setattr("lambda_studio.studio.Studio.generate_all", called)
        monkeypatch.setattr("lambda_studio.studio.Studio.finetune", called)
        assert studio(*words).code == 1
        config, others = taken
        return {name: getattr(config, name) for name in config.given}, others

    return answer


DRAWN = {"num_inference_steps": 3, "guidance_scale": 2.5}


@pytest.mark.parametrize(
    "words",
    [
        ("--num_inference_steps", 3, "--guidance_scale", 2.5, "--num_images_per_prompt", 2),
        ("--num-inference-steps=3", "--guidance-scale=2.5", "--num-images-per-prompt=2"),
        ("--steps", 3, "--guidance", 2.5, "-n", 2),
    ],
)
def test_generate_takes_the_spellings_of_diffusers(take, words) -> None:
    settings, others = take("generate", "a cat", *words)
    assert (settings, others["count"]) == (DRAWN, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--max_train_steps", 9, "--train_batch_size", 2, "--lora_rank", 4, "--learning_rate", 0.1),
        ("--max-train-steps=9", "--train-batch-size=2", "--lora-rank=4", "--learning-rate=0.1"),
        ("--steps", 9, "--batch-size", 2, "--rank", 4, "--learning-rate", 0.1),
    ],
)
def test_finetune_takes_the_spellings_of_training_scripts(take, words) -> None:
    settings, _ = take("finetune", "--all", *words)
    assert settings == {"steps": 9, "batch_size": 2, "rank": 4, "learning_rate": 0.1}


def test_finetune_takes_the_options_of_validation_and_of_the_average(take) -> None:
    words = ("--validation_prompt", "a <rex>", "--validation_steps", 9, "--use_ema")
    settings = {"preview_prompts": ("a <rex>",), "preview_every": 9, "ema_decay": 0.9999}
    assert take("finetune", "--all", *words)[0] == settings
    both = take("finetune", "--all", "--preview", "a cat", "--validation-prompt", "a", "--validation-prompt", "b")[0]
    assert both == {"preview_prompts": ("a cat", "a", "b")}
    assert take("finetune", "--all", "--ema-decay", 0.5)[0] == {"ema_decay": 0.5}
    assert take("finetune", "--all")[0] == {}


def test_different_values_under_two_names_are_refused_and_equal_ones_are_not(take, studio) -> None:
    refused = studio("generate", "a cat", "-n", 2, "--of", 4)
    assert (refused.code, refused.out) == (2, "")
    assert "One option is given twice, as --number 2 and --of 4. Give one of them." in refused.err
    refused = studio("generate", "a cat", "--num_images_per_prompt", 2, "--of", 4)
    assert "as --num-images-per-prompt 2 and --of 4" in refused.err
    assert take("generate", "a cat", "--steps", 4, "--num_inference_steps", 4)[0] == {"num_inference_steps": 4}
    assert take("generate", "a cat", "--of", 4)[1]["count"] == 4


def test_help_and_messages_have_the_own_names(studio) -> None:
    shown = studio("generate", "--help").out
    assert "--steps INTEGER" in shown and "num-inference-steps" not in shown
    wrong = studio("generate", "a cat", "--num_inference_steps", "many").err
    assert "Invalid value for '--steps': 'many' is not a valid integer." in wrong
    assert "--steps is 0." in studio("generate", "a cat", "--num_inference_steps", 0).err
