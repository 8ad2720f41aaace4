"""Everything about one concept, told without a model."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from concepts.records import NewImage
from lambda_studio.bundles.given import Note
from lambda_studio.errors import InvalidSetting, PicturesLeftOut
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.studio import Studio
from lambda_studio.workflows.subjects import card
from lambda_studio.workflows.subjects.card import concept_card, library_sheet, mask_sheet


def test_another_clip_is_another_embedding_and_show_counts_both(
    studio, add, photo, tmp_path, stack_file, clip_folder
) -> None:
    assert add("rex", photo).encoded == 1
    weights = Path(shutil.copytree(clip_folder, tmp_path / "clip")) / "open_clip_model.safetensors"
    save_file({**(state := load_file(weights)), "visual.proj": 2 * state["visual.proj"]}, weights)
    toml = tmp_path / "twice.toml"
    toml.write_text(
        stack_file.read_text().replace("tiny", "twice").replace(clip_folder.as_posix(), str(tmp_path / "clip"))
    )
    with Studio(tmp_path / "home", stack=str(toml)) as other:
        assert other.concepts.add("rex", [photo], noun="dog", segment="none").encoded == 1
        assert other.concepts.show("rex").embeddings == {"tiny": 1, "twice": 1}


def test_a_card_says_how_much_of_each_image_is_the_subject(studio, put, plain) -> None:
    concept = put("rex", plain("red"), plain("blue", masked=True, original=b"the file"))
    shown = concept_card(studio.database, "default", "REX", {})
    assert (shown.concept, shown.embeddings, shown.adapters) == (concept, {}, ())
    assert [(image.source_name, image.mask) for image in shown.images] == [
        ("red.png", "none: all of it"),
        ("blue.png", "25% of it"),
    ]
    assert [image.original_sha for image in shown.images] == [None, concept.images[1].original_sha]


def test_a_small_subject_is_not_said_to_be_nothing() -> None:
    mask = Image.new("L", (100, 100))
    mask.paste(255, (0, 0, 5, 8))
    assert card._coverage(encode_png(mask)) == "0.4% of it"


def test_an_adapter_that_saw_another_version_is_stale_and_one_that_saw_another_concept_is_not_told(
    studio, put, plain
) -> None:
    rex, hat = put("rex", plain("red")), put("hat", plain("blue"))

    def tuned(sha: str, *concepts) -> int:
        given = ("default", sha, f"{sha}.safetensors", "lora", "tiny", {}, [each.version_id for each in concepts])
        return studio.database.write(lambda registry: registry.add_adapter(*given)).id

    both, _ = tuned("a" * 64, rex, hat), tuned("b" * 64, hat)
    assert [(each.id, each.version, each.stale) for each in studio.concepts.show("rex").adapters] == [(both, 1, False)]
    studio.database.write(lambda registry: registry.revise_concept("default", "rex", "wolf", [plain("red")]))
    assert [(each.id, each.version, each.stale) for each in studio.concepts.show("rex").adapters] == [(both, 1, True)]


def test_a_sheet_shows_each_mask_over_its_own_image(studio, put, plain) -> None:
    sheet = mask_sheet(studio.database, put("rex", plain("blue"), plain("blue", masked=True)))
    whole, half = (np.asarray(sheet)[12:268, left : left + 256] for left in (12, 280))
    blue = np.array([0, 0, 255])
    assert (whole == blue).all(axis=2).sum() == 48 * 36
    assert 0 < (half == blue).all(axis=2).sum() < 48 * 36


def test_a_sheet_needs_pictures(studio, put) -> None:
    note = Note(pictures=(("0" * 64, None),)).encoded()
    concept = put("rex", NewImage(note, None, 1, 1, "2 pictures of rex, left out"))
    with pytest.raises(PicturesLeftOut, match="rex"):
        mask_sheet(studio.database, concept)
    assert studio.concepts.show("rex").images[0].mask == "left out"


def test_a_librarys_sheet_shows_every_concept_that_has_pictures(studio, put, plain) -> None:
    note = Note(pictures=(("0" * 64, None),)).encoded()
    concepts = [
        put("rex", plain("red"), plain("blue")),
        put("bare", NewImage(note, None, 1, 1, "left out")),
        put("hat", plain("blue", masked=True)),
    ]
    pixels = np.asarray(library_sheet(studio.database, concepts))
    tiles = [pixels[12:268, left : left + 256] for left in (12, 280, 548)]
    assert pixels.shape[1] == 12 + 3 * 268
    assert [(tile == (255, 0, 0)).all(axis=2).any() for tile in tiles] == [True, False, False]
    assert [(tile == (0, 0, 255)).all(axis=2).any() for tile in tiles] == [False, True, True]


def test_a_sheet_holds_only_so_many_and_not_nothing(studio, put, plain, monkeypatch) -> None:
    rex = put("rex", plain("red"), plain("blue"))
    monkeypatch.setattr(card, "ON_A_SHEET", 1)
    with pytest.raises(InvalidSetting, match=r"A sheet holds 1 images, not 2\. Draw fewer concepts: limit=100"):
        library_sheet(studio.database, [rex])
    with pytest.raises(InvalidSetting, match=r"There are no pictures to draw\. Add a subject"):
        library_sheet(studio.database, [])
