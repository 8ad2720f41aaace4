"""CLIP's view of subjects: computed once for each picture, mask and CLIP, and read from then on."""

import pytest
import torch
from PIL import Image

from lambda_studio.models.clip import load_clip
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
    monkeypatch.setattr("lambda_studio.models.clip.load_clip", lambda *_: pytest.fail("a model was loaded"))
    with Studio(tmp_path / "home", stack=str(stack_file)) as again:
        assert torch.equal(again.workplace.embedder.zero(), zero)


def test_prompts_use_the_mean_of_all_images_in_the_order_of_none(studio, put, plain) -> None:
    images = [plain("red"), plain("lime", masked=True), plain("blue")]
    forth, back = put("forth", *images), put("back", *reversed(images))
    embeddings, computed = studio.workplace.embedder.subjects([forth, back])
    assert computed == 3, "each once, though two concepts have it"
    for one, other in zip(embeddings["forth"], reversed(embeddings["back"]), strict=True):
        assert torch.equal(one, other)
    mean = torch.stack(embeddings["forth"]).mean(0)
    torch.testing.assert_close(studio.workplace.embedder.blended(forth), mean)
    torch.testing.assert_close(studio.workplace.embedder.blended(back), mean)
