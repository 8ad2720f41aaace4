"""Why bytes are refused as a bundle."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_studio.bundles.archive import Archive
from lambda_studio.errors import BundleRefused


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[bytes], str]:
    """Why these bytes are refused as a bundle."""

    def why(content: bytes) -> str:
        (tmp_path / "x.zip").write_bytes(content)
        with pytest.raises(BundleRefused) as caught:
            Archive(tmp_path / "x.zip")
        assert str(tmp_path / "x.zip") in caught.value.cause
        assert caught.value.remedy
        return caught.value.cause

    return why
