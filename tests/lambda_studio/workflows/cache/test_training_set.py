"""The training table: each constant computed once, and kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from concepts.records import NewImage
from lambda_studio.bundles.given import Note
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import Cancelled, PicturesLeftOut
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.pictures.crops import square_crop
from lambda_studio.studio import never
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.tuning import run as tuning

QUICK = FinetuneConfig(steps=1, rank=2)


def table(studio, should_stop=never) -> ExampleTable:
    place = studio.workplace
    return ExampleTable(place.database, place.stack, place.progress, should_stop)


def test_training_denoises_the_crop_that_clip_sees(
    studio, add, photo, monkeypatch, clip_folder, decoder_folder
) -> None:
    add("rex", photo)
    seen = []
    objective = tuning.DecoderObjective

    def watched(decoder, examples, *rest, **named):
        seen.append((decoder.parts, examples))
        return objective(decoder, examples, *rest, **named)

    monkeypatch.setattr(tuning, "DecoderObjective", watched)
    studio.finetune(["rex"], config=QUICK)
    ((parts, (example,)),) = seen
    assert parts == {"unet"}
    clip, movq = load_clip(f"local-dir:{clip_folder}"), load_decoder(decoder_folder, parts=("autoencoder",))
    with Image.open(photo) as image:
        small, seen_by_clip = square_crop(image, 32), square_crop(image, clip.image_size)
    pixels = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(example.latents, movq.encode(pixels)[0])
    torch.testing.assert_close(example.image_embeds, clip.encode_images([seen_by_clip])[0])


def test_tuning_again_encodes_nothing(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)
    studio.finetune(["rex"], config=QUICK)

    def must_not_encode(*args):
        raise AssertionError("encoded again")

    monkeypatch.setattr("lambda_studio.workflows.cache.training_set.encode_latents", must_not_encode)
    monkeypatch.setattr("lambda_studio.workflows.cache.training_set.encode_image_embeds", must_not_encode)
    assert studio.finetune(["rex"], config=replace(QUICK, seed=1)).adapter is not None


def test_every_picture_is_an_example_that_names_its_concept(studio, put, plain) -> None:
    both = [put("rex", plain("red"), plain("blue")), put("hat", plain("red", masked=True), noun="hat")]
    examples = table(studio).examples(both, 32)
    red, blue, hat = (image.sha for concept in both for image in concept.images)
    assert red == hat, "training crops the whole picture, whatever its mask"
    assert [(each.concept, each.image_sha) for each in examples] == [("rex", red), ("rex", blue), ("hat", hat)]
    assert torch.equal(examples[0].latents, examples[2].latents)
    assert not torch.equal(examples[0].latents, examples[1].latents)


def test_a_stop_before_an_encoder_is_loaded_loads_none(studio, put, plain, monkeypatch) -> None:
    concept = put("rex", plain("red"))
    encode = "lambda_studio.workflows.cache.training_set.encode_image_embeds"
    monkeypatch.setattr(encode, lambda *_: pytest.fail("encoded"))
    with pytest.raises(Cancelled, match="first step"):
        table(studio, lambda: True).examples([concept], 32)


def test_a_concept_without_pictures_is_not_trained_on(studio, put) -> None:
    note = Note(pictures=(("0" * 64, None),)).encoded()
    concept = put("rex", NewImage(note, None, 1, 1, "2 pictures of rex, left out"))
    with pytest.raises(PicturesLeftOut, match=r"rex.*fine-tuning"):
        table(studio).examples([concept], 32)
