"""The Kandinsky path from end to end, on tiny models in the hub's layout."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from diffusers import KandinskyV22Pipeline

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.conditioning import condition
from lambda_studio.generation.generator import (
    Picture,
    PictureRequest,
    condition_prompts,
    draw,
    embeds_from_noise,
    predict_image_embeds,
    prior_noise,
    prior_seed,
)
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import sample
from lambda_studio.generation.template import parse
from lambda_studio.models.adapters.adapter import save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters
from lambda_studio.models.adapters.lora.shape import LoraShape
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.stacks.stack import Stack, resolve_stack

CONFIG = GenerateConfig(num_inference_steps=4, guidance_scale=3.0, batch_size=2)


@pytest.fixture(scope="module")
def stack(stack_file):
    return Stack(resolve_stack(str(stack_file)), device="cpu")


@pytest.fixture(scope="module")
def zero(stack):
    return stack.clip().zero_image_embeds()


@pytest.fixture(scope="module")
def rex():
    return torch.randn(32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def fedora():
    return torch.randn(32, generator=torch.Generator().manual_seed(2))


def bound(stack, template):
    return bind(parse(template), {"rex": "dog", "fedora": "hat"}, stack.clip().tokenizer)


@pytest.fixture(scope="module")
def three(stack, rex, fedora):
    return [
        PictureRequest(bound(stack, "a <rex> in a <fedora>"), 5, {"rex": rex, "fedora": fedora}),
        PictureRequest(bound(stack, "a <rex>"), 6, {"rex": rex}),
        PictureRequest(bound(stack, "a cat on a toy"), 7),
    ]


@torch.no_grad()
def test_a_picture_is_text_prior_and_diffusers_own_pipeline_in_a_row(stack, zero, rex, fedora):
    prompt = bound(stack, "a <rex> in a <fedora>")
    picture = draw(stack, [PictureRequest(prompt, 5, {"rex": rex, "fedora": fedora})], zero, CONFIG)[0]

    text = stack.clip().encode_text(torch.tensor([prompt.token_ids]))
    states = text.hidden_states.clone()
    assert [(span.start, span.end) for span in prompt.spans] == [(2, 3), (6, 7)]  # a dog i n a hat
    states[0, 2], states[0, 6] = rex, fedora
    noise = torch.randn(1, 32, generator=torch.Generator().manual_seed(prior_seed(5)))
    image_embeds = stack.prior()(noise, states, text.pooled, zero[None], text.mask)
    decoder = stack.decoder()
    pipeline = KandinskyV22Pipeline(unet=decoder.unet, movq=decoder.movq, scheduler=decoder.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        image_embeds=image_embeds,
        negative_image_embeds=zero[None],
        height=32,
        width=32,
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(5),
        output_type="pt",
    ).images
    torch.testing.assert_close(picture.pixels, (expected[0] / 2 + 0.5).clamp(0, 1), rtol=0, atol=1e-4)
    assert picture.seed == 5
    assert picture.pixels.shape == (3, 32, 32)


def test_batches_change_no_picture(stack_file, three):
    stack = Stack(resolve_stack(str(stack_file)), device="cpu", dtype=torch.float64)  # rounding aside
    zero = stack.clip().zero_image_embeds()
    in_twos = draw(stack, three, zero, CONFIG)
    alone = [draw(stack, [request], zero, CONFIG)[0] for request in three]
    assert [picture.seed for picture in in_twos] == [5, 6, 7]
    for together, single in zip(in_twos, alone, strict=True):
        torch.testing.assert_close(together.pixels, single.pixels, rtol=0, atol=1e-4)
    assert not torch.allclose(in_twos[0].pixels, in_twos[1].pixels, atol=1e-2)


def test_the_subject_the_seed_and_the_control_each_change_the_picture(stack, zero, rex, fedora):
    asked = PictureRequest(bound(stack, "a <rex>"), 5, {"rex": rex})
    plain = draw(stack, [asked], zero, CONFIG)[0].pixels
    others = [
        draw(stack, [replace(asked, subjects={"rex": fedora})], zero, CONFIG),
        draw(stack, [replace(asked, seed=6)], zero, CONFIG),
        draw(stack, [replace(asked, control_embeds=fedora)], zero, CONFIG),
    ]
    assert torch.equal(draw(stack, [asked], zero, CONFIG)[0].pixels, plain)
    for other in others:
        assert not torch.allclose(other[0].pixels, plain, atol=1e-3)


def test_a_repeated_prompt_goes_through_the_text_tower_once(stack, zero, rex, fedora):
    clip = stack.clip()
    prompts = [bound(stack, "a <rex>"), bound(stack, "a cat"), bound(stack, "a <rex>")]
    subjects = [{"rex": rex}, {}, {"rex": fedora}]
    rows = []
    hook = clip.model.ln_final.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    conditioning = condition_prompts(clip, prompts, subjects, zero)
    hook.remove()
    assert rows == [2]
    text = clip.encode_text(torch.tensor([prompt.token_ids for prompt in prompts]))
    expected = condition(text, prompts, subjects, zero)
    torch.testing.assert_close(conditioning.text_encoder_hidden_states, expected.text_encoder_hidden_states)
    torch.testing.assert_close(conditioning.prompt_embeds, expected.prompt_embeds)
    assert torch.equal(conditioning.text_mask, expected.text_mask)


def test_the_priors_noise_is_each_pictures_own_and_not_the_latents(stack, zero, rex):
    prompts = [bound(stack, "a <rex>")] * 2
    conditioning = condition_prompts(stack.clip(), prompts, [{"rex": rex}] * 2, zero)
    together = predict_image_embeds(stack.prior(), conditioning, [5, 6])
    again = predict_image_embeds(stack.prior(), conditioning, [9, 6])
    torch.testing.assert_close(together[1], again[1], rtol=0, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-3)
    assert len({prior_seed(seed) for seed in range(100)} - set(range(100))) == 100


def test_noise_that_is_given_is_used_and_a_half_precision_prior_answers_in_float32(stack, zero, rex):
    conditioning = condition_prompts(stack.clip(), [bound(stack, "a <rex>")] * 2, [{"rex": rex}] * 2, zero)
    noise, prior, cpu = torch.cat([prior_noise(seed, 32) for seed in (5, 6)]), stack.prior(), torch.device("cpu")
    expected = predict_image_embeds(prior, conditioning, [5, 6])
    assert torch.equal(embeds_from_noise(prior, conditioning, noise, cpu), expected)
    half = embeds_from_noise(deepcopy(prior).half(), conditioning, noise, cpu)
    assert half.dtype == torch.float32
    assert 0 < (half - expected).abs().max() < 0.02 * expected.abs().max()


def test_the_prior_is_computed_in_float32_where_a_gpu_has_tf32(stack, zero, rex):
    conditioning = condition_prompts(stack.clip(), [bound(stack, "a <rex>")], [{"rex": rex}], zero)
    seen, prior = [], stack.prior()
    hook = prior.register_forward_hook(lambda *_: seen.append(torch.get_float32_matmul_precision()))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        predict_image_embeds(prior, conditioning, [5])
        assert (seen, torch.get_float32_matmul_precision()) == (["highest"], "high")
    finally:
        torch.set_float32_matmul_precision(before)
        hook.remove()


def test_an_adapter_changes_the_picture_and_is_gone_afterwards(stack, zero, rex, decoder_folder, tmp_path):
    trained = load_decoder(decoder_folder).unet
    add_lora(trained, LoraShape(4))
    with torch.no_grad():
        for parameter in lora_parameters(trained):
            parameter += 0.3
    info = AdapterInfo("lora", 4, "tiny", stack.fingerprints()["decoder"], ({"name": "rex"},), {})
    save_adapter(trained, info, tmp_path / "rex.safetensors")
    arguments = (stack, [PictureRequest(bound(stack, "a <rex>"), 5, {"rex": rex})], zero, CONFIG)
    before = draw(*arguments)[0].pixels
    tuned = draw(*arguments, adapter=tmp_path / "rex.safetensors")[0].pixels
    assert not torch.allclose(tuned, before, atol=1e-3)
    assert torch.equal(draw(*arguments)[0].pixels, before)


def test_progress_is_heard_over_all_pictures(stack, zero, three):
    heard = []
    config = replace(CONFIG, resolution=32)
    draw(stack, three, zero, config, on_step=lambda done, total: heard.append((done, total)))
    assert heard == [(step, 8) for step in range(1, 9)]  # two batches of four steps


@pytest.mark.usefixtures("nothing_loaded")
def test_generating_needs_no_vision_tower(stack_file, zero, rex):
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    prompt = bind(parse("a <rex>"), {"rex": "dog"}, stack.tokenizer)
    assert len(draw(stack, [PictureRequest(prompt, 5, {"rex": rex})], zero, CONFIG)) == 1
    assert stack.clip(("text",)).towers == {"text"}


@pytest.mark.usefixtures("nothing_loaded")
def test_nothing_asked_for_loads_nothing(stack_file, zero):
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    assert draw(stack, [], zero, CONFIG) == []
    assert not stack.loaded


def test_of_two_drawings_on_a_small_gpu_no_part_is_there_that_is_not_used(stack_file, monkeypatch):
    spec = replace(resolve_stack(str(stack_file)), variant="unshared")  # the other tests' models are not this stack's
    stack = Stack(spec, device="cpu")
    prompt = bind(parse("a dog"), {}, stack.tokenizer)
    there: list[str] = []
    used: list[list[str]] = []

    def watch(part: str) -> None:
        load = getattr(stack, part)

        def watched(*args):
            there.append(part)
            used.append(sorted(there))
            return load(*args)

        monkeypatch.setattr(stack, part, watched)

    for part in ("clip", "prior", "decoder"):
        watch(part)
    monkeypatch.setattr(stack, "set_aside", lambda part: there.remove(part) if part in there else None)
    config = GenerateConfig(num_inference_steps=1)
    kept = draw(stack, [PictureRequest(prompt, 1)], torch.zeros(32), config)
    assert used == [["clip"], ["clip", "prior"], ["clip", "decoder", "prior"]]
    there.clear(), used.clear()
    stack.frees_idle = True
    for _ in range(2):
        stack.text_states.kept.clear()  # else no text tower is needed
        freed = draw(stack, [PictureRequest(prompt, 1)], torch.zeros(32), config)
        assert torch.equal(kept[0].pixels, freed[0].pixels)
    assert used == [["clip"], ["clip", "prior"], ["decoder"]] * 2


def test_the_stacks_resolution_governs_drawing(stack_file):
    stack = Stack(replace(resolve_stack(str(stack_file)), resolution=64), device="cpu")
    prompt = bind(parse("a dog"), {}, stack.tokenizer)
    for asked, side in ((None, 64), (32, 32)):
        config = GenerateConfig(num_inference_steps=1, resolution=asked)
        assert draw(stack, [PictureRequest(prompt, 1)], torch.zeros(32), config)[0].pixels.shape == (3, side, side)


def test_pixels_are_rounded_and_kept_in_range() -> None:
    pixels = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, 100.4 / 255]).expand(3, 1, 6)
    image = Picture(pixels, 0).to_image()
    assert (image.mode, image.size) == ("RGB", (6, 1))
    assert [image.getpixel((x, 0))[0] for x in range(6)] == [0, 0, 128, 255, 255, 100]


def test_a_negative_prompt_goes_through_the_prior_and_each_picture_is_drawn_alike_alone(stack, three, zero):
    snow = bound(stack, "a hat")
    asked = [replace(three[0], negative=snow), three[1], replace(three[2], negative=snow)]
    pictures = [picture.pixels for picture in draw(stack, asked, zero, CONFIG)]
    plain = [picture.pixels for picture in draw(stack, three, zero, CONFIG)]
    alone = [draw(stack, [each], zero, CONFIG)[0].pixels for each in asked]
    for one, other in zip(pictures, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    changed = [not torch.allclose(one, without, atol=1e-3) for one, without in zip(pictures, plain, strict=True)]
    assert changed == [True, False, True]
    conditioning = condition_prompts(stack.clip(("text",)), [snow], [{}], zero)
    away = predict_image_embeds(stack.prior(), conditioning, [three[0].seed])
    towards = condition_prompts(stack.clip(("text",)), [three[0].prompt], [three[0].subjects], zero)
    embeds = predict_image_embeds(stack.prior(), towards, [three[0].seed])
    expected = sample(stack.decoder(), embeds, away, [three[0].seed], CONFIG)
    torch.testing.assert_close(pictures[0], expected[0], rtol=1e-3, atol=1e-3)
