"""A bundle's manifest: one spelling, and a version that says who can read it."""

import json
from dataclasses import replace

from lambda_studio.bundles.contents import BundleConcept, BundleEmbedding, Contents, canonical
from tests.lambda_studio.bundles.written import CONTENTS, IMAGE, MASK, PICTURE, sha

EMBEDDING = BundleEmbedding(encoder="0" * 64, preprocessing="white, square", sha256=sha(b"numbers"))
NOTE = replace(IMAGE, width=1, height=1, mask=None)


def of_images(*images) -> Contents:
    return Contents((BundleConcept(name="rex", noun="dog", manifest="0" * 64, images=images),))


def test_json_has_one_spelling() -> None:
    assert canonical({"b": [1, "\u03bb"], "a": None}) == '{"a":null,"b":[1,"λ"]}'.encode()
    assert canonical({"a": None, "b": [1, "λ"]}) == canonical({"b": [1, "λ"], "a": None})


def test_a_manifest_is_one_line_that_says_format_and_version() -> None:
    encoded = CONTENTS.encoded()
    assert encoded.endswith(b"}\n") and encoded.count(b"\n") == 1
    told = json.loads(encoded)
    assert (told["format"], told["version"]) == ("lambda-studio bundle", 1)
    assert told["objects"] == {sha(PICTURE): len(PICTURE), sha(MASK): len(MASK)}
    assert told["concepts"][0]["images"][0]["warnings"] == ["tiny"]


def test_a_manifest_without_captions_is_what_earlier_versions_wrote() -> None:
    captioned = of_images(replace(IMAGE, caption="a dog"), IMAGE)
    images = json.loads(captioned.encoded())["concepts"][0]["images"]
    assert [image.get("caption") for image in images] == ["a dog", None]
    assert ["caption" in image for image in images] == [True, False]
    assert captioned.version == 1, "earlier programs ignore it"


def test_only_a_note_that_holds_its_embeddings_needs_version_2() -> None:
    assert of_images(IMAGE).version == 1
    assert of_images(IMAGE, NOTE).version == 2
    assert of_images(replace(NOTE, embeddings=(EMBEDDING,))).version == 1, "as older versions of this code wrote it"


def test_an_image_needs_its_picture_its_mask_and_its_embeddings() -> None:
    assert IMAGE.objects == [sha(PICTURE), sha(MASK)]
    assert NOTE.objects == [sha(PICTURE)]
    assert replace(NOTE, embeddings=(EMBEDDING,)).objects == [sha(PICTURE), sha(b"numbers")]


def test_only_one_pixel_is_a_note() -> None:
    assert NOTE.is_note
    assert not any(replace(NOTE, **{side: 2}).is_note for side in ("width", "height"))
