"""Components from stacks: the miniature, towers of transformers, and what cannot be a pipeline."""

import open_clip
import pytest
import torch

from lambda_studio.errors import InvalidSetting, ModelFilesInvalid
from lambda_studio.models.clip.clip import ClipTokenizer, load_clip
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pipeline.from_stack import image_processor_of, stack_components, tokenizer_of


@pytest.mark.parametrize("stack", ["miniature", "tiny"])
def test_the_networks_are_those_of_the_stack_and_not_shared_with_it(stack, stack_file):
    name = str(stack_file) if stack == "tiny" else stack
    parts, of_studio = stack_components(name, torch.float32), Stack(resolve_stack(name), device="cpu")
    clip, prior = of_studio.clip(), of_studio.prior()
    expected = clip.model.state_dict()
    found = {**parts["text_encoder"].network.state_dict(), **parts["image_encoder"].network.state_dict()}
    assert found.keys() == expected.keys() and all(torch.equal(found[key], expected[key]) for key in found)
    weights = parts["prior"].state_dict()
    assert all(torch.equal(weights[key], value) for key, value in prior.state_dict().items())
    assert parts["prior"] is not prior and parts["text_encoder"].network is not clip.model
    assert parts["tokenizer"].model_max_length == clip.context_length
    assert (tuple(parts["image_processor"].image_mean), tuple(parts["image_processor"].image_std)) == (
        clip.mean,
        clip.std,
    )
    of_studio.close()


def test_a_stacks_components_have_the_dtype_that_is_asked_for(stack_file):
    parts = stack_components(str(stack_file), torch.bfloat16)
    assert {parts[name].dtype for name in ("prior", "text_encoder", "image_encoder")} == {torch.bfloat16}


def test_an_unknown_stack_is_refused():
    with pytest.raises(InvalidSetting, match=r"There is no stack 'minature'.*Did you mean miniature"):
        stack_components("minature", torch.float32)


def test_a_tokenizer_has_clips_own_numbers_and_ends(clip_folder):
    clip = load_clip(f"local-dir:{clip_folder}", towers=("text",))
    tokenizer = tokenizer_of(clip)
    said = tokenizer("a dog on a toy", padding="max_length", max_length=24).input_ids
    end = said.index(tokenizer.eos_token_id)
    assert said[: end + 1] == clip.tokenizer(["a dog on a toy"])[0][: end + 1].tolist()
    assert len(tokenizer) == clip.files.model_config["text_cfg"]["vocab_size"]


def test_a_tokenizer_that_is_not_clips_is_refused(clip_folder, monkeypatch):
    clip = load_clip(f"local-dir:{clip_folder}", towers=("text",))
    clip.__dict__["tokenizer"] = ClipTokenizer(open_clip.SimpleTokenizer(), 24)
    assert len(tokenizer_of(clip)) == 49408
    clip.__dict__["tokenizer"].wrapped = object()
    with pytest.raises(ModelFilesInvalid, match="has a tokenizer of its own"):
        tokenizer_of(clip)


def test_the_processor_cuts_pictures_to_clips_size(clip_folder):
    processor = image_processor_of(load_clip(f"local-dir:{clip_folder}", towers=("vision",)))
    pixels = processor(torch.zeros(3, 50, 80, dtype=torch.uint8), return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, 32, 32)
