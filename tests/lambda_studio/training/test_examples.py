"""The table of constants is what the frozen encoders say, of one and the same crop."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.models.clip.clip import Clip, load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.pictures.crops import square_crop
from lambda_studio.training.examples import encode_examples, encode_image_embeds, encode_latents
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
