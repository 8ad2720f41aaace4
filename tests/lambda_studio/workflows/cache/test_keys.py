"""A key says everything that its value depends on, and is read back."""

from dataclasses import replace

import pytest
import torch

from concepts.records import ImageRecord
from lambda_studio.config import Size
from lambda_studio.pictures.parts import Crop
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import (
    FeatureKey,
    crop_key,
    encoder_of,
    latents_key,
    subject_key,
    subject_keys_between,
    zero_key,
)

IMAGE = ImageRecord("a" * 64, "b" * 64, 64, 48, "photo.jpg", ())
ENCODER = Encoder("c" * 64, "float32")
SIZE = Size.square(64)


def every(image: ImageRecord = IMAGE, encoder: Encoder = ENCODER, resolution: int = 64) -> list[FeatureKey]:
    made = [subject_key(image, encoder), crop_key(image, encoder), latents_key(image, encoder, Size.square(resolution))]
    return [*made, zero_key(encoder)]


def test_a_key_is_found_by_its_text() -> None:
    assert [FeatureKey.find(key.text) for key in every()] == every()
    assert len({key.text for key in every()}) == 4
    assert latents_key(IMAGE, ENCODER, Size(512, 768)).size == Size(512, 768)


@pytest.mark.parametrize("text", ["", "key", "[]", "{}", "null", '{"encoder":{}}', every()[0].text[:-1] + ',"more":1}'])
def test_a_text_of_no_key_finds_none(text: str) -> None:
    assert FeatureKey.find(text) is None


def test_what_a_value_depends_on_changes_its_key_and_nothing_else_does() -> None:
    def changed(**given) -> list[bool]:
        return [new.text != old.text for new, old in zip(every(**given), every(), strict=True)]

    assert changed(image=replace(IMAGE, sha="d" * 64)) == [True, True, True, False]
    assert changed(image=replace(IMAGE, mask_sha=None)) == [True, False, False, False]
    assert changed(image=replace(IMAGE, source_name="other.jpg", original_sha="e" * 64)) == [False] * 4
    assert changed(encoder=replace(ENCODER, dtype="float16")) == [True] * 4
    assert changed(encoder=replace(ENCODER, fingerprint="d" * 64)) == [True] * 4
    assert changed(resolution=128) == [False, False, True, False]


def test_a_crop_is_said_by_its_key_and_the_middle_square_is_not() -> None:
    crop = Crop.square(1, 2, 30, mirrored=True)
    for key, plain in (
        (crop_key(IMAGE, ENCODER, crop), crop_key(IMAGE, ENCODER)),
        (latents_key(IMAGE, ENCODER, SIZE, crop), latents_key(IMAGE, ENCODER, SIZE)),
    ):
        assert (key.crop, plain.crop) == (crop, None)
        assert FeatureKey.find(key.text) == key and key.text != plain.text
        assert key.up_to_date and plain.up_to_date
        for wrong in (" at 1,2", " at ", " at 1,2,30 turned"):
            assert not replace(key, preprocessing=plain.preprocessing.replace("crop", f"crop{wrong}")).up_to_date
    assert latents_key(IMAGE, ENCODER, SIZE, crop).size == SIZE
    assert latents_key(IMAGE, ENCODER, SIZE).preprocessing == "cutout-1 square_crop@64", "as version 0.1 wrote it"


def test_a_key_of_another_preparation_is_not_up_to_date() -> None:
    assert all(key.up_to_date for key in every())
    assert not any(replace(key, preprocessing="cutout-0 other").up_to_date for key in every())
    assert not replace(zero_key(ENCODER), kind="unknown").up_to_date


def test_subjects_keys_stand_between_two_texts_and_no_other_keys_do() -> None:
    begin, end = subject_keys_between(ENCODER)

    def between(key: FeatureKey) -> bool:
        return key.text.startswith(begin) and key.text.endswith(end)

    assert [between(key) for key in every()] == [True, False, False, False]
    assert between(subject_key(replace(IMAGE, mask_sha=None), ENCODER))
    assert not between(subject_key(IMAGE, replace(ENCODER, dtype="float16")))


def test_an_encoder_is_named_by_torchs_dtype() -> None:
    assert encoder_of("f", torch.bfloat16) == Encoder("f", "bfloat16")
