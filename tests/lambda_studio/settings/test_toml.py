"""A TOML file of settings, and the faults that it is refused for."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.settings.toml import read_settings

SPELLINGS = {"max_train_steps": "steps"}


def test_keys_may_have_dashes_and_lists_become_tuples(tmp_path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('preview-prompts = ["a dog"]')
    assert read_settings(path, {"preview_prompts": "preview_prompts"}) == {"preview_prompts": ("a dog",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rnak = 3", "has 'rnak', which is no setting. Did you mean rank?"),
        ("start_from = 'ab'", "has 'start_from', which is no setting."),
        ("zzz = true", "has 'zzz', which is no setting. Settings are: "),
        ("steps = 3\nmax_train_steps = 4", "gives steps twice. Keep one."),
        ("steps = ", "is not TOML ("),
        ("a" * 2**15, "cannot be read (it has more than 16384 bytes). Check its name."),
        ("rank = 0", "rank is 0. Give 1 to 4096."),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_with_a_fault_is_refused(tmp_path, text: str, said: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(InvalidSetting) as caught:
        FinetuneConfig.from_toml(path, SPELLINGS)
    assert said in f"{caught.value.cause} {caught.value.remedy}"
