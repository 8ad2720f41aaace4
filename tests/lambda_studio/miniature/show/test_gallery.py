"""The gallery: every prompt it shows is drawn from subjects of the benchmark, and none is left out."""

from itertools import islice

import pytest
from PIL import Image

from lambda_studio.generation.template import parse
from lambda_studio.miniature.judge.bench import PROMPTS, bench_subjects, write_bench
from lambda_studio.miniature.show.gallery import PICTURE, _asked, _sheet, draw_gallery


def test_it_asks_for_every_prompt_and_shows_whom_it_names(tmp_path):
    write_bench(tmp_path)
    shown = list(islice(_asked(tmp_path), 64))
    assert len({asked.prompt for asked in shown}) == 64
    assert sum(len(asked.references) > 1 for asked in shown) == 10
    for asked in shown:
        assert [reference.parent.name for reference in asked.references] == list(parse(asked.prompt).names)
        assert all(reference.is_file() for reference in asked.references)
    words = " ".join(asked.prompt for asked in shown)
    assert all(prompt.text.split("{1} ")[1] in words for prompt in PROMPTS)
    assert {reference.parent.name for asked in shown for reference in asked.references} == set(bench_subjects())


def test_every_picture_has_its_place_on_the_sheet(tmp_path):
    write_bench(tmp_path)
    shown = list(islice(_asked(tmp_path), 9))
    colours = [(20 * i, 255 - 20 * i, 7) for i in range(9)]
    pictures = []
    for number, colour in enumerate(colours):
        pictures.append(tmp_path / f"{number}.png")
        Image.new("RGB", (64, 64), colour).save(pictures[-1])
    sheet = _sheet("nine", shown, pictures)
    seen = {colour: count for count, colour in sheet.getcolors(1 << 20)}
    assert all(seen[colour] == PICTURE**2 for colour in colours)


@pytest.mark.slow
def test_a_gallery_is_drawn(tmp_path):
    said = []
    assert draw_gallery(3, notify=said.append).width > 1000
    assert said == [], "nothing of a library that is deleted afterwards"
