"""CLIP in transformers' layout against transformers itself, and against open_clip's own network."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.clip.towers import open_clip_config
from tests.towers import TEXT_CONFIG, VISION_CONFIG, save_towers

PROMPTS = ["a dog wearing a hat", "cat", ""]


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """Both towers in float32, with a processor that is not the usual one. Read only."""
    folder = save_towers(tmp_path_factory.mktemp("towers") / "clip")
    CLIPImageProcessor(image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.3]).save_pretrained(
        folder / "image_processor"
    )
    return folder


@pytest.fixture(scope="module")
def clip(towers):
    return load_clip(f"local-dir:{towers}")


@pytest.fixture(scope="module")
def images():
    noise = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


@torch.no_grad()
def test_the_text_tower_equals_transformers_own(clip, towers):
    model = CLIPTextModelWithProjection.from_pretrained(towers / "text_encoder").eval()
    token_ids = clip.tokenizer(PROMPTS)
    features = clip.encode_text(token_ids)
    expected = model(token_ids, attention_mask=features.mask.long())
    torch.testing.assert_close(features.pooled, expected.text_embeds, rtol=0, atol=1e-5)
    for row, count in enumerate(features.mask.sum(1)):
        states = features.hidden_states[row, :count]
        torch.testing.assert_close(states, expected.last_hidden_state[row, :count], rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_vision_tower_equals_transformers_own_with_its_processor(clip, towers, images):
    model = CLIPVisionModelWithProjection.from_pretrained(towers / "image_encoder").eval()
    processor = CLIPImageProcessor.from_pretrained(towers / "image_processor", size=32, crop_size=32)
    pixels = processor(images=images, return_tensors="pt").pixel_values
    torch.testing.assert_close(clip.encode_images(images), model(pixels).image_embeds, rtol=0, atol=1e-5)
    assert (clip.mean, clip.std) == ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


@torch.no_grad()
def test_open_clip_loads_the_converted_weights_and_computes_the_same(clip, images, tmp_path):
    config = {"model_cfg": clip.files.model_config, "preprocess_cfg": {"mean": clip.mean, "std": clip.std}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    save_file(clip.model.state_dict(), tmp_path / "open_clip_model.safetensors")
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}", return_transform=True)
    pixels = torch.stack([preprocess(image) for image in images])
    torch.testing.assert_close(clip.encode_images(images), model.eval().encode_image(pixels), rtol=0, atol=1e-5)
    token_ids = clip.tokenizer(PROMPTS)
    torch.testing.assert_close(clip.encode_text(token_ids).pooled, model.encode_text(token_ids), rtol=0, atol=1e-5)


@torch.no_grad()
def test_half_precision_files_in_shards_are_loaded_in_the_precision_that_is_asked_for(tmp_path, images):
    folder = save_towers(tmp_path / "half", variant="fp16", max_shard_size="50KB")
    assert len(list(folder.glob("image_encoder/model.fp16-0*.safetensors"))) > 1
    clip = load_clip(f"local-dir:{folder}")
    model = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder", variant="fp16", dtype=torch.float32)
    pixels = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in images])
    mean, std = (torch.tensor(value)[:, None, None] for value in (clip.mean, clip.std))
    expected = model.eval()((pixels - mean) / std).image_embeds
    torch.testing.assert_close(clip.encode_images(images), expected, rtol=0, atol=1e-5)
    assert clip.dtype == torch.float32
    assert load_clip(f"local-dir:{folder}", dtype=torch.bfloat16).dtype == torch.bfloat16


def test_one_tower_is_loaded_without_the_other_and_has_the_same_fingerprint(clip, towers):
    text = load_clip(f"local-dir:{towers}", towers=("text",))
    assert text.towers == {"text"} and not hasattr(text.model, "visual")
    token_ids = clip.tokenizer(PROMPTS)
    torch.testing.assert_close(text.encode_text(token_ids).pooled, clip.encode_text(token_ids).pooled)
    assert text.fingerprint == clip.fingerprint


def test_the_fingerprint_covers_both_towers_and_the_processor(clip, towers, tmp_path):
    def fingerprint(change):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        change(shutil.copytree(towers, tmp_path / "copy"))
        return load_clip(f"local-dir:{tmp_path / 'copy'}").fingerprint

    def weight(folder, name):
        file = folder / "model.safetensors"
        weights = load_file(file)
        weights[name][0] += 1e-3
        save_file(weights, file, {"format": "pt"})

    assert fingerprint(lambda folder: None) == clip.fingerprint
    changed = [
        lambda folder: weight(folder / "text_encoder", "text_model.final_layer_norm.bias"),
        lambda folder: weight(folder / "image_encoder", "vision_model.post_layernorm.bias"),
        lambda folder: shutil.rmtree(folder / "image_processor"),
    ]
    assert len({clip.fingerprint, *map(fingerprint, changed)}) == 4


def test_the_tokens_are_clips_own(clip):
    said = clip.tokenizer.encode("a stuffed animal, wearing sunglasses!")
    assert said == open_clip.SimpleTokenizer().encode("a stuffed animal, wearing sunglasses!")
    assert clip.context_length == clip.tokenizer.context_length == 24
    assert len(clip.tokenizer(["dog"])[0]) == 24


@pytest.mark.parametrize(
    ("text", "vision", "said"),
    [
        ({"projection_dim": 16}, {}, "their projection_dim are 16 and 32"),
        ({"hidden_act": "quick_gelu"}, {}, "their hidden_act are 'quick_gelu' and 'gelu'"),
        ({"hidden_act": "relu"}, {"hidden_act": "relu"}, "has hidden_act 'relu'"),
        ({}, {"layer_norm_eps": 1e-6}, "has layer_norm_eps 1e-06"),
    ],
)
def test_towers_that_open_clip_would_compute_differently_are_refused(text, vision, said):
    with pytest.raises(ModelFilesInvalid, match=said):
        open_clip_config({**TEXT_CONFIG, **text}, {**VISION_CONFIG, **vision}, "here")
    with pytest.raises(ModelFilesInvalid, match="have no 'hidden_size' in their config"):
        open_clip_config({key: TEXT_CONFIG[key] for key in TEXT_CONFIG if key != "hidden_size"}, VISION_CONFIG, "here")


def test_quick_gelu_is_kept(tmp_path):
    folder = save_towers(tmp_path / "quick", hidden_act="quick_gelu")
    clip = load_clip(f"local-dir:{folder}")
    model = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder").eval()
    token_ids = clip.tokenizer(PROMPTS)
    with torch.no_grad():
        expected = model(token_ids).text_embeds
    torch.testing.assert_close(clip.encode_text(token_ids).pooled, expected, rtol=0, atol=1e-5)


def test_a_tower_without_one_of_its_weights_is_refused(towers, tmp_path):
    folder = shutil.copytree(towers, tmp_path / "clip")
    file = folder / "image_encoder/model.safetensors"
    weights = load_file(file)
    del weights["vision_model.post_layernorm.bias"]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ModelFilesInvalid, match=r"does not hold the weights .*vision_model\.post_layernorm\.bias"):
        load_clip(f"local-dir:{folder}")


def test_another_vocabulary_needs_its_own_merges(towers, tmp_path):
    folder = save_towers(tmp_path / "clip", vocab_size=523)
    with pytest.raises(ModelFilesInvalid, match=r"another vocabulary than CLIP's 49408 tokens"):
        load_clip(f"local-dir:{folder}")
