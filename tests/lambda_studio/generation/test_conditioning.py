"""Subjects written into text states: which places change, and that nothing else does."""

import pytest
import torch

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.conditioning import blend, condition
from lambda_studio.generation.prompt import BoundPrompt, Span
from lambda_studio.models.clip.clip import TextFeatures

DIM, LENGTH = 6, 9


def text_features(batch: int) -> TextFeatures:
    generator = torch.Generator().manual_seed(0)
    return TextFeatures(
        hidden_states=torch.randn(batch, LENGTH, DIM, generator=generator),
        pooled=torch.randn(batch, DIM, generator=generator),
        mask=torch.arange(LENGTH).expand(batch, -1) < 7,
    )


def prompt(*spans: Span) -> BoundPrompt:
    return BoundPrompt("a <rex> beside a <fido>", "a dog beside a dog", (1,) * LENGTH, 7, spans)


def subject(value: float) -> torch.Tensor:
    return torch.full((DIM,), float(value))


def test_two_subjects_with_one_noun_keep_their_own_embeddings():
    text = text_features(1)
    made = condition(
        text, [prompt(Span("rex", 2, 3), Span("fido", 5, 6))], [{"rex": subject(10), "fido": subject(20)}], subject(0)
    )
    expected = text.hidden_states.clone()
    expected[0, 2], expected[0, 5] = 10, 20
    assert torch.equal(made.text_encoder_hidden_states, expected)


def test_every_token_of_a_noun_gets_the_embedding_and_its_neighbours_do_not():
    text = text_features(1)
    made = condition(text, [prompt(Span("bear", 3, 5))], [{"bear": subject(7)}], subject(0))
    changed = (made.text_encoder_hidden_states != text.hidden_states).all(dim=-1)[0]
    assert changed.tolist() == [False, False, False, True, True, False, False, False, False]
    assert torch.equal(made.text_encoder_hidden_states[0, 3:5], torch.full((2, DIM), 7.0))


def test_each_prompt_of_a_batch_has_its_own_subjects():
    text = text_features(3)
    prompts = [prompt(Span("rex", 2, 3)), prompt(), prompt(Span("rex", 4, 5), Span("rex", 6, 7))]
    made = condition(text, prompts, [{"rex": subject(1)}, {}, {"rex": subject(3)}], subject(0))
    expected = text.hidden_states.clone()
    expected[0, 2], expected[2, 4], expected[2, 6] = 1, 3, 3
    assert torch.equal(made.text_encoder_hidden_states, expected)


def test_the_pooled_text_the_mask_and_the_inputs_are_left_as_they_were():
    text, before = text_features(1), text_features(1)
    made = condition(text, [prompt(Span("rex", 2, 3))], [{"rex": subject(10)}], subject(0))
    assert torch.equal(made.prompt_embeds, before.pooled)
    assert torch.equal(made.text_mask, before.mask)
    assert torch.equal(text.hidden_states, before.hidden_states)


def test_one_control_serves_all_prompts_and_each_may_have_its_own():
    text, prompts, subjects = text_features(2), [prompt(), prompt()], [{}, {}]
    shared = condition(text, prompts, subjects, subject(4)).control_embeds
    assert torch.equal(shared, torch.full((2, DIM), 4.0))
    own = torch.stack([subject(1), subject(2)])
    assert torch.equal(condition(text, prompts, subjects, own).control_embeds, own)


def test_subjects_are_found_however_their_name_is_written():
    made = condition(text_features(1), [prompt(Span("Rex", 2, 3))], [{"rex": subject(10)}], subject(0))
    assert torch.equal(made.text_encoder_hidden_states[0, 2], subject(10))


def test_embeddings_of_another_precision_are_converted():
    half = {"rex": subject(10).half()}
    made = condition(text_features(1), [prompt(Span("rex", 2, 3))], [half], subject(0).half())
    assert made.text_encoder_hidden_states.dtype == made.control_embeds.dtype == torch.float32
    assert torch.equal(made.text_encoder_hidden_states[0, 2], subject(10))


def test_a_span_without_an_embedding_is_refused():
    with pytest.raises(PromptInvalid) as caught:
        condition(text_features(1), [prompt(Span("rex", 2, 3))], [{"tom": subject(1)}], subject(0))
    assert caught.value.cause == "There is no image embedding for <rex> in the prompt 'a <rex> beside a <fido>'."
    assert caught.value.remedy == "Give an embedding for each name. These names have one: tom."


def test_a_missing_row_of_subjects_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        condition(text_features(2), [prompt(), prompt()], [{}], subject(0))


def test_a_concept_is_the_mean_of_its_references():
    references = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert torch.equal(blend(references), torch.tensor([2.0, 4.0]))
    assert torch.equal(blend(references, torch.tensor([0.75, 0.25])), torch.tensor([1.5, 3.0]))


def test_gradients_reach_the_subjects():
    rex = subject(10).requires_grad_()
    made = condition(text_features(1), [prompt(Span("rex", 2, 4))], [{"rex": rex}], subject(0))
    made.text_encoder_hidden_states.sum().backward()
    assert torch.equal(rex.grad, torch.full((DIM,), 2.0))


def test_a_weight_is_between_the_nouns_state_and_the_embedding():
    text = text_features(1)
    spans = (Span("rex", 2, 3, weight=0.25), Span("rex", 4, 5, weight=0.0), Span("rex#2", 6, 7, weight=2.0))
    made = condition(text, [prompt(*spans)], [{"rex": subject(8), "rex#2": subject(8)}], subject(0))
    states, own = made.text_encoder_hidden_states[0], text.hidden_states[0]
    torch.testing.assert_close(states[2], 0.75 * own[2] + 0.25 * subject(8))
    assert torch.equal(states[4], own[4])
    torch.testing.assert_close(states[6], 2 * subject(8) - own[6])
