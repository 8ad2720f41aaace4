"""What a caller gives: images, embeddings, nouns, and prompts that name them."""

import io

import pytest
import torch
from PIL import Image, ImageOps

from lambda_studio.errors import ImageRefused, InvalidSetting, PromptInvalid
from lambda_studio.pictures.crops import cut_out
from lambda_studio.pipeline.subjects import bind_negative, bind_prompt, embed_subjects, nouns_of
from tests.lambda_studio.pipeline.tiny import photo


class Encoders:
    """It notes the pictures, and numbers them."""

    image_size = 16

    def __init__(self):
        self.seen = []

    def encode_images(self, images):
        self.seen += images
        return torch.arange(len(images))[:, None].float().expand(-1, 4)


class Tokenizer:
    """A token for each word."""

    context_length, start_token, end_token = 12, 1, 2

    def encode(self, text):
        return [3 + len(word) for word in text.split()]


@pytest.fixture
def encoders():
    return Encoders()


def embedded(encoders, monkeypatch, subjects):
    monkeypatch.setattr("lambda_studio.pipeline.subjects.PipelineEncoders", Encoders)
    return embed_subjects.__wrapped__(subjects, encoders)


def test_all_images_are_encoded_at_once_and_embeddings_are_not(encoders, monkeypatch):
    rows = torch.randn(2, 4)
    subjects = {"rex": [photo("red"), photo("blue")], "hat": photo("green"), "mug": rows, "cup": rows[0]}
    found = embedded(encoders, monkeypatch, subjects)
    assert {name: [float(each[0]) for each in many] for name, many in list(found.items())[:2]} == {
        "rex": [0.0, 1.0],
        "hat": [2.0],
    }
    assert len(encoders.seen) == 3
    assert torch.equal(torch.stack(found["mug"]), rows) and torch.equal(found["cup"][0], rows[0])


def test_transparency_is_the_mask_and_a_whole_picture_has_no_margin(encoders, monkeypatch):
    disc, whole = photo("red"), Image.effect_noise((40, 30), 50)
    opaque = whole.convert("RGBA")
    embedded(encoders, monkeypatch, {"a": [disc, whole, opaque]})
    expected = [cut_out(disc.convert("RGB"), disc.getchannel("A"), 16)] + [cut_out(whole.convert("RGB"), None, 16)] * 2
    assert [image.tobytes() for image in encoders.seen] == [image.tobytes() for image in expected]


def test_a_photo_that_lies_on_its_side_is_set_upright(encoders, monkeypatch):
    upright = Image.linear_gradient("L").resize((20, 30)).convert("RGB")
    stream = io.BytesIO()
    turned = ImageOps.mirror(upright).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    exif = Image.Exif()
    exif[0x0112] = 3
    turned.save(stream, "PNG", exif=exif)
    embedded(encoders, monkeypatch, {"a": Image.open(stream)})
    assert encoders.seen[0].tobytes() == cut_out(upright, None, 16).tobytes()


@pytest.mark.parametrize(
    ("subject", "error", "said"),
    [
        ([], InvalidSetting, "The subject 'rex' has no image"),
        (torch.zeros(1, 2, 4), InvalidSetting, r"The embeddings of 'rex' have the shape \(1, 2, 4\)"),
        (Image.new("RGBA", (9, 9)), ImageRefused, "transparent everywhere"),
    ],
)
def test_subjects_without_a_picture_are_refused(encoders, monkeypatch, subject, error, said):
    with pytest.raises(error, match=said):
        embedded(encoders, monkeypatch, {"rex": subject})


def test_a_subject_without_a_noun_is_its_own(encoders):
    image = photo("red")
    assert nouns_of({"Rex": image, "hat": image}, {"rex": "dog"}) == {"Rex": "dog", "hat": "hat"}
    with pytest.raises(InvalidSetting, match=r"nouns has tom.*Give nouns of the subjects: rex"):
        nouns_of({"rex": image}, {"tom": "cat"})
    with pytest.raises(InvalidSetting, match="Two subjects are called rex"):
        nouns_of({"rex": image, "Rex": image}, {})


def bound(prompt, on_cut=pytest.fail, **references):
    names = references or {"rex": [torch.zeros(4)] * 2}
    return bind_prompt(prompt, dict.fromkeys(names, "dog"), names, Tokenizer(), on_cut)


def test_names_become_their_nouns():
    assert bound("a <Rex#2> here").text == "a dog here"
    assert [(span.name, span.start, span.images) for span in bound("a <Rex#2> here").spans] == [("rex", 2, (2,))]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a <fido>", r"names <fido>, which the subjects do not have. They have: rex.*subjects={'fido': \[image"),
        ("a <rex#3>", "asks for image 3 of rex, which has 2.*Give 1 to 2"),
        ("a <*:dog>", "a wildcard, which stands for a library's concepts"),
        ("a <rex", "This name is never closed"),
    ],
)
def test_prompts_that_name_what_was_not_given_are_refused(prompt, said):
    with pytest.raises(PromptInvalid, match=f"(?s){said}"):
        bound(prompt)


def test_a_negative_prompt_names_nobody_and_may_be_empty():
    assert bind_negative("  ", Tokenizer(), pytest.fail) is None
    snow = bind_negative("deep snow", Tokenizer(), pytest.fail)
    assert snow is not None and snow.text == "deep snow"
    with pytest.raises(PromptInvalid, match="The negative prompt names <rex>"):
        bind_negative("a <rex>", Tokenizer(), pytest.fail)
