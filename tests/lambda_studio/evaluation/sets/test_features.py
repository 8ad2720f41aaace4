"""Inception's and CLIP's features: checked weights, nothing unpickled, pictures of all sizes."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import ImageStat

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.evaluation.by_clip import PublishedClip
from lambda_studio.evaluation.sets.features import (
    INCEPTION,
    ClipFeatures,
    InceptionFeatures,
    SetDistance,
    find_inception,
)
from lambda_studio.models.files.sources import Source
from lambda_studio.pictures.crops import square_crop

CPU = torch.device("cpu")


class Small(torch.nn.Module):
    """Stands in for Inception: the mean of each channel."""

    def __init__(self, name: str, layers: list[str], feature_extractor_weights_path) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=False))

    def forward(self, pixels):
        assert pixels.dtype == torch.uint8
        return (pixels.float().mean((2, 3)) * self.scale,)


@pytest.fixture
def small(monkeypatch):
    """torch-fidelity with a small network."""
    module = type(sys)("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Small
    monkeypatch.setitem(sys.modules, "torch_fidelity", type(sys)("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def save(path: Path) -> Path:
    torch.save({"scale": torch.tensor([1.0, 2.0, 3.0])}, path)
    return path


def test_features_are_of_each_picture_in_its_own_size_and_in_order(small, tmp_path, noise) -> None:
    pictures = [noise(1), noise(2, 20, 30), noise(3), noise(4)]
    found = InceptionFeatures(save(tmp_path / "inception.pth"), CPU).embed(pictures)
    means = torch.tensor([ImageStat.Stat(picture).mean for picture in pictures])
    assert torch.allclose(found, means * torch.tensor([1.0, 2.0, 3.0]), rtol=1e-5)


def test_a_pickle_of_code_is_refused(small, tmp_path, noise) -> None:
    torch.save({"scale": Path("/")}, tmp_path / "inception.pth")
    with pytest.raises(ModelFilesInvalid, match="holds no Inception"):
        InceptionFeatures(tmp_path / "inception.pth", CPU).embed([noise(1)])


def test_weights_of_another_network_are_refused(small, tmp_path, noise) -> None:
    torch.save({"other": torch.ones(3)}, tmp_path / "inception.pth")
    with pytest.raises(ModelFilesInvalid, match="holds no Inception"):
        InceptionFeatures(tmp_path / "inception.pth", CPU).embed([noise(1)])


def test_the_published_file_is_checked_against_the_hash_in_its_name(small, tmp_path, noise) -> None:
    with pytest.raises(ModelFilesInvalid, match=r"is damaged: its SHA-256 is .*, not 6726825d"):
        InceptionFeatures(save(tmp_path / INCEPTION), CPU).embed([noise(1)])


def test_without_torch_fidelity_the_package_is_named(monkeypatch, tmp_path, noise) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(ModelFilesMissing, match=r"pip install 'torch-fidelity>=0\.4,<0\.5'"):
        InceptionFeatures(save(tmp_path / "inception.pth"), CPU).embed([noise(1)])


@pytest.mark.slow
def test_torch_fidelitys_network_with_random_weights(tmp_path, noise, monkeypatch) -> None:
    inception = pytest.importorskip(
        "torch_fidelity.feature_extractor_inceptionv3", reason="torch-fidelity is not installed"
    )
    torch.manual_seed(0)
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
    random = inception.FeatureExtractorInceptionV3("inception", ["2048"], save(tmp_path / "any.pth"))
    monkeypatch.undo()
    torch.save(random.state_dict(), tmp_path / "inception.pth")
    found = InceptionFeatures(tmp_path / "inception.pth", CPU).embed([noise(1), noise(2)])
    assert found.shape == (2, 2048)
    assert not torch.equal(found[0], found[1])


def test_the_weights_are_in_a_folder_or_a_file_or_where_torch_hub_puts_them(tmp_path, monkeypatch) -> None:
    file = save(tmp_path / INCEPTION)
    assert find_inception(Source(str(tmp_path))) == file
    assert find_inception(Source(str(file))) == file
    assert find_inception(Source(str(tmp_path / "none"))) is None
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_inception(Source("https://example.org/inception.pth")) is None
    (tmp_path / "checkpoints").mkdir()
    there = save(tmp_path / "checkpoints" / INCEPTION)
    assert find_inception(Source("https://example.org/inception.pth")) == there


def test_cmmds_features_are_clips_of_the_middle_square(clip_folder, noise) -> None:
    clip = PublishedClip("clip-l14-336", Source(str(clip_folder)), CPU)
    own = clip.clip(("vision",))
    expected = F.normalize(own.encode_images([square_crop(noise(1), own.image_size)]), dim=-1)
    assert torch.allclose(ClipFeatures(clip).embed([noise(1)]), expected)


def test_a_distance_of_sets_has_its_features_and_its_measure(noise) -> None:
    class Bright:
        def embed(self, images):
            return torch.tensor([[float(image.width)] for image in images])

    metric = SetDistance("fid", Bright(), lambda drawn, real: float((drawn.mean() - real.mean()).abs()))
    drawn, real = metric.embed([noise(1, 10), noise(1, 20)]), metric.embed([noise(1, 5)])
    assert (metric.name, metric.distance(drawn, real)) == ("fid", 10.0)
