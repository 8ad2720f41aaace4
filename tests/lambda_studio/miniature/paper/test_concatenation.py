"""Concatenated prompts: text states, then the embeddings of the subjects."""

import torch

from lambda_studio.generation.conditioning import condition
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.miniature.paper.concatenation import ROOM, concatenate
from lambda_studio.miniature.paper.players import Players
from lambda_studio.models.clip.clip import TextFeatures


def test_embeddings_follow_the_text_in_the_order_of_the_prompt_and_the_rest_is_masked() -> None:
    tokenizer = Players().stack.tokenizer
    words = ("a <rex> and a <pip> and a <rex>", "a dog")
    prompts = [bind(parse(each), {"rex": "dog", "pip": "teapot"}, tokenizer) for each in words]
    length, dim = tokenizer.context_length, 4
    mask = torch.arange(length) < torch.tensor([[prompt.length] for prompt in prompts])
    text = TextFeatures(torch.randn(2, length, dim), torch.randn(2, dim), mask)
    subjects = [{"pip": torch.full((dim,), 2.0), "rex": torch.full((dim,), 1.0)}, {}]
    control = torch.zeros(dim)
    joined, interleaved = (join(text, prompts, subjects, control) for join in (concatenate, condition))
    states = joined.text_encoder_hidden_states
    assert states.shape == (2, length + ROOM, dim)
    assert torch.equal(states[:, :length], text.hidden_states), "the text stays"
    assert states[0, length:, 0].tolist() == [1.0, 2.0] + [0.0] * (ROOM - 2)
    assert joined.text_mask[:, :length].equal(mask)
    assert joined.text_mask[:, length:].sum(1).tolist() == [2, 0]
    assert not torch.equal(interleaved.text_encoder_hidden_states[0], text.hidden_states[0])
    assert torch.equal(joined.prompt_embeds, interleaved.prompt_embeds)
    assert torch.equal(joined.control_embeds, interleaved.control_embeds)
