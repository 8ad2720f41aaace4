"""Images on their way wait on the disk, and come back one at a time."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.records import NewImage
from lambda_studio.workflows.subjects.photos.spool import IN_MEMORY, Spool, spool_in


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    with spool_in(tmp_path) as opened:
        yield opened


def test_what_was_put_away_comes_back_in_any_order(plain, spool: Spool) -> None:
    first, second = [plain("red", masked=True), plain("blue", original=b"file")], [plain("lime")]
    firsts, seconds = spool.keep(first), spool.keep(second)
    every = [*first, *second]
    assert spool.size == sum(len(each.data) + len(each.mask or b"") + len(each.original or b"") for each in every)
    assert (list(seconds), list(firsts), list(firsts)) == (second, first, first)
    assert (firsts[1], list(firsts[:1]), len(firsts)) == (first[1], first[:1], 2)
    assert firsts.pairs == tuple((each.sha, each.mask_sha) for each in first)


def test_images_are_joined_without_duplicates_and_with_missing_originals(plain, spool: Spool) -> None:
    had = spool.keep([plain("red"), plain("blue", original=b"old")])
    new = spool.keep([plain("red", original=b"file"), plain("blue", original=b"new"), plain("red", masked=True)])
    lime = spool.keep([plain("lime")])
    joined = list(had.joined(new))
    assert joined == [plain("red", original=b"file"), plain("blue", original=b"old")]
    assert list(had.joined(lime))[2] == plain("lime")


def test_a_caption_that_is_given_again_replaces_the_former(plain, spool: Spool) -> None:
    had = spool.keep([replace(plain("red"), caption="old"), replace(plain("blue"), caption="kept")])
    joined = had.joined(spool.keep([replace(plain("red"), caption="new"), plain("blue")]))
    assert [each.caption for each in joined] == ["new", "kept"]


def test_more_than_the_bound_goes_to_the_disk_and_leaves_no_name(tmp_path) -> None:
    data = bytes(IN_MEMORY // 8)
    with spool_in(tmp_path) as spool:
        tracemalloc.start()
        kept = spool.keep(NewImage(data + bytes([number]), None, 1, 1, "a") for number in range(24))
        size, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(kept), kept[23].data[-1]) == (24, 23)
        assert list(tmp_path.iterdir()) == []
    assert size < IN_MEMORY // 8
    assert peak < 3 * IN_MEMORY


@pytest.mark.parametrize("command", ["add", "edit"])
def test_the_memory_of_a_command_does_not_grow_with_its_pictures(studio, add, tmp_path, monkeypatch, command) -> None:
    monkeypatch.setattr("lambda_studio.workflows.subjects.photos.spool.IN_MEMORY", 2**16)
    chance = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(40)]
    for path in paths:
        Image.fromarray(chance.integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    add("rex", paths[0])

    def peak(count: int) -> int:
        tracemalloc.start()
        if command == "add":
            add(f"max{count}", *paths[1 : 1 + count])
        else:
            studio.concepts.edit("rex", add=paths[1 : 1 + count], segment="none")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(12), peak(39)
    assert many - few < 27 * 200 * 200 * 3 / 4, f"{(many - few) / 27:,.0f} bytes a picture"


def test_images_get_other_captions_by_the_hashes_of_their_pictures(plain, spool: Spool) -> None:
    red, blue = replace(plain("red"), caption="old"), replace(plain("blue"), caption="kept")
    images = spool.keep([red, blue])
    assert [each.caption for each in images.captioned({red.sha: ""})] == ["", "kept"]
    assert [each.caption for each in images] == ["old", "kept"]
