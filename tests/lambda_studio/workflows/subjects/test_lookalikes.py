"""Which concepts look alike, and the word that is said of it when one is added."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.database import Database
from concepts.errors import ConceptNotFound
from lambda_studio.errors import InvalidSetting
from lambda_studio.studio import Studio
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import subject_key
from lambda_studio.workflows.subjects import lookalikes
from lambda_studio.workflows.subjects.lookalikes import largest


@pytest.fixture
def studio(tmp_path: Path, stack_file: Path):
    with Studio(tmp_path / "home", stack=str(stack_file)) as opened:
        yield opened


def picture(folder: Path, name: str, colour: tuple[int, int, int]) -> Path:
    path = folder / f"{name}.png"
    noise = np.random.default_rng(len(name)).integers(0, 40, (48, 48, 3)) + np.array(colour)
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def three(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """red, reddish and blue, by colour; nothing is warned of."""
    monkeypatch.setattr(lookalikes, "ALIKE", 2.0)
    for name, colour in {"red": (200, 0, 0), "reddish": (190, 10, 5), "blue": (0, 0, 200)}.items():
        studio.concepts.add(name, [picture(tmp_path, name, colour)], noun="thing", segment="none")
    return studio


def test_the_nearest_come_first_and_a_number_bounds_them(three: Studio) -> None:
    found = three.concepts.similar("red")
    assert (found.name, found.stack, found.not_compared) == ("red", "tiny", 0)
    assert [each.name for each in found.nearest] == ["reddish", "blue"]
    assert 1 >= found.nearest[0].similarity > found.nearest[1].similarity
    assert (found.nearest[0].library, found.nearest[0].noun) == ("default", "thing")
    assert [each.name for each in three.concepts.similar("RED", 1).nearest] == ["reddish"]
    with pytest.raises(InvalidSetting, match="The number of concepts is 0"):
        three.concepts.similar("red", 0)
    with pytest.raises(ConceptNotFound):
        three.concepts.similar("green")


def test_what_was_embedded_is_compared_without_a_model(three: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not_load(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("lambda_studio.models.clip.clip.load_clip", must_not_load)
    with Studio(three.home, stack=three.workplace.stack_source) as again:
        assert again.concepts.similar("red") == three.concepts.similar("red")


def test_removed_and_hidden_concepts_are_nobodys_neighbours(three: Studio) -> None:
    three.concepts.remove("reddish")
    assert [each.name for each in three.concepts.similar("red").nearest] == ["blue"]
    with Database.open(three.home, user="somebody else") as other, other.transaction() as registry:
        assert registry.image_counts() == {}
        assert registry.catalogue([1, 2, 3]) == []


def test_copies_and_other_libraries_are_compared_and_named(three: Studio) -> None:
    three.libraries.create("other")
    three.concepts.copy("red", "other", "rouge")
    nearest = three.concepts.similar("red").nearest[0]
    assert (nearest.name, nearest.library, round(nearest.similarity, 6)) == ("rouge", "other", 1.0)


def forget_embeddings(studio: Studio, name: str) -> None:
    """Delete what CLIP saw of a concept, behind the registry's back."""
    sha = studio.concepts.show(name).images[0].sha
    with closing(sqlite3.connect(studio.database.path)) as connection, connection:
        connection.execute("DELETE FROM features WHERE image_sha = ?", (sha,))


def test_a_concept_without_embeddings_is_counted_and_the_one_asked_for_is_embedded(three: Studio) -> None:
    before = three.concepts.similar("red")
    forget_embeddings(three, "blue")
    three.workplace.directions = None  # as in another process: nothing but the registry takes embeddings away
    left = three.concepts.similar("red")
    assert (left.nearest, left.not_compared) == (before.nearest[:1], 1)
    forget_embeddings(three, "red")
    assert three.concepts.similar("red") == left
    assert three.concepts.show("red").embeddings == {"tiny": 1}


def test_a_new_concept_that_looks_like_another_is_told_of(three: Studio, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lookalikes, "ALIKE", 0.999999)
    with Image.open(tmp_path / "red.png") as image:
        image.putpixel((0, 0), (250, 1, 1))
        image.save(tmp_path / "almost.png")
    twin = three.concepts.add("twin", [tmp_path / "almost.png"], noun="thing", segment="none")
    assert twin.warnings[-1] == "1.00 like red; if they are the same subject, edit that one instead"
    again = three.concepts.add("twin", [tmp_path / "almost.png"], noun="thing", segment="none")
    assert (again.created, again.warnings) == (False, twin.warnings[:-1])
    with Studio(three.home, three.libraries.create("other").name, three.workplace.stack_source) as other:
        far = other.concepts.add("third", [tmp_path / "blue.png"], noun="thing", segment="none")
    assert far.warnings[-1] == "1.00 like blue in library default; if they are the same subject, edit that one instead"


def test_embeddings_are_read_again_only_where_something_has_changed(three: Studio, tmp_path: Path) -> None:
    def read_again(change: Callable[[], object]) -> bool:
        before = three.workplace.directions
        change()
        three.concepts.similar("red")
        return three.workplace.directions is not before

    three.concepts.similar("red")
    assert not read_again(lambda: None)
    assert not read_again(lambda: three.concepts.rename("blue", "azure"))
    assert [each.name for each in three.concepts.similar("red").nearest] == ["reddish", "azure"]
    more = picture(tmp_path, "green", (0, 200, 0))
    assert read_again(lambda: three.concepts.edit("azure", add=[more], segment="none"))
    assert read_again(lambda: three.concepts.remove("reddish"))
    assert read_again(lambda: three.concepts.bring_back("reddish"))
    assert read_again(lambda: three.concepts.add("green", [more], noun="thing", segment="none"))
    assert read_again(lambda: three.concepts.forget("green", None, lambda summary: None))
    image = three.workplace.get_concepts(["azure"])[0].images[0]
    forget_embeddings(three, "azure")
    assert read_again(lambda: three.concepts.edit("reddish", noun="cup"))
    assert three.concepts.similar("red").not_compared == 1
    assert read_again(lambda: None), "what was not seen then may have been seen since"
    assert three.concepts.show("azure").images[0].sha == image.sha


def test_only_this_encoders_embeddings_are_compared(three: Studio) -> None:
    before = three.concepts.similar("red")
    with three.database.transaction() as registry:
        for name in ("red", "blue"):
            image = registry.get_concept("default", name).images[0]
            key = replace(subject_key(image, three.workplace.embedder.encoder), encoder=Encoder("0" * 64, "float32"))
            registry.put_feature(key.text, key.kind, bytes(16), (4,), "float32", image.sha, image.mask_sha)
    assert three.concepts.similar("red") == before


def test_of_one_picture_with_two_masks_each_concept_has_its_own(three: Studio, tmp_path: Path) -> None:
    three.concepts.copy("red", "default", "same")
    assert three.concepts.similar("red", 1).nearest[0].similarity == pytest.approx(1)
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[4:30, 8:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    three.concepts.edit("same", masks={1: tmp_path / "mask.png"})
    nearest = {each.name: each.similarity for each in three.concepts.similar("red").nearest}
    assert three.concepts.similar("red").not_compared == 0
    assert nearest["same"] < 0.9999


def test_the_largest_come_first_and_no_more_than_there_are() -> None:
    values = np.array([0.1, 0.9, -np.inf, 0.5, 0.7], dtype=np.float32)
    assert [largest(values, count).tolist() for count in (0, 1, 3, 4)] == [[], [1], [1, 4, 3], [1, 4, 3, 0]]
    assert largest(values[:1], 0).tolist() == []
