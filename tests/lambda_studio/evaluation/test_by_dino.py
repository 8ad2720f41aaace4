"""DINO's features come from timm's files, with torch.hub's transform."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.evaluation.by_dino import MEAN, STD, DinoLikeness, dino_pixels, find_dino
from lambda_studio.evaluation.measures import View
from lambda_studio.models.files.sources import Source

TINY = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 2}
CPU = torch.device("cpu")


@pytest.fixture
def dino(tmp_path: Path) -> Path:
    """A tiny ViT with random weights, in timm's layout."""
    torch.manual_seed(0)
    network = timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=0, **TINY)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "vit_small_patch16_224", "model_args": TINY}))
    return tmp_path


def test_the_features_are_the_networks_class_token(dino: Path, noise) -> None:
    found = DinoLikeness(dino, CPU).embed([View(noise(1), "dog"), View(noise(2), "cat")])
    network = timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=0, **TINY).eval()
    network.load_state_dict(DinoLikeness(dino, CPU)._network.state_dict())
    with torch.no_grad():
        tokens = network.forward_features(torch.stack([dino_pixels(noise(seed), 32) for seed in (1, 2)]))
    assert torch.allclose(found, F.normalize(tokens[:, 0], dim=-1), atol=1e-6)
    assert torch.allclose(found[0] @ found[0], torch.tensor(1.0))
    assert found[0] @ found[1] < 1


@pytest.mark.parametrize("size", [(300, 300), (640, 400), (401, 977), (224, 224)])
def test_the_transform_is_torch_hubs(noise, size) -> None:
    from torchvision import transforms

    picture = noise(3, *size)
    hubs = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    assert torch.allclose(dino_pixels(picture), hubs(picture), atol=1e-5)


def test_a_white_picture_is_normalised_by_hand() -> None:
    white = dino_pixels(Image.fromarray(np.full((240, 300, 3), 255, np.uint8)))
    assert white.shape == (3, 224, 224)
    assert white[:, 5, 5].tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_files_are_looked_for_and_not_downloaded(dino: Path) -> None:
    assert find_dino(Source(f"local-dir:{dino}")) == dino
    assert find_dino(Source("nobody/has-this-dino")) is None
    (dino / "config.json").unlink()
    assert find_dino(Source(f"local-dir:{dino}")) is None


def test_a_file_with_another_hash_than_the_pinned_one_is_refused(dino: Path) -> None:
    with pytest.raises(ModelFilesInvalid, match=r"is not the pinned model\.safetensors"):
        find_dino(Source(f"local-dir:{dino}", hashes={"model.safetensors": "0" * 64}))


def test_weights_of_another_network_are_refused(dino: Path, noise) -> None:
    (dino / "config.json").write_text(json.dumps({"architecture": "vit_small_patch16_224"}))
    with pytest.raises(ModelFilesInvalid, match="holds no DINO for timm"):
        DinoLikeness(dino, CPU).embed([View(noise(1), "dog")])
