"""The λ prior against the published key list and against its own equations, written out."""

import json
import math
from pathlib import Path

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.models.prior import PriorTransformer

FACTS = Path(__file__).parents[3] / ".." / "shared" / "facts"
HEADS, HEAD_DIM, LAYERS, DIM, TEXT, BATCH = 2, 8, 3, 24, 7, 3


def tiny_prior(**settings) -> PriorTransformer:
    """A small prior, every parameter random: the published one starts several at zero, which would hide them."""
    shape = {"num_attention_heads": HEADS, "attention_head_dim": HEAD_DIM, "num_layers": LAYERS}
    prior = PriorTransformer(**{**shape, "embedding_dim": DIM, "num_embeddings": TEXT, **settings})
    generator = torch.Generator().manual_seed(0)
    for parameter in prior.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return prior.eval()


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([[3], [7], [5]])
    return {
        "noise": torch.randn(BATCH, DIM, generator=generator),
        "text_encoder_hidden_states": torch.randn(BATCH, TEXT, DIM, generator=generator),
        "prompt_embeds": torch.randn(BATCH, DIM, generator=generator),
        "control_embeds": torch.randn(BATCH, DIM, generator=generator),
        "text_mask": torch.arange(TEXT) < lengths,
    }


def linear(weights: dict[str, torch.Tensor], name: str, x: torch.Tensor) -> torch.Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def layer_norm(weights: dict[str, torch.Tensor], name: str, x: torch.Tensor) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + 1e-5)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x: torch.Tensor) -> torch.Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def forward_of_one(weights: dict[str, torch.Tensor], noise, text, pooled, control, text_mask) -> torch.Tensor:
    """One row of the published forward pass, from PAPER_AND_CODE 5.1, with matmuls and a softmax for each head."""
    rows = [linear(weights, "encoder_hidden_states_proj", text), linear(weights, "embedding_control", control)[None]]
    rows += [linear(weights, "embedding_proj", pooled)[None], linear(weights, "proj_in", noise)[None]]
    x = torch.cat([*rows, weights["prd_embedding"][0]]) + weights["positional_embedding"][0]
    mask = torch.zeros(len(x), len(x))
    for query in range(len(x)):
        for key in range(len(x)):
            mask[query, key] += -10000 * (key > query)
            mask[query, key] += -10000 * (key < TEXT and not text_mask[key])
    for layer in range(LAYERS):
        block = f"transformer_blocks.{layer}"
        normed = layer_norm(weights, f"{block}.norm1", x)
        q, k, v = (linear(weights, f"{block}.attn1.to_{letter}", normed) for letter in "qkv")
        heads = []
        for head in range(HEADS):
            part = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
            scores = q[:, part] @ k[:, part].T / math.sqrt(HEAD_DIM) + mask
            heads.append(torch.softmax(scores, dim=-1) @ v[:, part])
        x = x + linear(weights, f"{block}.attn1.to_out.0", torch.cat(heads, dim=-1))
        wide = gelu(linear(weights, f"{block}.ff.net.0.proj", layer_norm(weights, f"{block}.norm3", x)))
        x = x + linear(weights, f"{block}.ff.net.2", wide)
    return linear(weights, "proj_to_clip_embeddings", layer_norm(weights, "norm_out", x)[-1])


def test_the_forward_pass_equals_its_equations(inputs):
    prior = tiny_prior()
    expected = torch.stack([forward_of_one(prior.state_dict(), *row) for row in zip(*inputs.values(), strict=True)])
    assert expected.std() > 0.1
    torch.testing.assert_close(prior(**inputs), expected, atol=1e-5, rtol=0)


def test_keys_shapes_and_parameter_count_are_the_published_ones():
    facts = json.loads((FACTS / "lambda_prior_keys.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        prior = PriorTransformer(**facts["_about"]["kwargs"])
    shapes = {name: list(tensor.shape) for name, tensor in prior.state_dict().items()}
    assert shapes == facts["keys"]
    assert len(shapes) == 176
    assert sum(parameter.numel() for parameter in prior.parameters()) == 34_849_536


def test_the_published_configuration_builds_the_published_model():
    config = json.loads((FACTS / "configs" / "lambda_prior.json").read_text(encoding="utf-8"))["config"]
    with torch.device("meta"):
        prior = PriorTransformer.from_config(config)
    given = {name: value for name, value in config.items() if not name.startswith("_")}
    assert {name: prior.config[name] for name in given} == given
    assert sum(parameter.numel() for parameter in prior.parameters()) == 34_849_536


def test_a_saved_prior_comes_back_bit_for_bit(inputs, tmp_path):
    prior = tiny_prior()
    prior.save_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    again = PriorTransformer.from_pretrained(tmp_path, use_safetensors=True)
    assert again.config.num_embeddings == TEXT
    assert torch.equal(again(**inputs), prior(**inputs))


def test_padded_positions_have_no_effect(inputs):
    prior = tiny_prior()
    changed = inputs["text_encoder_hidden_states"].clone()
    changed[~inputs["text_mask"]] = 1e3
    assert not torch.equal(changed, inputs["text_encoder_hidden_states"])
    assert torch.equal(prior(**{**inputs, "text_encoder_hidden_states": changed}), prior(**inputs))


@pytest.mark.parametrize("name", ["noise", "text_encoder_hidden_states", "prompt_embeds", "control_embeds"])
def test_every_input_has_an_effect(inputs, name):
    prior = tiny_prior()
    assert not torch.allclose(prior(**{**inputs, name: inputs[name] + 1}), prior(**inputs))


def test_each_row_is_the_same_whatever_its_batch(inputs):
    prior = tiny_prior()
    rows = [prior(**{name: tensor[row : row + 1] for name, tensor in inputs.items()}) for row in range(BATCH)]
    torch.testing.assert_close(prior(**inputs), torch.cat(rows), atol=1e-6, rtol=0)


def test_clip_mean_and_clip_std_are_kept_and_never_used_or_trained(inputs):
    prior = tiny_prior()
    before = prior(**inputs)
    prior.clip_mean.data += 1
    prior.clip_std.data += 1
    assert torch.equal(prior(**inputs), before)
    prior.train()(**inputs).sum().backward()
    without_gradient = {name for name, parameter in prior.named_parameters() if parameter.grad is None}
    assert without_gradient == {"clip_mean", "clip_std"}


def test_half_precision_stays_finite(inputs):
    prior = tiny_prior().to(torch.float16)
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    output = prior(**halves)
    assert output.dtype == torch.float16
    torch.testing.assert_close(output.float(), tiny_prior()(**inputs), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("setting", "value"), [("additional_embeddings", 3), ("added_emb_type", None), ("norm_in_type", "layer")]
)
def test_the_configuration_of_another_prior_is_refused(setting, value):
    with pytest.raises(InvalidSetting, match=rf"configuration has {setting} = {value!r}\. A λ prior has"):
        tiny_prior(**{setting: value})
