"""Open_clip's towers as models of diffusers: the same numbers, and they are saved and loaded."""

import pytest
import torch

from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.clip.encoders import (
    OpenClipImageEncoder,
    OpenClipTextEncoder,
    image_encoder_of,
    text_encoder_of,
)
from lambda_studio.models.stacks.specification import WEIGHTS


@pytest.fixture(scope="module", params=["vit", "resnet"])
def folder(request, clip_folder):
    """A tiny CLIP, and the miniature's, whose vision tower is a ResNet that transformers does not have."""
    return clip_folder if request.param == "vit" else WEIGHTS / "clip"


@torch.no_grad()
@pytest.mark.parametrize("low_cpu_mem_usage", [True, False])
def test_the_text_encoder_gives_clips_states_and_embeddings_also_when_it_was_saved(folder, tmp_path, low_cpu_mem_usage):
    clip = load_clip(f"local-dir:{folder}", towers=("text",))
    token_ids = clip.tokenizer(["a dog", "a cat on a toy"])
    expected = clip.encode_text(token_ids)
    encoder = text_encoder_of(clip)
    encoder.save_pretrained(tmp_path)
    loaded = OpenClipTextEncoder.from_pretrained(tmp_path, low_cpu_mem_usage=low_cpu_mem_usage)
    for each in (encoder, loaded):
        output = each(token_ids)
        torch.testing.assert_close(output.last_hidden_state, expected.hidden_states, rtol=0, atol=1e-5)
        torch.testing.assert_close(output.text_embeds, expected.pooled, rtol=0, atol=1e-5)
        assert not each.training and not hasattr(each.network, "visual")
    assert loaded.half().network.attn_mask.dtype == torch.float16


@torch.no_grad()
@pytest.mark.parametrize("low_cpu_mem_usage", [True, False])
def test_the_image_encoder_gives_clips_embeddings_also_when_it_was_saved(folder, tmp_path, low_cpu_mem_usage):
    clip = load_clip(f"local-dir:{folder}", towers=("vision",))
    size = clip.image_size
    pixels = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(value)[:, None, None] for value in (clip.mean, clip.std))
    encoder = image_encoder_of(clip)
    encoder.save_pretrained(tmp_path)
    loaded = OpenClipImageEncoder.from_pretrained(tmp_path, low_cpu_mem_usage=low_cpu_mem_usage)
    for each in (encoder, loaded):
        embeds = each((pixels - mean) / std).image_embeds
        torch.testing.assert_close(embeds, clip.encode_pixels(pixels), rtol=0, atol=1e-5)
        assert each.config.image_size == size and not each.training and not hasattr(each.network, "ln_final")
