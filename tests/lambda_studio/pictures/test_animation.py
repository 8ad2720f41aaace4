"""Animations of pictures."""

import cv2
import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.pictures.animation import require_animation, write_animation

FRAMES = [Image.new("RGB", (32, 16), (40 * number, 0, 0)) for number in range(4)]


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_an_animation_goes_there_and_back(tmp_path, suffix) -> None:
    path = tmp_path / "new" / f"way{suffix}"
    write_animation(FRAMES, path, seconds=2.0)
    with Image.open(path) as found:
        assert (found.n_frames, found.size) == (6, (32, 16))
        reds = []
        for number in range(6):
            found.seek(number)
            reds.append(found.convert("RGB").getpixel((5, 5))[0])
            assert found.info["duration"] == 500
    assert reds == pytest.approx([0, 40, 80, 120, 80, 40], abs=6)


def test_a_video_has_the_frames_at_their_rate(tmp_path) -> None:
    path = tmp_path / "way.mp4"
    write_animation(FRAMES, path, seconds=2.0)
    video = cv2.VideoCapture(str(path))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (6, 2)
    video.release()
    assert [each.name for each in tmp_path.iterdir()] == ["way.mp4"]


def test_wrong_names_and_lengths_are_refused_and_nothing_is_overwritten(tmp_path) -> None:
    (tmp_path / "there.gif").write_text("mine")
    with pytest.raises(OutputExists, match=r"there\.gif exists"):
        write_animation(FRAMES, tmp_path / "there.gif", 1.0)
    with pytest.raises(InvalidSetting, match="names no animation"):
        require_animation(tmp_path / "way.png", 1.0)
    with pytest.raises(InvalidSetting, match=r"there\.gif takes no files"):
        require_animation(tmp_path / "there.gif" / "way.gif", 1.0)
    with pytest.raises(InvalidSetting, match="takes 0 seconds"):
        require_animation(tmp_path / "way.gif", 0.0)
