"""Settings of benchmarks."""

import pytest

from lambda_studio.config import BenchmarkConfig
from lambda_studio.errors import InvalidSetting


def test_numbers_and_ranges_of_prompts() -> None:
    assert BenchmarkConfig(prompts=("3", "5-7")).numbers == {3, 5, 6, 7}
    assert BenchmarkConfig().numbers == frozenset()


def test_a_subject_is_drawn_from_what_it_is_compared_with_if_nothing_else_is_said() -> None:
    assert BenchmarkConfig(references="one").source == "one"
    assert BenchmarkConfig(references="one", drawn_from="all").source == "all"


def test_folders_of_weights() -> None:
    assert BenchmarkConfig(weights=("dino-vits16=/a=b",)).places == {"dino-vits16": "/a=b"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pictures": 0}, "pictures is 0. Give 1 to 100."),
        ({"references": "two"}, "Give all or one."),
        ({"drawn_from": "two"}, "Give all or one."),
        ({"dino": "v3"}, "Give one of: auto, none, dino-vits16"),
        ({"clip": "g14"}, "Give one of: stack, b32, l14."),
        ({"mean": "median"}, "Give one of: macro, pairs."),
        ({"weights": ("dino-vits16",)}, "as dino-vits16=FOLDER"),
        ({"unique_token": "s k s"}, "Give one word, such as sks."),
        ({"adapter": "auto:0.5"}, "Name the adapter, or give none."),
        ({"prompts": ("0",)}, "Give numbers from 1, such as 3 or 1-5."),
        ({"prompts": ("5-3",)}, "Give numbers from 1"),
        ({"prompts": ("1-999999999999",)}, "Give numbers from 1"),
    ],
)
def test_a_wrong_value_is_refused(settings, words) -> None:
    with pytest.raises(InvalidSetting) as error:
        BenchmarkConfig(**settings)
    assert words in str(error.value)
