"""A door to pictures that stays open from test to test, because starting its process takes longer than most tests."""

from collections.abc import Iterator

import pytest
from PIL import Image

from lambda_studio.pictures.door import PictureDoor
from lambda_studio.workflows.workplace import Workplace


class OpenDoor(PictureDoor):
    """A door that asks the salient-object network only once about each picture."""

    def __init__(self) -> None:
        super().__init__()
        self._maps: dict[tuple[tuple[int, int], bytes], Image.Image | None] = {}

    def salience(self, image: Image.Image) -> Image.Image | None:
        """Return the map of the first time."""
        key = (image.size, image.tobytes())
        if key not in self._maps:
            self._maps[key] = super().salience(image)
        return self._maps[key]


@pytest.fixture(scope="session")
def open_door() -> Iterator[OpenDoor]:
    """Yield the door of this session."""
    with OpenDoor() as door:
        yield door


@pytest.fixture
def studios_share_a_door(open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every studio of this process the session's door. A studio that is closed leaves it open."""
    monkeypatch.setattr(Workplace, "door", property(lambda _: open_door))
