"""A value of a wrong kind, also from a file, names its setting and says what to give."""

import subprocess
import sys

import numpy as np
import pytest

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.settings.kinds import called, fits, kinds_of

TUNING, DRAWING = kinds_of(FinetuneConfig), kinds_of(GenerateConfig)


@pytest.mark.parametrize(
    ("hint", "value", "wanted"),
    [
        (TUNING["rank"], "16", "a whole number"),
        (TUNING["rank"], True, "a whole number"),
        (TUNING["steps"], 10.5, "a whole number"),
        (TUNING["learning_rate"], "1e-4", "a number"),
        (TUNING["use_dora"], "yes", "true or false"),
        (TUNING["preview_prompts"], "a dog", "a list of texts"),
        (TUNING["preview_prompts"], [3], "a list of texts"),
        (TUNING["weights"], {"rex": "2"}, "a number for each name"),
        (TUNING["method"], 3, "lora or full"),
        (TUNING["optimizer"], None, "a text"),
        (DRAWING["height"], [64], "a whole number"),
    ],
)
def test_a_value_of_another_kind_does_not_fit(hint, value, wanted: str) -> None:
    assert (fits(value, hint), called(hint)) == (False, wanted)


def test_whole_numbers_are_numbers_and_lists_are_tuples() -> None:
    assert fits(1, TUNING["learning_rate"]) and fits(None, TUNING["learning_rate"])
    assert fits(np.int64(4), TUNING["steps"]) and fits(np.float32(4), TUNING["weight_decay"])
    assert fits(["a dog"], TUNING["preview_prompts"]) and fits({"rex": 2}, TUNING["weights"])


def test_every_default_fits_its_own_setting() -> None:
    for kind, hints in ((FinetuneConfig, TUNING), (GenerateConfig, DRAWING)):
        assert [name for name, hint in hints.items() if not fits(getattr(kind(), name), hint)] == []


def test_a_wrong_kind_is_refused_by_its_setting() -> None:
    """In a process of its own: while testing, beartype checks annotations first."""
    program = "from lambda_studio.config import FinetuneConfig; FinetuneConfig().preferring({'rank': '16'})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("InvalidSetting: rank is '16'. Give a whole number.")
