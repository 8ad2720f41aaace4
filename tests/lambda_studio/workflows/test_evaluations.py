"""`studio.evaluations`."""

import pytest

from lambda_studio.errors import InvalidSetting


def test_folders_without_evaluations_are_not_compared(studio, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="has no evaluation"):
        studio.evaluations.compare(tmp_path, tmp_path)
