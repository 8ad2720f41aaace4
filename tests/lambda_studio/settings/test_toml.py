"""A TOML file of settings, and the faults that it is refused for."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.settings.kinds import example_of, kinds_of
from lambda_studio.settings.toml import read_settings

SPELLINGS = {"max_train_steps": "steps", "weight": "weights", "all": "everything"}


def test_keys_may_have_dashes_and_lists_become_tuples(tmp_path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('preview-prompts = ["a dog"]')
    spellings, kinds = {"preview_prompts": "preview_prompts"}, {"preview_prompts": tuple[str, ...]}
    assert read_settings(path, spellings, kinds) == {"preview_prompts": ("a dog",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rnak = 3", "has 'rnak', which is no setting. Did you mean rank?"),
        ("no-random-flip = true", "has 'no-random-flip', which is no setting. Write random_flip = false."),
        ("no_random_flip = false", "has 'no_random_flip', which is no setting. Write random_flip = true."),
        ("start_from = 'ab'", "has 'start_from', which is no setting."),
        ("zzz = true", "has 'zzz', which is no setting. Settings are: "),
        ("steps = 3\nmax_train_steps = 4", "gives steps twice. Keep one."),
        ("steps = ", "is not TOML ("),
        ("a" * 2**15, "a.toml is no file of settings: it has more than 16,384 bytes. Give a TOML file of settings"),
        (
            "\N{LATIN SMALL LETTER O WITH DIAERESIS}",
            "a.toml is no text file. Give a TOML file of settings, for example",
        ),
        ("rank = 0", "a.toml: rank is 0. Give 1 to 4096."),
        ("steps = true", "a.toml has steps = true. Give a whole number, for example: steps = 4"),
        ("max-train-steps = 'x'", 'has max-train-steps = "x". Give a whole number, for example: max-train-steps = 4'),
        ("weight = ['mia=2']", 'has weight = ["mia=2"]. Give a number for each name, for example: weight = {rex = 2}'),
        ("[weights]\nrex = 'x'", 'has weights = {rex = "x"}. Give a number for each name, for example: weights = {'),
        (
            "targets = 3",
            'has targets = 3. Give attention, attention-and-convolutions or image, for example: targets = "',
        ),
        ('report-to = "wandb"', 'has report-to = "wandb". Give a list of texts, for example: report-to = ["wandb"]'),
        ("report-to = [3]", "has report-to = [3]. Give a list of texts."),
        ("report-to = ['foo']", 'report_to is ["foo"]. Give some of: tensorboard, trackio, wandb.'),
        ("[finetune]\nrank = 3", "has the table [finetune]. Write the keys without a table: leave out the line [fine"),
        ("all = true", "has 'all', which is no setting. Give it on the command line."),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_with_a_fault_is_refused(tmp_path, text: str, said: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidSetting) as caught:
        FinetuneConfig.from_toml(path, SPELLINGS)
    assert said in f"{caught.value.cause} {caught.value.remedy}"


def test_every_example_of_a_value_is_taken(tmp_path) -> None:
    path = tmp_path / "a.toml"
    needed = {"soft_min_snr": "snr_gamma = 5.0", "patience": "holdout = 1", "ease_off": "holdout = 1\npatience = 2"}
    beside = {*FinetuneConfig.not_in_files, "weights"}  # while testing, beartype takes no whole number for a weight
    for name, kind in kinds_of(FinetuneConfig).items():
        if name not in beside and (example := example_of(kind)):
            path.write_text(f"{needed.get(name, '')}\n{name} = {example}")
            assert name in FinetuneConfig.from_toml(path).given
