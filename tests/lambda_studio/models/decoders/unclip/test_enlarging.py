"""What the enlarging asks its two networks. Its pictures are compared with diffusers' in test_karlo.py."""

import torch
from diffusers import UnCLIPScheduler
from torch.nn import functional as F

from lambda_studio.models.decoders.unclip.enlarging import enlarge


def test_the_last_step_is_another_networks_and_both_see_the_smooth_picture():
    small = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    smooth = F.interpolate(small, scale_factor=4, mode="bicubic", antialias=True)
    asked = []

    def network(name):
        def predict(inputs, timestep, return_dict):
            asked.append((name, int(timestep)))
            torch.testing.assert_close(inputs[:, 3:], smooth)
            return (torch.zeros_like(inputs[:, :3]),)

        return predict

    scheduler = UnCLIPScheduler(variance_type="fixed_small_log")
    pictures = [
        enlarge(small, 4, (network("first"), network("last")), scheduler, 4, torch.Generator().manual_seed(seed))
        for seed in (5, 5, 6)
    ]
    assert pictures[0].shape == (1, 3, 16, 24)
    assert asked[:4] == [("first", 999), ("first", 666), ("first", 333), ("last", 0)] and len(asked) == 12
    assert torch.equal(pictures[0], pictures[1]) and not torch.equal(pictures[0], pictures[2])
    assert len(scheduler.timesteps) == 1000, "the decoder's own scheduler is left alone"
