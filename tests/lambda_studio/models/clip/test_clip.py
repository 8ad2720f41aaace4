"""CLIP against open_clip called directly."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing, StudioError
from lambda_studio.models.clip.clip import build_clip, build_tokenizer, load_clip
from lambda_studio.models.clip.files import ClipSource

PROMPTS = ["a dog wearing a hat", "cat", ""]


@pytest.fixture(scope="module")
def clip(clip_folder):
    return load_clip(f"local-dir:{clip_folder}")


@pytest.fixture(scope="module")
def reference(clip_folder):
    """The same folder, loaded by open_clip itself: its model and its own preprocessing."""
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{clip_folder}", return_transform=True)
    return model.eval(), preprocess


@pytest.fixture(scope="module")
def images():
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    return [Image.fromarray(pixels) for pixels in noise]


@torch.no_grad()
def test_image_embeddings_equal_open_clips_own(clip, reference, images):
    model, preprocess = reference
    expected = model.encode_image(torch.stack([preprocess(image) for image in images]))
    embeds = clip.encode_images(images)
    torch.testing.assert_close(embeds, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(clip.encode_images(images, batch_size=2), expected, rtol=0, atol=1e-5)
    assert embeds.shape == (5, clip.dim) == (5, 32)
    assert not torch.allclose(embeds.norm(dim=1), torch.ones(5), atol=1e-2), "embeddings are raw, not normalised"


def test_pixels_and_images_are_the_same_thing(clip, images):
    pixels = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in images])
    torch.testing.assert_close(clip.encode_pixels(pixels), clip.encode_images(images), rtol=0, atol=1e-5)


@torch.no_grad()
def test_pooled_text_equals_open_clips_own(clip, reference):
    token_ids = clip.tokenizer(PROMPTS)
    expected = reference[0].encode_text(token_ids)
    torch.testing.assert_close(clip.encode_text(token_ids).pooled, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_token_states_are_what_the_final_layer_norm_puts_out(clip, reference):
    model, _ = reference
    token_ids = clip.tokenizer(PROMPTS)
    states = model.token_embedding(token_ids) + model.positional_embedding
    expected = model.ln_final(model.transformer(states, attn_mask=model.attn_mask))
    captured = []
    hook = model.ln_final.register_forward_hook(lambda module, inputs, output: captured.append(output))
    model.encode_text(token_ids)
    hook.remove()
    features = clip.encode_text(token_ids)
    torch.testing.assert_close(features.hidden_states, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(features.hidden_states, captured[0], rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_projected_end_state_is_the_pooled_embedding(clip):
    features = clip.encode_text(clip.tokenizer(PROMPTS))
    ends = features.mask.sum(1) - 1
    projected = features.hidden_states[torch.arange(3), ends] @ clip.model.text_projection
    torch.testing.assert_close(projected, features.pooled, rtol=0, atol=1e-5)


def test_the_mask_runs_from_start_to_end_token(clip):
    token_ids = clip.tokenizer(["dog on hat", "", "dog " * 40])
    mask = clip.encode_text(token_ids).mask
    assert mask.sum(1).tolist() == [5, 2, clip.context_length]
    assert mask[0].tolist() == [True] * 5 + [False] * (clip.context_length - 5)


def test_the_mask_ends_at_the_first_of_many_end_tokens(clip):
    start, end = clip.tokenizer.start_token, clip.tokenizer.end_token
    token_ids = torch.full((1, clip.context_length), end)
    token_ids[0, 0], token_ids[0, 1] = start, clip.tokenizer.encode("dog")[0]
    assert clip.encode_text(token_ids).mask.sum().item() == 3


def test_the_folders_own_merges_make_the_tokens(clip, clip_folder):
    tokenizer = clip.tokenizer
    assert len(tokenizer.encode("dog")) == len(tokenizer.encode("Cat")) == 1
    assert len(tokenizer.encode("zebra")) == 5
    assert tokenizer.context_length == clip.context_length == 24
    row = tokenizer(["dog hat"])[0].tolist()
    assert row[:4] == [tokenizer.start_token, *tokenizer.encode("dog hat"), tokenizer.end_token]
    assert row[4:] == [0] * 20


def test_a_text_is_tokenised_once_and_its_tokens_are_a_new_list_each_time(clip_folder, monkeypatch):
    tokenizer, texts = build_tokenizer(load_clip(f"local-dir:{clip_folder}").files.tokenizer), []
    encode = tokenizer.wrapped.encode
    monkeypatch.setattr(tokenizer.wrapped, "encode", lambda text: texts.append(text) or encode(text))
    first, expected = tokenizer.encode("dog hat"), encode("dog hat")
    assert first == expected
    first.append(7)
    assert tokenizer.encode("dog hat") == expected
    assert tokenizer.encode("cat") == encode("cat") != expected
    assert texts == ["dog hat", "cat"]


def test_the_usual_tokenizer_serves_where_a_folder_has_none(clip_folder, tmp_path):
    shutil.copytree(clip_folder, tmp_path / "clip")
    (tmp_path / "clip/bpe_merges.txt.gz").unlink()
    clip = load_clip(f"local-dir:{tmp_path / 'clip'}", towers=("vision",))
    assert clip.tokenizer.encode("stuffed animal") == open_clip.SimpleTokenizer().encode("stuffed animal")


def test_no_picture_is_an_all_zero_normalised_tensor(clip, reference):
    with torch.no_grad():
        expected = reference[0].encode_image(torch.zeros(1, 3, 32, 32))[0]
    torch.testing.assert_close(clip.zero_image_embeds(), expected, rtol=0, atol=1e-5)
    black = clip.encode_pixels(torch.zeros(1, 3, 32, 32))[0]
    assert not torch.allclose(black, expected, atol=1e-3), "a black picture is another thing"


@pytest.mark.parametrize("tower", ["text", "vision"])
def test_a_tower_that_was_not_asked_for_is_not_in_memory(clip, clip_folder, images, tower):
    alone = load_clip(f"local-dir:{clip_folder}", towers=(tower,))
    calls = {
        "text": lambda: clip.encode_text(clip.tokenizer(PROMPTS)).pooled,
        "vision": lambda: clip.encode_images(images),
    }
    alone_calls = {
        "text": lambda: alone.encode_text(alone.tokenizer(PROMPTS)).pooled,
        "vision": lambda: alone.encode_images(images),
    }
    other = {"text": "vision", "vision": "text"}[tower]
    torch.testing.assert_close(alone_calls[tower](), calls[tower](), rtol=0, atol=1e-5)
    with pytest.raises(StudioError, match=f"The {other} tower of .* was not loaded"):
        alone_calls[other]()
    names = {name.split(".")[0] for name, _ in alone.model.named_parameters()}
    assert ("visual" in names) == (tower == "vision")
    assert ("transformer" in names) == (tower == "text")
    assert (alone.dim, alone.image_size, alone.context_length) == (clip.dim, clip.image_size, clip.context_length)
    assert alone.fingerprint == clip.fingerprint


def test_half_precision_answers_in_float32(clip, clip_folder, images):
    half = load_clip(f"local-dir:{clip_folder}", dtype=torch.bfloat16)
    embeds = half.encode_images(images)
    assert half.dtype == torch.bfloat16
    assert embeds.dtype == half.encode_text(half.tokenizer(PROMPTS)).hidden_states.dtype == torch.float32
    torch.testing.assert_close(embeds, clip.encode_images(images), rtol=0, atol=0.1)


def test_embeddings_can_be_trained_on(clip, images):
    weight = torch.ones(1, requires_grad=True)
    (clip.encode_images(images) * weight).sum().backward()
    assert weight.grad is not None


def test_a_picture_of_another_size_is_refused(clip):
    with pytest.raises(InvalidSetting, match=r"Give squares of 32 pixels\."):
        clip.encode_images([Image.new("RGB", (32, 48))])


def test_the_fingerprint_names_weights_configuration_and_merges(clip, clip_folder, tmp_path):
    def fingerprint(change):
        shutil.rmtree(tmp_path / "clip", ignore_errors=True)
        shutil.copytree(clip_folder, tmp_path / "clip")
        change(tmp_path / "clip")
        return load_clip(f"local-dir:{tmp_path / 'clip'}").fingerprint

    def change_weight(folder):
        file = folder / "open_clip_model.safetensors"
        weights = load_file(file)
        weights["ln_final.bias"][0] += 1e-3
        save_file(weights, file)

    def change_mean(folder):
        config = json.loads((folder / "open_clip_config.json").read_text())
        config["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
        (folder / "open_clip_config.json").write_text(json.dumps(config))

    assert fingerprint(lambda folder: None) == clip.fingerprint
    changed = [change_weight, change_mean, lambda folder: (folder / "bpe_merges.txt.gz").unlink()]
    assert len({clip.fingerprint, *map(fingerprint, changed)}) == 4


def test_missing_weights_are_said_with_the_other_routes(clip_folder, tmp_path):
    shutil.copytree(clip_folder, tmp_path / "clip")
    (tmp_path / "clip/open_clip_model.safetensors").rename(tmp_path / "clip/pytorch_model.bin")
    with pytest.raises(ModelFilesMissing) as error:
        load_clip(f"local-dir:{tmp_path / 'clip'}")
    assert "has no open_clip_model.safetensors" in error.value.cause
    assert "stack=miniature" in error.value.remedy


@pytest.mark.parametrize(
    ("name", "pretrained", "said"),
    [
        ("ViT-nonesuch", "laion", "open_clip has no model 'ViT-nonesuch'."),
        ("ViT-B-32", "nonesuch", "open_clip has no safetensors for 'ViT-B-32' and 'nonesuch'."),
        ("ViT-B-32", None, "open_clip has no safetensors for 'ViT-B-32' and None."),
        ("local-dir:/nonesuch/folder", None, "There is no folder /nonesuch/folder."),
    ],
)
def test_a_clip_that_is_nowhere_is_said(name, pretrained, said):
    with pytest.raises(ModelFilesMissing) as error:
        load_clip(ClipSource(name, pretrained))
    assert error.value.cause == said


def test_weights_of_another_model_are_refused(clip_folder, tmp_path):
    shutil.copytree(clip_folder, tmp_path / "clip")
    file = tmp_path / "clip/open_clip_model.safetensors"
    weights = load_file(file)
    save_file({**weights, "text_projection": torch.zeros(32, 16)}, file)
    with pytest.raises(ModelFilesInvalid, match="does not hold the weights"):
        load_clip(f"local-dir:{tmp_path / 'clip'}")
    del weights["ln_final.bias"]
    save_file(weights, file)
    with pytest.raises(ModelFilesInvalid, match=r"ln_final\.bias"):
        load_clip(f"local-dir:{tmp_path / 'clip'}")
    file.write_bytes(b"not safetensors")
    with pytest.raises(ModelFilesInvalid, match="does not hold the weights"):
        load_clip(f"local-dir:{tmp_path / 'clip'}")


@pytest.mark.parametrize("vision", [{"layers": 2, "patch_size": 8}, {"layers": [1, 1, 1, 1]}], ids=["ViT", "ResNet"])
def test_a_clip_without_values_has_the_parts_of_one_with_values_and_draws_no_random_numbers(clip_folder, vision):
    config = json.loads((clip_folder / "open_clip_config.json").read_text())["model_cfg"]
    config["vision_cfg"] = {"width": 64, "image_size": 32} | vision
    state = torch.get_rng_state()
    empty = build_clip(config)
    assert torch.equal(torch.get_rng_state(), state)
    filled = build_clip(config, device="cpu")
    assert not torch.equal(torch.get_rng_state(), state), "the initial values of a training are random"
    parts = [{key: value.shape for key, value in each.state_dict().items()} for each in (empty, filled)]
    assert parts[0] == parts[1]
    tensors = [*empty.parameters(), *empty.buffers()]
    assert {each.device.type for each in tensors} == {"meta"}


def test_a_text_tower_of_its_own_loads_too(clip_folder, images, tmp_path):
    config = json.loads((clip_folder / "open_clip_config.json").read_text())
    config["model_cfg"]["custom_text"] = True
    folder = tmp_path / "custom"
    shutil.copytree(clip_folder, folder)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(1)
    model = build_clip(config["model_cfg"])
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    clip = load_clip(f"local-dir:{folder}")
    token_ids = clip.tokenizer(PROMPTS)
    with torch.no_grad():
        torch.testing.assert_close(clip.encode_text(token_ids).pooled, model.eval().encode_text(token_ids))
    assert clip.encode_text(token_ids).hidden_states.shape == (3, 24, 32)
    assert clip.encode_images(images).shape == (5, 32)
