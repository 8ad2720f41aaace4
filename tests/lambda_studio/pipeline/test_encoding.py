"""A pipeline's components encode as a stack's CLIP does."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPImageProcessor

from lambda_studio.models.clip.clip import load_clip
from lambda_studio.pipeline.encoding import PipelineEncoders, PipelineTokenizer
from lambda_studio.pipeline.from_stack import tokenizer_of
from tests.lambda_studio.pipeline.tiny import hub_pipeline
from tests.towers import save_towers

LETTERS = "abz AZ09'’.,!?-_<>|&;#/\"éßñøÆŁžДяѓαΣσابע日本の한ﬁ½²😀\n\t"


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    return save_towers(tmp_path_factory.mktemp("towers"))


@pytest.fixture(scope="module")
def clip(towers):
    return load_clip(f"local-dir:{towers}")


@pytest.fixture(scope="module")
def tokenizer(clip):
    return tokenizer_of(clip)


@pytest.fixture(scope="module")
def encoders(towers, prior_folder, clip):
    pipeline = hub_pipeline(towers, prior_folder)
    pipeline.image_processor.image_mean, pipeline.image_processor.image_std = list(clip.mean), list(clip.std)
    return PipelineEncoders(pipeline, torch.device("cpu"))


@given(text=st.text(alphabet=LETTERS, max_size=30))
def test_tokens_are_those_of_open_clip(clip, tokenizer, text):
    assert PipelineTokenizer(tokenizer, 24).encode(text) == clip.tokenizer.encode(text)


@pytest.mark.parametrize("text", ["", "a stuffed animal, wearing sunglasses!", "it&#39;s  rex's HAT", "x " * 60])
def test_a_text_has_the_same_tokens_start_and_end(clip, encoders, text):
    tokenizer = encoders.tokenizer
    assert tokenizer.encode(text) == clip.tokenizer.encode(text)
    assert (tokenizer.start_token, tokenizer.end_token) == (clip.tokenizer.start_token, clip.tokenizer.end_token)
    assert tokenizer.context_length == clip.context_length == 24


def test_texts_and_pictures_have_clips_embeddings(clip, encoders):
    token_ids = clip.tokenizer(["a dog wearing a hat", "cat", ""])
    said, expected = encoders.encode_text(token_ids), clip.encode_text(token_ids)
    torch.testing.assert_close(said.hidden_states, expected.hidden_states, rtol=0, atol=1e-5)
    torch.testing.assert_close(said.pooled, expected.pooled, rtol=0, atol=1e-5)
    assert torch.equal(said.mask, expected.mask)
    images = [Image.effect_noise((32, 32), 60).convert("RGB"), Image.new("RGB", (32, 32), "red")]
    torch.testing.assert_close(encoders.encode_images(images), clip.encode_images(images), rtol=0, atol=1e-5)
    torch.testing.assert_close(encoders.zero_image_embeds(), clip.zero_image_embeds(), rtol=0, atol=1e-5)
    assert encoders.image_size == clip.image_size == 32


def test_pictures_are_normalised_but_neither_resized_nor_cut(encoders):
    seen = []

    class Encoder:
        config, dtype = SimpleNamespace(image_size=32), torch.float32

        def __call__(self, pixels):
            seen.append(pixels)
            return SimpleNamespace(image_embeds=pixels.flatten(1))

    mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    smaller = {"size": {"shortest_edge": 20}, "crop_size": {"height": 20, "width": 20}}
    processor = CLIPImageProcessor(image_mean=mean, image_std=std, **smaller)
    parts = {**encoders.pipeline.components, "image_encoder": Encoder(), "image_processor": processor}
    PipelineEncoders(SimpleNamespace(**parts), torch.device("cpu")).encode_images([Image.new("RGB", (32, 32), "white")])
    expected = (1 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(seen[0], expected.expand(1, 3, 32, 32))
