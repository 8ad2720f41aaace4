"""What a photograph is of, as the network sees it, and when its answer is doubtful."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.pictures import door
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.masks import saliency
from lambda_studio.pictures.masks.saliency import SIDE, salience, weights_file
from lambda_studio.pictures.masks.subject import find_subject

PHOTOS = Path(__file__).parents[4] / ".." / "shared" / "dreambench"


def test_the_weights_are_installed_and_their_package_is_not_imported() -> None:
    code = "import sys; from lambda_studio.pictures.masks.saliency import weights_file as found; print(found().name)"
    code += "; print(*sorted({'rembg', 'onnxruntime', 'torch', 'cv2'} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "u2netp.onnx\n\n"


def test_weights_with_other_bytes_are_not_used(monkeypatch, tmp_path: Path) -> None:
    content = bytearray((weights_file() or tmp_path).read_bytes())
    content[1000] ^= 1
    (tmp_path / "u2netp.onnx").write_bytes(content)
    monkeypatch.setattr(saliency, "weights_file", lambda: tmp_path / "u2netp.onnx")
    assert salience(np.zeros((SIDE, SIDE, 3), np.uint8)) is None
    monkeypatch.setattr(saliency, "weights_file", lambda: None)
    assert salience(np.zeros((SIDE, SIDE, 3), np.uint8)) is None


def test_the_network_runs_in_the_process_that_opens_pictures_between_large_pictures(tmp_path: Path) -> None:
    large = tmp_path / "large.webp"
    Image.effect_noise((60, 60), 80).convert("RGB").resize((6000, 6000)).save(large, quality=50)
    with PictureDoor() as opened:
        photo = opened.photo(PHOTOS / "dog6" / "01.jpg")
        first = opened.salience(photo.image)
        assert opened.photo(large).image.size == (1536, 1536), "the network leaves no room for the next picture"
        second = opened.salience(photo.image)
    assert first is not None and second is not None and first.tobytes() == second.tobytes()
    ear, face, wall = (0.16, 0.12), (0.45, 0.25), (0.05, 0.5)
    assert [np.asarray(first)[int(y * SIDE), int(x * SIDE)] // 128 for x, y in (ear, face, wall)] == [1, 1, 0]


def test_a_network_that_cannot_run_is_no_refusal_of_the_picture() -> None:
    with PictureDoor(door.Limits(memory=300 * 2**20)) as small:
        photo = small.photo(PHOTOS / "dog6" / "01.jpg")
        if sys.platform == "linux":
            assert small.salience(photo.image) is None
        assert small.photo(PHOTOS / "dog6" / "01.jpg").image.size == photo.image.size


@pytest.mark.parametrize(
    ("name", "said"),
    [("dog6/01", ()), ("teapot/02", ("it reaches an edge",)), ("clock/01", ("its outline is uncertain",))],
)
def test_a_plate_and_an_arm_are_doubtful_and_a_puppy_is_not(name: str, said: tuple[str, ...]) -> None:
    def look(image: Image.Image) -> Image.Image | None:
        found = salience(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
        return None if found is None else Image.fromarray(found)

    found = find_subject(open_photo(PHOTOS / f"{name}.jpg"), "auto", look)
    assert found.warnings == tuple(f"look at its mask: {reason}" for reason in said)
