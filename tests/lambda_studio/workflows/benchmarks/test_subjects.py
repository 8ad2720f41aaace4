"""The photographs of a benchmark's subjects."""

import pytest
import torch

from lambda_studio.errors import ImageRefused, InvalidSetting
from lambda_studio.pictures.crops import cut_out
from lambda_studio.workflows.benchmarks import subjects
from lambda_studio.workflows.benchmarks.subjects import BenchSubject, Photographs, pictures_in


@pytest.fixture
def dog(dataset) -> BenchSubject:
    found = tuple(pictures_in(dataset / "dog"))
    return BenchSubject("dog", "dog", found, found[1])


def test_a_subject_is_drawn_from_the_mean_of_its_photographs_or_from_one(studio, dog, config) -> None:
    place = studio.workplace
    clip = place.stack.clip(("vision",))
    images = [cut_out(place.door.photo(path).image, None, clip.image_size) for path in dog.photographs]
    expected = clip.encode_images(images)
    for which, wanted in (("all", expected.mean(dim=0)), ("one", expected[1])):
        found = Photographs(place, {"dog": dog}, config(references=which)).embeds(["dog", "dog"])
        assert torch.allclose(found["dog"], wanted, atol=1e-5)
    assert studio.concepts.list() == []


def test_all_the_one_and_the_others(studio, dog, config) -> None:
    photographs = Photographs(studio.workplace, {"dog": dog}, config())
    assert [len(photographs.views("dog", which)) for which in ("all", "one", "others")] == [3, 1, 2]
    assert photographs.count("dog", "others") == 2 and photographs.nouns == {"dog": "dog"}


def test_a_damaged_photograph_is_refused_by_name(studio, dog, config) -> None:
    dog.photographs[0].write_bytes(b"no picture")
    with pytest.raises(ImageRefused, match=r"00\.png"):
        Photographs(studio.workplace, {"dog": dog}, config()).embeds(["dog"])


def test_pictures_are_in_natural_order_and_bounded(tmp_path, monkeypatch) -> None:
    for name in ("10.png", "2.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == ["2.png", "10.png"]
    monkeypatch.setattr(subjects, "MOST_PHOTOGRAPHS", 1)
    with pytest.raises(InvalidSetting, match="has 2 pictures, more than 1"):
        pictures_in(tmp_path)
