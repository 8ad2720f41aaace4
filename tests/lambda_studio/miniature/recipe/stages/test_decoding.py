"""MoVQ's decoding half learns from pixels and from what CLIP sees, and its latents stay."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.miniature.recipe.networks import build_clip, build_movq
from lambda_studio.miniature.recipe.stages import decoding as stage
from lambda_studio.miniature.recipe.stages.decoding import _BackAndSeen, decoding_stage, distances
from lambda_studio.miniature.recipe.stages.movq import Drawing


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    """CLIP's image tower, untrained."""
    torch.manual_seed(0)
    return build_clip(tmp_path_factory.mktemp("clip")).visual.eval().requires_grad_(False)


@pytest.fixture
def movq():
    """A MoVQ of which the decoding half learns."""
    torch.manual_seed(0)
    movq = build_movq().requires_grad_(False)
    movq.decoder.requires_grad_(True)
    movq.post_quant_conv.requires_grad_(True)
    return movq


def test_pictures_are_as_far_apart_as_their_features_and_only_in_what_clip_sees(tower):
    torch.manual_seed(1)
    images, others = torch.rand(2, 2, 3, 128, 128) * 2 - 1
    assert all(each.abs().max() < 1e-5 for each in distances(tower, images, images.clone()))
    found = distances(tower, images, others)
    assert [each.shape for each in found] == [(2, 16, 16), (2, 16, 16), (2, 8, 8)]
    first, second = (tower.stem(F.avg_pool2d(each, 2)) for each in (images, others))
    expected = 2 - 2 * F.cosine_similarity(first, second, dim=1)
    assert torch.allclose(found[0], expected, atol=1e-5)
    chequered = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(64, 64) / 4
    assert all(each.abs().max() < 1e-4 for each in distances(tower, images, images + chequered))


def test_the_pictures_are_those_of_movqs_own_encode_and_decode(movq, tower):
    images, noise = torch.rand(2, 3, 128, 128), torch.randn(2, 4, 16, 16)
    output, *found = _BackAndSeen(movq, tower)(images, noise)
    latents = movq.encode(images).latents
    assert torch.equal(output, movq.decode(latents + noise, force_not_quantize=True).sample)
    assert all(torch.equal(a, b) for a, b in zip(found, distances(tower, output, images), strict=True))


def test_only_the_decoding_half_learns_and_the_latents_stay(movq, tower):
    before = {name: value.clone() for name, value in movq.state_dict().items()}
    seen = {name: value.clone() for name, value in tower.state_dict().items()}
    loss_of = decoding_stage(movq, tower, seed=2, batch_size=2)
    optimizer = torch.optim.AdamW([p for p in movq.parameters() if p.requires_grad], lr=1e-3)
    for step in range(2):
        loss_of(step)["loss"].backward()
        optimizer.step()
    changed = {name.partition(".")[0] for name, value in movq.state_dict().items() if not value.equal(before[name])}
    assert changed == {"decoder", "post_quant_conv"}
    assert all(torch.equal(value, seen[name]) for name, value in tower.state_dict().items())


def test_what_clip_sees_counts_beside_the_pixels_and_where_the_weights_say(movq, tower, monkeypatch):
    top, draw = torch.zeros(2, 16, 16), Drawing(2, 2, "decoding")
    top[:, :8] = 1

    def losses(weight, looks):
        def drawing(seed, size, stage):
            return lambda steps, device: [(draw(steps, device)[0][0], weight)]

        monkeypatch.setattr(stage, "Drawing", drawing)
        monkeypatch.setattr(stage, "LOOKS", looks)
        return {name: value.item() for name, value in decoding_stage(movq, tower, 2, 2)(0).items()}

    above, below, everywhere = (losses(each, 3.0) for each in (top, 1 - top, top * 0 + 1))
    assert above["looks"] > 0 and below["looks"] > 0
    assert above["looks"] + below["looks"] == pytest.approx(everywhere["looks"], rel=1e-4)
    pixels = losses(top, 0.0)["loss"]
    assert pixels > 0 and above["loss"] == pytest.approx(pixels + 3 * above["looks"], rel=1e-4)
