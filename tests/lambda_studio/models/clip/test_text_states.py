"""Text states: a prompt is encoded once, and alone."""

from collections import OrderedDict

import pytest
import torch

from lambda_studio.generation.generator import TextEncoder
from lambda_studio.models.clip import text_states
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.clip.text_states import TextStates

PROMPTS = ["a dog wearing a hat", "cat", "a dog wearing a hat"]


@pytest.fixture(scope="module")
def clip(clip_folder):
    return load_clip(f"local-dir:{clip_folder}", towers=("text",))


@pytest.fixture
def states(clip):
    loads = []
    found = TextStates(lambda: loads.append(1) or clip, OrderedDict())
    return found, loads


def test_states_are_those_of_the_tower(clip, states):
    kept, loads = states
    token_ids = clip.tokenizer(PROMPTS)
    expected, found = clip.encode_text(token_ids), kept.encode_text(token_ids)
    torch.testing.assert_close(found.hidden_states, expected.hidden_states)
    torch.testing.assert_close(found.pooled, expected.pooled)
    assert torch.equal(found.mask, expected.mask)
    assert len(loads) == 2, "the third prompt is the first"
    assert isinstance(clip, TextEncoder) and isinstance(kept, TextEncoder)


def test_states_depend_on_no_other_prompt_and_need_no_tower_the_second_time(clip, states):
    kept, loads = states
    token_ids = clip.tokenizer(PROMPTS[:2])
    together = kept.encode_text(token_ids)
    alone = TextStates(lambda: clip, OrderedDict()).encode_text(token_ids[1:])
    assert torch.equal(together.hidden_states[1:], alone.hidden_states)
    again = kept.encode_text(token_ids.flip(0))
    assert torch.equal(again.hidden_states.flip(0), together.hidden_states) and len(loads) == 2


def test_the_least_recently_used_states_are_dropped(clip, states, monkeypatch):
    monkeypatch.setattr(text_states, "MOST_KEPT", 2)
    kept, _ = states
    first, second, third = (clip.tokenizer([text]) for text in ("one", "two", "three"))
    for each in (first, second, first, third):
        kept.encode_text(each)
    assert list(kept.kept) == [tuple(first[0].tolist()), tuple(third[0].tolist())]
    assert kept.encode_text(torch.cat([first, second, third])).pooled.shape == (3, clip.dim)
    assert len(kept.kept) == 2
