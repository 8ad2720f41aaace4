"""Files whose texts are refused."""

from pathlib import Path

import pytest

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.texts.picture_texts import read_texts


def refusal(path: Path) -> ImageRefused:
    """Return the error of reading a picture's texts, which names the file and is short."""
    with pytest.raises(ImageRefused) as refused:
        read_texts(path)
    assert str(path) in refused.value.cause
    assert len(refused.value.cause) < 300 + len(str(path))
    return refused.value
