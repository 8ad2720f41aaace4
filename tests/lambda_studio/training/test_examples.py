"""The table of constants is what the frozen encoders say, of one and the same crop."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.models.clip.clip import Clip, load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.pictures.crops import square_crop
from lambda_studio.training.examples import (
    Example,
    encode_examples,
    encode_image_embeds,
    encode_latents,
    with_predictions,
)
from lambda_studio.training.finetuning import finetune_decoder

RESOLUTION = 32
SIZE = Size.square(RESOLUTION)


@pytest.fixture(scope="module")
def decoder(decoder_folder: Path) -> Decoder:
    return load_decoder(decoder_folder)


@pytest.fixture(scope="module")
def clip(clip_folder: Path) -> Clip:
    return load_clip(f"local-dir:{clip_folder}", "cpu", torch.float32, ("vision",))


def _pictures() -> list[Image.Image]:
    generator = torch.Generator().manual_seed(2)
    sizes = [(40, 40), (64, 48), (30, 70), (128, 100), (33, 32)]
    small = [torch.randint(256, (4, 4, 3), generator=generator, dtype=torch.uint8).numpy() for _ in sizes]
    return [Image.fromarray(pixels).resize(size) for pixels, size in zip(small, sizes, strict=True)]


def test_latents_are_movqs_unscaled(decoder: Decoder) -> None:
    picture = _pictures()[1]
    crop = square_crop(picture, RESOLUTION)
    pixels = torch.tensor(list(crop.get_flattened_data()), dtype=torch.float32).reshape(RESOLUTION, RESOLUTION, 3)
    with torch.no_grad():
        expected = decoder.movq.encode(pixels.permute(2, 0, 1)[None] / 127.5 - 1).latents[0]
    torch.testing.assert_close(encode_latents(decoder, [picture], SIZE)[0], expected, rtol=1e-4, atol=1e-5)


def test_image_embeds_are_clips_raw_ones_of_the_same_crop(clip: Clip) -> None:
    pictures = _pictures()
    embeds = encode_image_embeds(clip, pictures)
    expected = clip.encode_images([square_crop(picture, clip.image_size) for picture in pictures])
    torch.testing.assert_close(embeds, expected)
    assert (embeds.norm(dim=-1) - 1).abs().min() > 1e-3


def test_clip_and_movq_see_the_same_crop(decoder: Decoder, clip: Clip) -> None:
    """What lies outside the crop changes neither; what lies inside changes both."""
    picture = _pictures()[1]  # 64 x 48: the square is columns 8..55
    outside, inside = picture.copy(), picture.copy()
    outside.paste((255, 0, 255), (0, 0, 6, 48))
    inside.paste((255, 0, 255), (12, 0, 18, 48))
    features = [
        (encode_latents(decoder, [image], SIZE), encode_image_embeds(clip, [image]))
        for image in (picture, outside, inside)
    ]
    for original, out, within in zip(*features, strict=True):
        torch.testing.assert_close(out, original)
        assert (within - original).abs().max() > 1e-3


def test_the_batch_size_changes_no_feature(decoder: Decoder, clip: Clip) -> None:
    pictures = _pictures()
    for one, other in ((1, 5), (2, 3)):
        latents = [encode_latents(decoder, pictures, SIZE, size) for size in (one, other)]
        torch.testing.assert_close(latents[0], latents[1], rtol=1e-4, atol=1e-5)
        embeds = [encode_image_embeds(clip, pictures, size) for size in (one, other)]
        torch.testing.assert_close(embeds[0], embeds[1], rtol=1e-4, atol=1e-5)


def test_each_example_belongs_to_its_picture(decoder: Decoder, clip: Clip) -> None:
    pictures = _pictures()
    examples = encode_examples(decoder, clip, ["a", "a", "b", "c", "c"], list("12345"), pictures, RESOLUTION, 2)
    assert [(example.concept, example.image_sha) for example in examples] == list(zip("aabcc", "12345", strict=True))
    for example, picture in zip(examples, pictures, strict=True):
        assert example.latents.shape == (4, 8, 8)
        torch.testing.assert_close(example.latents, encode_latents(decoder, [picture], SIZE)[0])
        torch.testing.assert_close(example.image_embeds, encode_image_embeds(clip, [picture])[0])
        for tensor in (example.latents, example.image_embeds):
            assert (tensor.dtype, tensor.device.type, tensor.is_inference()) == (torch.float32, "cpu", False)


def test_names_hashes_and_pictures_must_be_as_many(decoder: Decoder, clip: Clip) -> None:
    with pytest.raises(ValueError, match="longer"):
        encode_examples(decoder, clip, ["a"], ["1", "2"], _pictures()[:2], RESOLUTION)


def test_a_loaded_decoder_trains_on_encoded_pictures(decoder_folder: Path, clip: Clip, tmp_path: Path) -> None:
    decoder = load_decoder(decoder_folder)
    examples = encode_examples(decoder, clip, list("aabcc"), list("12345"), _pictures(), RESOLUTION)
    result = finetune_decoder(decoder, examples, FinetuneConfig(steps=2, rank=2, batch_size=2), tmp_path / "run")
    assert (result.steps, result.stopped) == (2, False)


def test_each_picture_gets_as_many_predictions_as_the_others() -> None:
    pictures = [
        Example(name, f"{name}{i}", torch.full((4, 8, 8), float(i)), torch.zeros(3)) for name in "ab" for i in (0, 1)
    ]
    predicted = {name: torch.arange(4.0)[:, None] + torch.zeros(3) for name in "ab"}
    only = with_predictions(pictures, predicted, own=False)
    assert sorted((each.image_sha, each.prediction) for each in only) == sorted(
        (f"{name}{i}", number) for name in "ab" for i in (0, 1) for number in (1, 2)
    )
    for each in only:
        assert each.latents[0, 0, 0] == float(each.image_sha[1]), "a prediction keeps its picture's latents"
    assert sorted(float(each.image_embeds[0]) for each in only if each.concept == "a") == [0.0, 1.0, 2.0, 3.0]
    both = with_predictions(pictures, predicted, own=True)
    assert both[:4] == pictures and len(both) == 12


def test_predictions_in_places_go_to_the_pictures_with_a_mask() -> None:
    mask = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    pictures = [
        Example("rex", name, torch.zeros(4, 2, 2), torch.zeros(8), mask=found)
        for name, found in (("a", mask), ("b", None), ("c", 0 * mask), ("d", mask))
    ]
    table = with_predictions(
        pictures, {"rex": torch.ones(8, 8)}, True, {"rex": torch.arange(4.0)[:, None].expand(4, 8)}
    )
    placed = [(each.image_sha, each.prediction, float(each.image_embeds[0])) for each in table if each.only_subject]
    assert placed == [("a", 3, 0.0), ("d", 3, 1.0), ("a", 4, 2.0), ("d", 4, 3.0)]
    assert len({(each.image_sha, each.prediction) for each in table}) == len(table)
    sliver = replace(pictures[0], mask=torch.full((2, 2), 0.01))
    assert not any(each.only_subject for each in with_predictions([sliver], {}, True, {"rex": torch.ones(4, 8)}))
    assert not any(each.only_subject for each in with_predictions(pictures[1:3], {}, True, {"rex": torch.ones(4, 8)}))


def test_a_picture_that_a_lora_leaves_as_it_is_has_an_empty_mask() -> None:
    mask = torch.ones(2, 2)
    pictures = [
        Example("rex", name, torch.zeros(4, 2, 2), torch.zeros(8), mask=found)
        for name, found in (("a", mask), ("b", None))
    ]
    rows = torch.arange(3.0)[:, None].expand(3, 8)
    table = with_predictions(pictures, {"rex": torch.ones(2, 8)}, True, None, {"rex": rows})
    kept = [each for each in table if each.only_subject]
    assert [(each.image_sha, each.prediction, float(each.image_embeds[0])) for each in kept] == [
        ("a", 2, 0.0),
        ("b", 2, 1.0),
        ("a", 3, 2.0),
    ]
    assert all(each.mask is not None and not each.mask.any() for each in kept)
    assert table[: len(pictures)] == pictures and len(table) == len(pictures) + 2 + len(kept)


def test_a_prediction_goes_to_the_middle_or_to_its_mirror_image_which_it_is_more_like() -> None:
    left, right = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    pictures = [
        Example("rex", name, torch.zeros(4, 2, 2), embeds, crop=crop, mask=torch.ones(2, 2))
        for name, own in (("a", left), ("b", right))
        for crop, embeds in (("", own), ("0,0,9 mirrored", 1 - own), ("1,1,5", own), ("1,1,5 mirrored", 1 - own))
    ]
    rows = torch.stack([left, left, right, right])
    table = with_predictions(pictures, {"rex": rows}, False, {"rex": rows}, {"rex": rows})
    chosen = [("a", ""), ("b", "0,0,9 mirrored"), ("a", "0,0,9 mirrored"), ("b", "")]
    kept = [("a", ""), ("b", "")] * 2
    assert [(each.image_sha, each.crop) for each in table] == [*chosen, *chosen, *kept]
    numbers = [(each.image_sha, each.prediction) for each in table]
    assert numbers == [(name, number) for number in range(1, 7) for name in "ab"]
    others = with_predictions([pictures[0], replace(pictures[5], image_embeds=right)], {"rex": rows}, False)
    assert {each.image_sha for each in others} == {"a"}, "the mirror image of another picture is not its own"


def test_predictions_go_with_the_middle_of_a_picture() -> None:
    for middle in ("", "0,0,9,7"):
        pictures = [
            Example("rex", "a", torch.zeros(4, 2, 2), torch.zeros(8), crop=crop)
            for crop in ("0,0,9", "0,0,9 mirrored", middle, "0,0,9,7 mirrored")
        ]
        table = with_predictions(pictures, {"rex": torch.ones(2, 8)}, own=True)
        assert table[:4] == pictures
        assert [(each.crop, each.prediction) for each in table[4:]] == [(middle, 1), (middle, 2)]
