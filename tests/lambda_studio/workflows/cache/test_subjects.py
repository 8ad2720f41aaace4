"""CLIP's view of subjects: computed once for each picture, mask and CLIP, and read from then on."""

from itertools import combinations

import pytest
import torch
from PIL import Image

from lambda_studio.models.clip.clip import load_clip
from lambda_studio.pictures.crops import cut_out
from lambda_studio.studio import Studio


def test_the_cached_embedding_is_clips_of_the_cut_out_subject(studio, photo, half_mask, clip_folder) -> None:
    mask = half_mask(left=True)
    added = studio.concepts.add("rex", [photo], noun="dog", masks=[mask])
    assert (added.created, added.encoded, added.cached) == (True, 1, 0)
    (cached,) = studio.workplace.embedder.subjects([added.concept])[0]["rex"]
    clip = load_clip(f"local-dir:{clip_folder}")
    with Image.open(photo) as picture, Image.open(mask) as opened:
        subject = cut_out(picture, opened, clip.image_size)
    torch.testing.assert_close(cached, clip.encode_images([subject])[0])


def test_another_mask_is_another_embedding_and_the_first_stays(studio, photo, half_mask) -> None:
    left = studio.concepts.add("left", [photo], noun="dog", masks=[half_mask(left=True)])
    right = studio.concepts.add("right", [photo], noun="dog", masks=[half_mask(left=False)])
    assert (left.encoded, right.encoded) == (1, 1)
    embeddings, computed = studio.workplace.embedder.subjects([left.concept, right.concept])
    assert computed == 0
    assert not torch.equal(embeddings["left"][0], embeddings["right"][0])


def test_the_same_picture_in_another_library_is_not_encoded_again(studio, add, photo, tmp_path, stack_file) -> None:
    assert add("rex", photo).encoded == 1
    studio.libraries.create("work")
    with Studio(tmp_path / "home", "work", str(stack_file)) as other:
        added = other.concepts.add("bello", [photo], noun="dog", segment="none")
    assert (added.created, added.encoded, added.cached) == (True, 0, 1)


def test_the_empty_picture_is_encoded_once_and_needs_no_model_after_that(
    studio, tmp_path, stack_file, monkeypatch
) -> None:
    zero = studio.workplace.embedder.zero()
    torch.testing.assert_close(zero, studio.workplace.stack.clip(("vision",)).zero_image_embeds())
    monkeypatch.setattr("lambda_studio.models.clip.clip.load_clip", lambda *_: pytest.fail("a model was loaded"))
    with Studio(tmp_path / "home", stack=str(stack_file)) as again:
        assert torch.equal(again.workplace.embedder.zero(), zero)


def test_every_image_has_its_own_embedding_and_prompts_use_their_mean(studio, put, plain) -> None:
    red, lime, blue = plain("red"), plain("lime", masked=True), plain("blue")
    three, two = put("three", red, lime, blue), put("two", blue, red)
    embeddings, computed = studio.workplace.embedder.subjects([three, two])
    assert computed == 3, "each once, though two concepts have it"
    of_red, of_lime, of_blue = embeddings["three"]
    assert not any(torch.equal(*pair) for pair in combinations(embeddings["three"], 2))
    assert torch.equal(torch.stack(embeddings["two"]), torch.stack([of_blue, of_red]))
    blended = studio.workplace.embedder.blended
    torch.testing.assert_close(blended(three), (of_red + of_lime + of_blue) / 3)
    torch.testing.assert_close(blended(two), (of_red + of_blue) / 2)
