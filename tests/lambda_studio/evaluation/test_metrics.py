"""Metrics come by their names, with the files that are given, and say which files they lack."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from lambda_studio.errors import InvalidSetting, ModelFilesMissing
from lambda_studio.evaluation.measures import Composition, Distance, Likeness, View
from lambda_studio.evaluation.metrics import COMPOSITIONS, DISTANCES, LIKENESSES, METRICS, Metrics
from lambda_studio.evaluation.networks import NETWORKS
from lambda_studio.evaluation.transforms import clip_square

TINY = {"patch_size": 14, "embed_dim": 24, "depth": 1, "num_heads": 2, "init_values": 1.0}


@pytest.fixture
def dino_folder(tmp_path: Path) -> Path:
    """A tiny ViT of 56 pixels in timm's layout, as DINOv2's of 518."""
    torch.manual_seed(0)
    network = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=56, **TINY)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {"architecture": "vit_small_patch14_dinov2", "model_args": {**TINY, "img_size": 56}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def metrics(stack, clip_folder, dino_folder) -> Metrics:
    """All metrics but Inception's, with tiny networks."""
    clips = {name: str(clip_folder) for name, network in NETWORKS.items() if network.open_clip}
    dinos = {name: str(dino_folder) for name in NETWORKS if name.startswith("dino")}
    return Metrics(stack, clips | dinos)


@pytest.mark.parametrize("name", LIKENESSES)
def test_a_picture_has_the_likeness_1_with_itself_and_less_with_another(metrics, noise, name) -> None:
    metric = metrics.likeness(name)
    assert isinstance(metric, Likeness) and metric.name == name
    one, again, other = metric.embed([View(noise(1), "dog"), View(noise(1), "dog"), View(noise(2), "dog")])
    assert float(one @ again) == pytest.approx(1, abs=1e-6)
    assert one @ other < 0.9999


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_composition_scores_each_picture_and_its_prompt(metrics, noise, name) -> None:
    metric = metrics.composition(name)
    assert isinstance(metric, Composition) and metric.name == name
    scores = metric.score([noise(1), noise(2)], ["a dog on the beach", "a dog on the beach"])
    assert scores.shape == (2,) and scores[0] != scores[1]


@pytest.mark.parametrize("name", ["cmmd", "cmmd-stack"])
def test_cmmd_of_a_set_and_itself_is_0(metrics, noise, name) -> None:
    metric = metrics.distance(name)
    assert isinstance(metric, Distance) and metric.name == name
    one, other = metric.embed([noise(1), noise(2)]), metric.embed([noise(3), noise(4)])
    assert metric.distance(one, one) == pytest.approx(0, abs=1e-9)
    assert metric.distance(one, other) > 0


def test_a_published_clip_sees_its_own_transform_and_is_loaded_once(metrics, noise) -> None:
    likeness, composition = metrics.likeness("clip-i-b32"), metrics.composition("clip-t-b32")
    clip = composition.source.clip(("text", "vision"))
    assert likeness.source.clip(("vision",)) is clip
    square = clip_square(noise(1), clip.image_size)
    expected = F.normalize(clip.encode_images([square]), dim=-1)
    assert torch.allclose(likeness.embed([View(noise(1), "dog")]), expected)


def test_dinov2_is_used_with_224_pixels_and_its_own_interpolated_positions(metrics, dino_folder, noise) -> None:
    metric = metrics.likeness("dinov2-vits14")
    network = metric._network
    own = load_file(dino_folder / "model.safetensors")["pos_embed"]
    grid = own[:, 1:].reshape(1, 4, 4, 24).permute(0, 3, 1, 2)
    scaled = F.interpolate(grid, scale_factor=(16.1 / 4, 16.1 / 4), mode="bicubic").permute(0, 2, 3, 1)
    assert network.pos_embed.shape == (1, 1 + 16 * 16, 24)
    assert torch.equal(network.pos_embed[:, :1], own[:, :1])
    assert torch.allclose(network.pos_embed[:, 1:], scaled.reshape(1, 256, 24), atol=1e-6)
    assert metrics.likeness("dino-vits16")._network.pos_embed.shape == own.shape


def test_what_is_missing_is_named_once_for_each_network(stack, clip_folder) -> None:
    found = Metrics(stack, {"clip-b32": str(clip_folder)})
    notes = found.notes(["clip-i-b32", "clip-i", "dino-vits16", "clip-i-l14", "clip-t-l14", "fid", "kid"])
    assert [note.split()[3] for note in notes] == ["dino-vits16", "clip-l14", "inception"]
    assert "hf download timm/vit_small_patch16_224.dino" in notes[0]
    with pytest.raises(ModelFilesMissing, match="The files of clip-l14 are not in the hub's cache"):
        found.composition("clip-t-l14")
    with pytest.raises(ModelFilesMissing, match="The files of dino-vits8 are not"):
        found.likeness("dino-vits8")
    with pytest.raises(ModelFilesMissing, match="The files of inception are not"):
        found.distance("fid")


def test_an_evaluation_can_record_the_weights_that_it_used(metrics, dino_folder, clip_folder, tmp_path) -> None:
    found = metrics.fingerprints(["dino-vits16", "clip-i-b32", "clip-t-b32", "clip-i", "fid"])
    weights = sha256((dino_folder / "model.safetensors").read_bytes()).hexdigest()
    own = metrics.composition("clip-t-b32").source.clip(("text",)).fingerprint
    assert found == {"dino-vits16": weights, "clip-b32": own}, "Inception is not on this machine"
    file = tmp_path / "inception.pth"
    file.write_bytes(b"weights")
    assert Metrics(None, {"inception": str(file)}).fingerprints(["kid"]) == {
        "inception": sha256(b"weights").hexdigest()
    }


def test_unknown_metrics_are_refused_and_the_known_ones_named(stack) -> None:
    found = Metrics(stack)
    for ask, known in ((found.likeness, LIKENESSES), (found.composition, COMPOSITIONS), (found.distance, DISTANCES)):
        with pytest.raises(InvalidSetting, match=f"no metric 'clip-x'.*{' '.join(known)}"):
            ask("clip-x")
    with pytest.raises(InvalidSetting, match="no metric 'clip-x'"):
        found.notes(["clip-x"])
    with pytest.raises(InvalidSetting, match="clip-i, clip-t and cmmd-stack need a stack"):
        Metrics().likeness("clip-i")


def test_every_network_serves_a_metric() -> None:
    assert {network for network in METRICS.values() if network} == {*NETWORKS}
