"""The labels are of the packaged weights, one for each picture, and other pictures are refused."""

import pytest
from PIL import Image

from benchmarks.judge.labels import Labels, load_labels, mean_colour, require_labelled, weights_sha256
from benchmarks.judge.looks import Content
from benchmarks.judge.pictures import DEMO, KINDS
from benchmarks.judge.sheets import ACROSS, DOWN, LINE, TIMES, write_sheets
from benchmarks.measured import ROOT
from lambda_studio.miniature.show.demo import PER_PROMPT, PROMPTS
from lambda_studio.models.stacks.stack import WEIGHTS

IN_THE_DEMO = len(DEMO) * len(PROMPTS) * PER_PROMPT
BLUE = Image.new("RGB", (8, 8), (0, 0, 255))
LABELS = Labels((Content("beach", ()),), "ab", ((0.0, 0.0, 255.0),))


def test_every_picture_of_the_packaged_weights_has_labels() -> None:
    labels = load_labels(ROOT / "benchmarks" / "judge_labels.json")
    assert labels.weights == weights_sha256(WEIGHTS)
    assert len(labels.contents) == len(labels.means) == sum(kind.count for kind in KINDS.values()) + IN_THE_DEMO
    assert sum(kind.count for kind in KINDS.values() if kind.drawn) == 300
    assert all(len(content.subjects) in (1, 2) for content in labels.contents)
    assert all(subject.tips for content in labels.contents[-IN_THE_DEMO:] for subject in content.subjects)


def test_labels_belong_to_the_drawing_networks_and_not_to_the_oracle(tmp_path) -> None:
    for name in ("prior", "oracle"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.safetensors").write_bytes(b"one")
    first = weights_sha256(tmp_path)
    (tmp_path / "oracle" / "a.safetensors").write_bytes(b"two")
    assert weights_sha256(tmp_path) == first
    (tmp_path / "prior" / "a.safetensors").write_bytes(b"two")
    assert weights_sha256(tmp_path) != first


def test_the_labelled_pictures_pass_though_a_machine_rounds_otherwise() -> None:
    require_labelled(LABELS, "ab", [Image.new("RGB", (8, 8), (2, 0, 253))])


@pytest.mark.parametrize(
    ("weights", "pictures", "said"),
    [
        ("cd", [BLUE], "weights ab, not cd"),
        ("ab", [BLUE, BLUE], "1 pictures have labels, and 2 were drawn"),
        ("ab", [Image.new("RGB", (8, 8), (9, 0, 255))], r"pictures \[0\] are not those"),
    ],
)
def test_other_pictures_are_refused(weights: str, pictures: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        require_labelled(LABELS, weights, pictures)


def test_sheets_have_enlarged_pictures_under_their_numbers(tmp_path) -> None:
    files = write_sheets([BLUE] * (ACROSS * DOWN + 1), tmp_path / "sheets")
    assert [path.name for path in files] == ["sheet-000.png", f"sheet-{ACROSS * DOWN:03}.png"]
    with Image.open(files[1]) as last:
        assert last.height == 8 * TIMES + LINE
        assert last.getpixel((8 * TIMES - 1, LINE + 8 * TIMES - 1)) == (0, 0, 255)
        assert last.getpixel((8 * TIMES, LINE)) == (255, 255, 255)


def test_a_mean_colour_is_in_levels() -> None:
    half = BLUE.copy()
    half.paste((0, 255, 0), (0, 0, 8, 4))
    assert mean_colour(half) == [0.0, 127.5, 127.5]
