"""The parts of the pictures that are learnt: what is denoised is what CLIP saw, and the mask of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from concepts.records import NewImage
from lambda_studio.config import FinetuneConfig
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.pictures.files.png import decode_png, encode_png
from lambda_studio.pictures.parts import Crop
from lambda_studio.workflows.cache.keys import CROP, LATENTS
from lambda_studio.workflows.cache.recomputing import Recomputing
from lambda_studio.workflows.cache.training_crops import TrainingCrops
from tests.lambda_studio.workflows.cache.test_training_set import table

THREE = FinetuneConfig(variants=3, random_flip=True, masked_loss=True)


@pytest.fixture
def noisy(put):
    """Add a concept of one picture of noise, 64 wide and 48 high, with a subject at the left."""

    def added(masked: bool = True):
        pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        mask = np.zeros((48, 64), dtype=np.uint8)
        mask[4:16, 2:14] = 255
        image = encode_png(Image.fromarray(pixels))
        return put("rex", NewImage(image, encode_png(Image.fromarray(mask)) if masked else None, 64, 48, "a.png"))

    return added


def test_each_crop_is_a_row_and_what_is_denoised_is_what_clip_saw(studio, noisy, clip_folder, decoder_folder) -> None:
    concept = noisy()
    examples = table(studio).examples([concept], 8, THREE)
    crops = ["0,0,48", "0,0,48 mirrored", "0,2,15", "0,2,15 mirrored", "0,0,27", "0,0,27 mirrored"]
    assert [example.crop for example in examples] == crops
    assert {(example.concept, example.image_sha) for example in examples} == {("rex", concept.images[0].sha)}
    clip, movq = load_clip(f"local-dir:{clip_folder}"), load_decoder(decoder_folder, parts=("autoencoder",))
    with studio.database.reading() as registry:
        picture = decode_png(registry.blob(concept.images[0].sha))
    for example in examples:
        square = Crop.find(example.crop).cut(picture)
        small, seen = (square.resize((side, side), Image.Resampling.BICUBIC) for side in (8, clip.image_size))
        pixels = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None] / 255
        torch.testing.assert_close(example.latents, movq.encode(pixels)[0])
        torch.testing.assert_close(example.image_embeds, clip.encode_images([seen])[0])


def test_the_masks_are_cropped_as_the_latents_are(studio, noisy) -> None:
    examples = {example.crop: example for example in table(studio).examples([noisy()], 16, THREE)}
    plain, close = examples["0,0,48"].mask, examples["0,2,16"].mask
    assert plain.shape == close.shape == examples["0,0,48"].latents.shape[-2:]
    assert close.mean() == pytest.approx(12 * 12 / 16**2, abs=0.01)
    assert plain.mean() == pytest.approx(12 * 12 / 48**2, abs=0.01), "all of the subject is inside"
    assert torch.equal(examples["0,2,16 mirrored"].mask, close.flip(-1))


@pytest.mark.parametrize("conditions, random_flip", [("paper", True), ("both", False), ("both", True), ("prior", True)])
def test_predictions_of_one_way_need_masks(studio, noisy, conditions: str, random_flip: bool) -> None:
    config = FinetuneConfig(conditions=conditions, random_flip=random_flip)
    examples = table(studio).examples([noisy()], 16, config)
    needed = random_flip and conditions != "paper"
    assert [example.mask is not None for example in examples] == [needed] * (1 + random_flip)


def test_a_picture_without_a_mask_has_one_crop_and_no_mask(studio, noisy) -> None:
    (example,) = table(studio).examples([noisy(masked=False)], 16, FinetuneConfig(variants=3, masked_loss=True))
    assert (example.crop, example.mask) == ("", None)


def test_by_default_the_largest_square_with_the_subject_is_learnt(studio, noisy) -> None:
    (example,) = table(studio).examples([noisy()], 16)
    assert (example.crop, example.mask) == ("0,0,48", None), "the subject is at the left"


def test_a_mask_is_read_once(studio, put, noisy, monkeypatch) -> None:
    read: list[str] = []
    mask = TrainingCrops._mask
    monkeypatch.setattr(TrainingCrops, "_mask", lambda self, sha: read.append(sha) or mask(self, sha))
    grey = encode_png(Image.new("RGB", (48, 48)))
    square = put("max", NewImage(grey, encode_png(Image.new("L", (48, 48), 255)), 48, 48, "a.png"))
    crops = table(studio)
    for _ in range(2):
        assert [row.crop for row in crops.rows([noisy(), square], 16, FinetuneConfig())] == [Crop(0, 0, 48, 48), None]
    assert len(read) == 2


def test_crops_are_cached_and_computed_again_by_doctor(studio, noisy, monkeypatch) -> None:
    concept = noisy()
    first = table(studio).examples([concept], 8, THREE)
    again = Recomputing(studio.workplace.embedder, studio.workplace.progress)
    keys = [key for key in again.cached() if key.kind in (CROP, LATENTS)]
    assert len(keys) == 12 and len({key.preprocessing for key in keys if key.kind == CROP}) == 6
    assert again.wrong(keys) == []
    for name in ("encode_latents", "encode_image_embeds"):
        monkeypatch.setattr(f"lambda_studio.workflows.cache.training_set.{name}", lambda *_: pytest.fail("encoded"))
    second = table(studio).examples([concept], 8, THREE)
    assert all(torch.equal(one.latents, other.latents) for one, other in zip(first, second, strict=True))


def test_a_bucket_keeps_the_shape_of_a_picture_and_clip_sees_its_main_square(
    studio, noisy, clip_folder, decoder_folder
) -> None:
    concept = noisy()
    bucketed = replace(THREE, aspect_ratio_buckets=True)
    examples = {example.crop: example for example in table(studio).examples([concept], 64, bucketed)}
    middle, mirrored = examples["0,0,62,48"], examples["0,0,62,48 mirrored"]
    assert "" not in examples
    assert list(examples)[:2] == ["0,0,62,48", "0,0,62,48 mirrored"], "the main crop comes first"
    clip, movq = load_clip(f"local-dir:{clip_folder}"), load_decoder(decoder_folder, parts=("autoencoder",))
    with studio.database.reading() as registry:
        picture = decode_png(registry.blob(concept.images[0].sha)).crop((0, 0, 62, 48))
    small = np.asarray(picture.resize((72, 56), Image.Resampling.BICUBIC)).copy()
    torch.testing.assert_close(middle.latents, movq.encode(torch.from_numpy(small).permute(2, 0, 1)[None] / 255)[0])
    assert middle.latents.shape[-2:] == middle.mask.shape == mirrored.mask.shape
    assert middle.mask.shape[1] > middle.mask.shape[0]
    seen = picture.crop((0, 0, 48, 48)).resize((clip.image_size,) * 2, Image.Resampling.BICUBIC)
    torch.testing.assert_close(middle.image_embeds, clip.encode_images([seen])[0])
    again = Recomputing(studio.workplace.embedder, studio.workplace.progress)
    assert again.wrong([key for key in again.cached() if key.kind in (CROP, LATENTS)]) == []


def test_with_buckets_clip_sees_a_square_of_what_is_learnt(studio, put) -> None:
    mask = Image.new("L", (500, 100))
    for left in (60, 320, 440):
        mask.paste(255, (left, 20, left + 40, 80))
    wide = NewImage(encode_png(Image.new("RGB", (500, 100))), encode_png(mask), 500, 100, "a.png")
    (row,) = table(studio).rows([put("rex", wide)], 64, FinetuneConfig(aspect_ratio_buckets=True))
    assert row.part.left <= row.square.left
    assert row.square.left + row.square.width <= row.part.left + row.part.width
    assert (row.square.width, row.square.height) == (100, 100) and row.part.width > 100


def test_buckets_change_nothing_of_square_pictures(studio, put) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    concept = put("rex", NewImage(encode_png(noise), None, 40, 40, "a.png"))
    for config in (FinetuneConfig(aspect_ratio_buckets=True), FinetuneConfig()):
        (example,) = table(studio).examples([concept], 16, config)
        assert (example.crop, example.latents.shape[-2:]) == ("", (4, 4))
