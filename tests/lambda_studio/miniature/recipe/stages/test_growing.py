"""A MoVQ that grows to pictures of twice the side."""

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel

from lambda_studio.miniature.recipe.stages.growing import grow

SMALL = {
    "latent_channels": 4, "vq_embed_dim": 4, "num_vq_embeddings": 8, "layers_per_block": 1, "norm_num_groups": 16,
    "norm_type": "spatial",
}  # fmt: skip


def movq(blocks: int) -> VQModel:
    return VQModel(
        block_out_channels=(32,) * (blocks - 1) + (64,), down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks, **SMALL,
    )  # fmt: skip


def test_a_grown_movq_begins_close_to_the_former_one():
    torch.manual_seed(0)
    former, larger, untrained = movq(2), movq(3), movq(3)
    grow(larger, former)
    # of one colour each, so that halving and doubling lose nothing but a frame
    large = torch.rand(4, 3, 1, 1).expand(-1, -1, 64, 64) * 2 - 1
    known, latents = former.encode(F.avg_pool2d(large, 2)).latents, larger.encode(large).latents
    inside = (..., slice(4, -4), slice(4, -4))
    assert latents.shape == known.shape
    others = untrained.encode(large).latents
    assert F.mse_loss(latents[inside], known[inside]) < 0.1 * F.mse_loss(others[inside], known[inside])
    back, former_back = (m.decode(known, force_not_quantize=True).sample for m in (larger, former))
    near = F.mse_loss(F.avg_pool2d(back, 2), former_back)
    far = F.mse_loss(F.avg_pool2d(untrained.decode(known, force_not_quantize=True).sample, 2), former_back)
    assert near < 0.05 * far


def test_all_the_weights_of_the_former_one_are_there():
    torch.manual_seed(0)
    former, larger = movq(2), movq(3)
    grow(larger, former)
    inner, outer = former.encoder.down_blocks, larger.encoder.down_blocks
    for mine, theirs in [
        *zip(inner, outer[1:], strict=True),
        *zip(former.decoder.up_blocks, larger.decoder.up_blocks[:-1], strict=True),
    ]:
        state = theirs.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in mine.state_dict().items())
