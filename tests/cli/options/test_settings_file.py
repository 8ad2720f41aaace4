"""Settings of a fine-tuning from a TOML file and from the environment, and which of them count."""

import json

import pytest

from cli.options.settings_file import spellings
from cli.training.finetune import command
from lambda_studio import FinetuneConfig


@pytest.fixture
def file(tmp_path):
    """Write a file of settings, and give its path."""

    def write(text: str):
        (tmp_path / "a.toml").write_text(text, encoding="utf-8")
        return tmp_path / "a.toml"

    return write


def test_keys_are_options_in_all_their_spellings_and_fields(file) -> None:
    text = 'max-train-steps = 3\nlora_rank = 2\npreview = ["a dog"]\ndora = true\nweight_decay = 0.1\n'
    text += "weights = {rex = 2.0}"
    config = FinetuneConfig.from_toml(file(text), spellings(command))
    assert config == FinetuneConfig(
        steps=3, rank=2, preview_prompts=("a dog",), use_dora=True, weight_decay=0.1, weights={"rex": 2.0}
    )
    assert config.given == {"steps", "rank", "preview_prompts", "use_dora", "weight_decay", "weights"}


def test_the_command_line_outranks_the_environment_and_it_the_file_and_it_the_stack(
    studio, photos, file, monkeypatch
) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    path = file("steps = 1\nrank = 2\nseed = 3\nlora-alpha = 7.0\nbatch_size = 1\npreview_every = 0")
    monkeypatch.setenv("STUDIO_FINETUNE_RANK", "3")
    monkeypatch.setenv("STUDIO_FINETUNE_SEED", "4")
    monkeypatch.setenv("STUDIO_FINETUNE_RSLORA", "")  # an empty variable sets nothing
    answer = studio("finetune", "rex", "--config", path, "--seed", 5, "--json")
    settings = json.loads(answer.out)["adapter"]["settings"]
    assert [settings[name] for name in ("steps", "rank", "seed", "lora_alpha")] == [1, 3, 5, 7.0]


def test_weights_may_be_a_table_and_a_fault_names_the_file(studio, file) -> None:
    assert FinetuneConfig.from_toml(file("[weights]\nrex = 2.0"), spellings(command)).weights == {"rex": 2.0}
    answer = studio("finetune", "rex", "--config", file("weight = ['rex=2']"))
    assert (
        'a.toml has weight = ["rex=2"].\n  → Give a number for each name, for example: weight = {rex = 2}' in answer.err
    )
    answer = studio("finetune", "rex", "--config", file("rank = 0"))
    assert "a.toml: rank is 0.\n  → Give 1 to 4096." in answer.err


def test_flags_of_one_value_are_for_the_command_line(studio, file) -> None:
    answer = studio("finetune", "rex", "--config", file("use-8bit-adam = true"))
    assert "has 'use-8bit-adam', which is no setting.\n  → Give it on the command line." in answer.err


def test_a_file_that_is_not_there_is_refused(studio, tmp_path) -> None:
    answer = studio("finetune", "rex", "--config", tmp_path / "none.toml")
    assert answer.code == 2 and "none.toml cannot be read (No such file or directory)." in answer.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RNAK", "is no setting. Did you mean STUDIO_FINETUNE_RANK?"),
        ("MAX_TRAIN_STEP", "is no setting. Did you mean STUDIO_FINETUNE_STEPS?"),
        ("NO_DORA", "is no setting. Its opposite is one: STUDIO_FINETUNE_DORA=0"),
        ("NO_RANK", "is no setting. Did you mean STUDIO_FINETUNE_RANK?"),
        ("USE_EMA", "no variable gives this option. Give it on the command line."),
        ("XYZ", "is no setting. Unset it."),
        *(
            (name, "no variable gives this option. Give it on the command line.")
            for name in ("RESUME", "FROM", "YES", "WEIGHTS")
        ),
        *((name, "no variable gives this option. Give it on the command line.") for name in ("PREVIEW", "HOME")),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_the_nearest(studio, monkeypatch, name, said) -> None:
    monkeypatch.setenv(f"STUDIO_FINETUNE_{name}", "3")
    answer = studio("finetune", "rex")
    assert (answer.code, answer.out) == (2, "")
    assert f"Error: STUDIO_FINETUNE_{name} is set, and {said}" in answer.err
    assert studio("finetune", "--help").code == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RANK", "0", "--rank is 0.\n  → STUDIO_FINETUNE_RANK gives --rank. Give 1 to 4096.\n"),
        ("EMA_DECAY", "2", "--ema-decay is 2.0.\n  → STUDIO_FINETUNE_EMA_DECAY gives --ema-decay. Give 0 or more"),
        (
            "OPTIMIZER",
            "sgd",
            "--optimizer is 'sgd'.\n  → STUDIO_FINETUNE_OPTIMIZER gives --optimizer. Give adamw, adamw-8bit, or a "
            "class of an installed package: torch.optim:SGD.\n",
        ),
        ("RANK", "x", "Invalid value for STUDIO_FINETUNE_RANK: 'x' is not a valid integer."),
        (
            "KEEP",
            "best",
            "--keep needs scores, and no image is held back for them.\n  → STUDIO_FINETUNE_KEEP gives --keep. Give ",
        ),
    ],
)
def test_a_wrong_value_of_a_variable_names_the_variable(studio, added, monkeypatch, name, value, said) -> None:
    monkeypatch.setenv(f"STUDIO_FINETUNE_{name}", value)
    answer = studio("finetune", "rex", "--plan")
    assert answer.code == 2 and f"Error: {said}" in answer.err


def test_an_option_has_a_variable_for_each_of_its_spellings(studio, added, monkeypatch) -> None:
    for name, value in {"MAX_TRAIN_STEPS": "7", "LORA_RANK": "3", "DORA": "1"}.items():
        monkeypatch.setenv(f"STUDIO_FINETUNE_{name}", value)
    settings = json.loads(studio("finetune", "rex", "--plan", "--json").out)["settings"]
    assert (settings["steps"], settings["rank"], settings["use_dora"]) == (7, 3, True)
    monkeypatch.setenv("STUDIO_FINETUNE_LORA_RANK", "0")
    assert "--rank is 0.\n  → STUDIO_FINETUNE_LORA_RANK gives --rank. Give 1 to 4096." in studio("finetune", "rex").err


def test_two_variables_of_one_option_must_say_the_same(studio, added, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_FINETUNE_RANK", "3")
    monkeypatch.setenv("STUDIO_FINETUNE_LORA_RANK", "4")
    answer = studio("finetune", "rex", "--plan")
    said = "STUDIO_FINETUNE_RANK and STUDIO_FINETUNE_LORA_RANK give one option. Unset one of them."
    assert answer.code == 2 and said in answer.err
    monkeypatch.setenv("STUDIO_FINETUNE_LORA_RANK", "3")
    assert studio("finetune", "rex", "--plan").code == 0


def test_variables_of_every_setting_that_has_one_are_taken(studio, monkeypatch) -> None:
    read = [each.name for each in command.params if getattr(each, "allow_from_autoenv", False)]
    assert {"rank", "use_dora", "config", "device", "evaluate"} <= {*read}
    for name in read:
        monkeypatch.setenv(f"STUDIO_FINETUNE_{name.upper()}", "1")
    assert "is set, and" not in studio("finetune", "rex").err
