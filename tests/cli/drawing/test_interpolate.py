"""`studio interpolate`."""

import json

from PIL import Image


def test_a_line_is_written_with_its_sheet_and_animation(studio, tmp_path) -> None:
    line = ("interpolate", "a cat", "a dog", "--frames", 3, "--steps", 1, "--seed", 2)
    answer = studio(*line, "--animate", "way.gif", "--seconds", 1)
    paths = answer.out.splitlines()
    assert [path.split("/")[-1] for path in paths[:3]] == [f"a-cat-to-a-dog-000{number}.png" for number in (1, 2, 3)]
    assert paths[3:] == ["Sheet: outputs/sheet-a-cat-to-a-dog-0001.png", "Animation: way.gif"]
    with Image.open("way.gif") as animation:
        assert animation.n_frames == 4
    assert answer.err.startswith("Evenness ")
    found = json.loads(studio(*line, "--spherical", "--json", "--animate", "way.webp", "--out", "way.png").out)
    assert (found["columns"], found["seed"], found["pictures"]) == (
        3,
        2,
        ["way-0001.png", "way-0002.png", "way-0003.png"],
    )
    assert (found["animation"], found["sheet"]) == ("way.webp", "way-sheet.png")
    assert "way.gif exists" in studio(*line, "--animate", "way.gif").err


def test_an_animation_of_another_kind_is_refused_before_anything_is_drawn(studio, tmp_path) -> None:
    answer = studio("interpolate", "a cat", "a dog", "--animate", "way.avi")
    assert answer.code == 2 and "way.avi names no animation" in answer.err
    assert not (tmp_path / "outputs").exists()
