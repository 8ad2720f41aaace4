"""Values of settings, in the words of people."""

from lambda_studio.settings.written import written


def test_values_are_written_without_pythons_notation() -> None:
    said = {"rex 2, mug 0.5": {"rex": 2.0, "mug": 0.5}, "tensorboard": ("tensorboard",), "yes": True, "no": False}
    assert {text: written(value) for text, value in said.items()} == dict(zip(said, said, strict=True))
    assert [written(value) for value in (None, (), 1e-05, 16, "cosine", [3, 5])] == [
        "none",
        "none",
        "1e-05",
        "16",
        "cosine",
        "3, 5",
    ]
