"""Published networks see pictures by torchvision's transforms."""

import pytest
import torch

from lambda_studio.evaluation.transforms import clip_square, normalised, resized_middle


@pytest.mark.parametrize("size", [(300, 200), (223, 401), (224, 224), (64, 50)])
def test_clips_square_is_openais(noise, size) -> None:
    from torchvision import transforms

    openais = transforms.Compose(
        [
            transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
        ]
    )
    picture = noise(1, *size)
    assert torch.equal(normalised(clip_square(picture, 224), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), openais(picture))


def test_the_middle_is_cut_from_the_resized_picture(noise) -> None:
    assert resized_middle(noise(1, 60, 30), 15, 8).size == (8, 8)
    whole = noise(1, 60, 30).resize((30, 15), 3)
    assert resized_middle(noise(1, 60, 30), 15, 8).tobytes() == whole.crop((11, 4, 19, 12)).tobytes()


def test_pixels_are_normalised_by_channel(noise) -> None:
    picture = noise(2, 4, 4)
    plain = normalised(picture, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    other = normalised(picture, (0.5, 0.25, 0.0), (0.5, 1.0, 2.0))
    assert torch.allclose(other[0], (plain[0] - 0.5) / 0.5)
    assert torch.allclose(other[1], plain[1] - 0.25)
    assert torch.allclose(other[2], plain[2] / 2)
