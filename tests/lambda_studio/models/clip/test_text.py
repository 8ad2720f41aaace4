"""The text tower of an open_clip network, and which of its tokens are text."""

import pytest
import torch
from torch import nn

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.clip.text import causal_mask, encode_tokens, text_mask


@torch.no_grad()
def test_states_and_pooled_embeddings_agree_and_no_hook_stays(clip_folder):
    clip = load_clip(f"local-dir:{clip_folder}", towers=("text",))
    token_ids = clip.tokenizer(["a dog", "a cat on a toy"])
    states, pooled = encode_tokens(clip.model, token_ids)
    assert states.shape == (2, 24, 32)
    ends = (token_ids == clip.tokenizer.end_token).int().argmax(1)
    torch.testing.assert_close(states[torch.arange(2), ends] @ clip.model.text_projection, pooled, rtol=0, atol=1e-5)
    assert not clip.model.ln_final._forward_hooks


def test_a_tower_without_a_final_layer_norm_is_refused():
    with pytest.raises(ModelFilesInvalid, match="text tower has no final layer norm"):
        encode_tokens(nn.Identity(), torch.zeros(1, 4, dtype=torch.long))


def test_text_ends_with_the_first_end_token():
    token_ids = torch.tensor([[5, 1, 2, 9, 0, 0], [5, 9, 9, 9, 9, 9], [5, 1, 2, 3, 4, 9]])
    assert text_mask(token_ids, 9).sum(1).tolist() == [4, 2, 6]
    assert text_mask(token_ids, 9)[0].tolist() == [True] * 4 + [False] * 2


def test_each_token_sees_itself_and_what_is_before_it():
    assert (causal_mask(3) == 0).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(3).min() == -torch.inf
