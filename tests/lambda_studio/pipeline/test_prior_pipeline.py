"""What diffusers expects of its pipelines, and what Kandinsky's pipelines draw from."""

import inspect
import warnings
from copy import deepcopy

import accelerate
import numpy as np
import pytest
import torch
from diffusers import (
    DDPMScheduler,
    KandinskyV22ControlnetPipeline,
    KandinskyV22Img2ImgPipeline,
    KandinskyV22InpaintPipeline,
    KandinskyV22Pipeline,
    KandinskyV22PriorPipeline,
    PriorTransformer,
    UnCLIPScheduler,
    UNet2DConditionModel,
    VQModel,
)
from diffusers.utils import logging
from PIL import Image

from lambda_studio import LambdaEclipsePriorPipeline
from lambda_studio.errors import InvalidSetting, PromptInvalid
from lambda_studio.generation.generator import (
    PictureRequest,
    condition_prompts,
    predict_image_embeds,
    predicted_embeds,
    prior_noise,
)
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.models.prior import PriorTransformer as LambdaPrior
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from lambda_studio.pictures.crops import cut_out, square_crop
from tests.conftest import MOVQ_CONFIG, UNET_CONFIG
from tests.lambda_studio.pipeline.tiny import hub_pipeline, photo, quiet
from tests.towers import save_towers

PROMPTS = ["a <rex> beside a <fido>", "a toy on a <fido:0.5>", "a cat"]
NOUNS = {"rex": "dog", "fido": "stuffed animal"}
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def subjects():
    return {"rex": [photo("red"), photo("blue", (70, 90))], "fido": torch.linspace(-1, 1, 32)}


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    return save_towers(tmp_path_factory.mktemp("towers"))


@pytest.fixture(scope="module")
def hub(towers, prior_folder):
    return hub_pipeline(towers, prior_folder)


@pytest.fixture(scope="module")
def of_stack(stack_file):
    return quiet(LambdaEclipsePriorPipeline.from_stack(str(stack_file)))


@pytest.fixture(params=["hub", "of_stack"])
def pipeline(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def towers_stack(tmp_path_factory, towers, prior_folder, decoder_folder):
    file = tmp_path_factory.mktemp("stack") / "towers.toml"
    file.write_text(
        f'clip = "local-dir:{towers.as_posix()}"\nprior = "{prior_folder.as_posix()}"\n'
        f'decoder = "{decoder_folder.as_posix()}"\n'
    )
    return Stack(resolve_stack(str(file)), device="cpu")


def seeded(*seeds):
    """One generator for each embedding."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def called(pipeline, subjects, prompt=PROMPTS, **given):
    count = (1 if isinstance(prompt, str) else len(prompt)) * given.get("num_images_per_prompt", 1)
    given = {"subjects": subjects, "nouns": NOUNS, "generator": seeded(*range(count)), **given}
    return pipeline(prompt, **given)


@pytest.mark.parametrize("kind", ["hub", "of_stack"])
def test_the_embeddings_are_those_of_a_stack_for_the_same_prompts_seeds_and_subjects(
    kind, request, subjects, towers_stack, stack_file
):
    stack = towers_stack if kind == "hub" else Stack(resolve_stack(str(stack_file)), device="cpu")
    clip = stack.clip()
    cut = [cut_out(image.convert("RGB"), image.getchannel("A"), 32) for image in subjects["rex"]]
    known = {"rex": clip.encode_images(cut).mean(0), "fido": subjects["fido"]}
    edges = Image.fromarray(np.eye(50, 70, dtype=np.uint8) * 255).convert("RGB")
    control, zero = clip.encode_images([square_crop(edges, 32)])[0], clip.zero_image_embeds()
    negative = bind(parse("snow"), {}, clip.tokenizer)
    requests = [
        PictureRequest(bind(parse(prompt), NOUNS, clip.tokenizer), seed, known, control, negative)
        for seed, prompt in enumerate(PROMPTS)
    ]
    conditioning = condition_prompts(clip, [negative] * 3, [{}] * 3, zero)
    noise = torch.cat([prior_noise(seed, 32) for seed in range(3)])
    pipeline = request.getfixturevalue(kind)
    if kind == "hub":  # as the processor of a real repository, whose numbers CLIP's folder gives to the stack
        pipeline.image_processor.image_mean, pipeline.image_processor.image_std = list(clip.mean), list(clip.std)
    found = called(pipeline, subjects, latents=noise, control_image=edges, negative_prompt="snow")
    torch.testing.assert_close(found.image_embeds, predicted_embeds(stack, requests, zero), **CLOSE)
    away = predict_image_embeds(stack.prior(), conditioning, [0, 1, 2])
    torch.testing.assert_close(found.negative_image_embeds, away, **CLOSE)
    without = called(pipeline, subjects, latents=noise)
    torch.testing.assert_close(without.negative_image_embeds, zero.expand(3, -1), **CLOSE)
    differences = (without.image_embeds - found.image_embeds).abs().amax(dim=1)
    assert (differences > 1e-3).all(), "the edge map changes every embedding"


def test_a_list_of_prompts_gives_what_each_prompt_gives(pipeline, subjects):
    together = called(pipeline, subjects, negative_prompt=["snow", "", "a dog"])
    negatives = ["snow", None, "a dog"]
    for number, prompt in enumerate(PROMPTS):
        alone = called(pipeline, subjects, prompt, generator=seeded(number), negative_prompt=negatives[number])
        torch.testing.assert_close(together.image_embeds[number], alone.image_embeds[0], **CLOSE)
        torch.testing.assert_close(together.negative_image_embeds[number], alone.negative_image_embeds[0], **CLOSE)


@pytest.mark.parametrize("prompts", [1, 2])
@pytest.mark.parametrize("many", [1, 3])
def test_several_images_of_a_prompt_follow_each_other_and_differ_by_their_noise(hub, subjects, prompts, many):
    found = called(hub, subjects, PROMPTS[:prompts], num_images_per_prompt=many, negative_prompt="snow")
    assert found.image_embeds.shape == found.negative_image_embeds.shape == (prompts * many, 32)
    for row in range(prompts * many):
        one = called(hub, subjects, PROMPTS[row // many], generator=seeded(row), negative_prompt="snow")
        torch.testing.assert_close(found.image_embeds[row], one.image_embeds[0], **CLOSE)
        torch.testing.assert_close(found.negative_image_embeds[row], one.negative_image_embeds[0], **CLOSE)
    assert len(found.image_embeds.unique(dim=0)) == prompts * many


def test_a_generator_makes_embeddings_repeatable_and_latents_replace_it(pipeline, subjects):
    first = called(pipeline, subjects, generator=torch.Generator().manual_seed(3)).image_embeds
    assert torch.equal(first, called(pipeline, subjects, generator=torch.Generator().manual_seed(3)).image_embeds)
    assert not torch.allclose(first, called(pipeline, subjects, generator=seeded(4, 5, 6)).image_embeds, atol=1e-3)
    noise = torch.randn(3, 32, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(first, called(pipeline, subjects, latents=noise, generator=None).image_embeds, **CLOSE)
    with pytest.raises(InvalidSetting, match=r"latents has the shape \(2, 32\).*Give \(3, 32\)"):
        called(pipeline, subjects, latents=noise[:2])


def test_a_dictionary_a_tuple_and_arrays_hold_the_same_numbers(pipeline, subjects):
    output = called(pipeline, subjects)
    assert list(output) == ["image_embeds", "negative_image_embeds"]
    for said, given in zip(output.values(), called(pipeline, subjects, return_dict=False), strict=True):
        assert torch.equal(said, given)
    for said, given in zip(output.values(), called(pipeline, subjects, output_type="np").values(), strict=True):
        assert isinstance(given, np.ndarray) and np.array_equal(said.numpy(), given)


def test_saved_and_loaded_it_gives_the_same_embeddings(pipeline, subjects, tmp_path):
    before = called(pipeline, subjects, negative_prompt="snow")
    pipeline.save_pretrained(tmp_path)
    loaded = quiet(LambdaEclipsePriorPipeline.from_pretrained(tmp_path))
    assert loaded.components.keys() == pipeline.components.keys()
    for name in ("prior", "text_encoder", "image_encoder"):
        old, new = (getattr(each, name).state_dict() for each in (pipeline, loaded))
        assert old.keys() == new.keys() and all(torch.equal(old[key], new[key]) for key in old), name
        assert not getattr(loaded, name).training
    after = called(loaded, subjects, negative_prompt="snow")
    torch.testing.assert_close(before.image_embeds, after.image_embeds, **CLOSE)
    torch.testing.assert_close(before.negative_image_embeds, after.negative_image_embeds, **CLOSE)


def test_a_stacks_networks_are_saved_under_the_names_that_later_versions_must_load(of_stack, tmp_path):
    of_stack.save_pretrained(tmp_path)
    assert of_stack.config["prior"] == ("lambda_studio.models.prior", "PriorTransformer")
    assert of_stack.config["text_encoder"] == ("lambda_studio.models.clip.encoders", "OpenClipTextEncoder")
    assert of_stack.config["image_encoder"] == ("lambda_studio.models.clip.encoders", "OpenClipImageEncoder")
    assert of_stack.config["tokenizer"] == ("transformers", "CLIPTokenizer")
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.safetensors")}
    assert files == {
        f"{part}/diffusion_pytorch_model.safetensors" for part in ("prior", "text_encoder", "image_encoder")
    }


def test_the_prior_takes_the_place_of_kandinskys_in_its_repository(hub, prior_folder, subjects, tmp_path):
    theirs = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=32, num_embeddings=24
    )
    parts = {name: part for name, part in hub.components.items() if name != "prior"}
    KandinskyV22PriorPipeline(prior=theirs, scheduler=UnCLIPScheduler(), **parts).save_pretrained(tmp_path)
    prior = LambdaPrior.from_pretrained(prior_folder)
    loaded = quiet(LambdaEclipsePriorPipeline.from_pretrained(tmp_path, prior=prior))
    assert loaded.prior is prior and loaded.components.keys() == hub.components.keys()
    torch.testing.assert_close(called(loaded, subjects).image_embeds, called(hub, subjects).image_embeds, **CLOSE)


def test_it_loads_and_runs_in_half_precision(pipeline, subjects, tmp_path):
    pipeline.save_pretrained(tmp_path)
    with warnings.catch_warnings():  # newer versions of diffusers call the argument dtype, and warn of this spelling
        warnings.simplefilter("ignore", FutureWarning)
        half = quiet(LambdaEclipsePriorPipeline.from_pretrained(tmp_path, torch_dtype=torch.float16))
    networks = (half.prior, half.text_encoder, half.image_encoder)
    assert {each.dtype for each in networks} == {half.dtype} == {torch.float16}
    full, found = called(pipeline, subjects), called(half, subjects)
    assert found.image_embeds.dtype == found.negative_image_embeds.dtype == torch.float16
    scale = full.image_embeds.abs().max()
    assert (found.image_embeds - full.image_embeds).abs().max() < 0.02 * scale
    half.to(torch.float32)
    assert {each.dtype for each in networks} == {torch.float32}
    assert called(half, subjects).image_embeds.dtype == torch.float32


def test_half_precision_arrays_are_those_of_numpy(stack_file, subjects):
    half = quiet(LambdaEclipsePriorPipeline.from_stack(str(stack_file), dtype=torch.bfloat16))
    assert half.prior.dtype == half.text_encoder.dtype == half.image_encoder.dtype == torch.bfloat16
    assert called(half, subjects, output_type="np").image_embeds.dtype == np.float32


def test_all_networks_are_moved_and_offloaded_in_the_order_of_their_use(pipeline):
    assert pipeline.model_cpu_offload_seq.split("->") == ["text_encoder", "image_encoder", "prior"]
    networks = {name for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    assert networks == set(pipeline.model_cpu_offload_seq.split("->"))
    assert pipeline.device == pipeline._execution_device == torch.device("cpu")


def offloaded_as_models(pipeline):
    pipeline.enable_model_cpu_offload(device="cpu")


def offloaded_in_sequence(pipeline):
    """As enable_sequential_cpu_offload does it; that itself refuses a CPU in the GPU's place."""
    for name in {"text_encoder", "image_encoder", "prior"} - set(pipeline._exclude_from_cpu_offload):
        accelerate.cpu_offload(getattr(pipeline, name), torch.device("cpu"))
    assert pipeline.prior.device == torch.device("meta") and pipeline._execution_device == torch.device("cpu")


@pytest.mark.parametrize("offload", [offloaded_as_models, offloaded_in_sequence])
def test_weights_that_wait_elsewhere_are_brought_when_they_are_used(pipeline, subjects, offload):
    """Here the CPU is in the GPU's place. Weights that are offloaded in sequence have no values but in their turn."""
    expected = called(pipeline, subjects, negative_prompt="snow")
    parts = {name: deepcopy(part) for name, part in pipeline.components.items()}
    offloaded = quiet(LambdaEclipsePriorPipeline(**parts))
    offload(offloaded)
    for _ in range(2):
        found = called(offloaded, subjects, negative_prompt="snow")
        torch.testing.assert_close(found.image_embeds, expected.image_embeds, **CLOSE)
        torch.testing.assert_close(found.negative_image_embeds, expected.negative_image_embeds, **CLOSE)


def test_the_callback_sees_the_tensors_and_may_replace_the_prediction(pipeline, subjects):
    seen = []

    def on_step_end(whose, step, timestep, tensors):
        seen.append((whose is pipeline, step, timestep, {name: value.shape[0] for name, value in tensors.items()}))
        return {"latents": torch.zeros_like(tensors["latents"])}

    names = list(pipeline._callback_tensor_inputs)
    found = called(
        pipeline, subjects, callback_on_step_end=on_step_end, callback_on_step_end_tensor_inputs=names,
        num_images_per_prompt=2,
    )  # fmt: skip
    assert seen == [(True, 0, 0, dict.fromkeys(names, 6))] and pipeline.num_timesteps == 1
    assert not found.image_embeds.any() and found.negative_image_embeds.any()
    unchanged = called(pipeline, subjects, callback_on_step_end=lambda *given: None).image_embeds
    assert torch.equal(unchanged, called(pipeline, subjects).image_embeds)
    with pytest.raises(InvalidSetting, match="callback_on_step_end_tensor_inputs has timesteps"):
        called(pipeline, subjects, callback_on_step_end_tensor_inputs=["timesteps"])


def test_the_progress_bar_can_be_switched_off(hub, subjects, capsys):
    called(hub, subjects)
    assert capsys.readouterr().err == ""
    hub.set_progress_bar_config(disable=False)
    try:
        called(hub, subjects)
    finally:
        quiet(hub)
    assert "1/1" in capsys.readouterr().err


def test_arguments_of_kandinskys_prior_stand_in_its_order():
    ours, theirs = (
        [*inspect.signature(kind.__call__).parameters]
        for kind in (LambdaEclipsePriorPipeline, KandinskyV22PriorPipeline)
    )
    of_steps = ("num_inference_steps", "guidance_scale")  # one pass has no steps and no guidance
    assert ours[: ours.index("subjects")] == [name for name in theirs if name not in of_steps]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompt": []}, "prompt is an empty list"),
        ({"num_images_per_prompt": 0}, "num_images_per_prompt is 0"),
        ({"output_type": "pil"}, "output_type is 'pil'.*Give pt or np"),
        ({"references": "each"}, "references is 'each'.*Give mean or nearest"),
        ({"negative_prompt": ["a", "b"]}, "3 prompts and 2 negative prompts"),
        ({"control_image": torch.zeros(2, 32)}, "3 prompts and 2 control images"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(hub, subjects, given, said):
    with pytest.raises(InvalidSetting, match=said):
        called(hub, subjects, **{"generator": None, **given})


def test_words_after_clips_limit_are_cut_with_a_warning_but_no_subject_is(hub, subjects):
    said: list[str] = []
    log = logging.get_logger("lambda_studio.pipeline.prior_pipeline")
    log.addFilter(lambda record: bool(said.append(record.getMessage())))
    try:
        long = called(hub, subjects, "a <rex>" + " on a toy" * 10)
    finally:
        log.filters.clear()
    assert len(said) == 1 and said[0].startswith("The prompt has 34 tokens, but CLIP reads 24: it would ignore “toy")
    short = called(hub, subjects, "a <rex>" + " on a toy" * 6 + " on a")
    assert torch.equal(long.image_embeds, short.image_embeds)
    with pytest.raises(PromptInvalid, match="but CLIP reads 24"):
        called(hub, subjects, "on a toy " * 10 + "a <rex>")


def test_one_control_serves_all_prompts_and_its_embedding_stands_for_it(hub, subjects):
    maps = [Image.fromarray(np.eye(40, k=shift, dtype=np.uint8) * 255) for shift in range(3)]
    each = called(hub, subjects, control_image=maps).image_embeds
    for number, one in enumerate(maps):
        torch.testing.assert_close(called(hub, subjects, control_image=one).image_embeds[number], each[number], **CLOSE)
    embeds = torch.arange(32) / 32
    by_row = called(hub, subjects, control_image=embeds.expand(3, -1)).image_embeds
    torch.testing.assert_close(called(hub, subjects, control_image=embeds).image_embeds, by_row, **CLOSE)


def test_the_typical_reference_can_stand_for_all(hub, subjects):
    three = {"rex": torch.eye(32)[[0, 0, 5]]}

    def embeds(prompt, rex=three, **given):
        return called(hub, rex, prompt, nouns={"rex": "dog"}, **given).image_embeds

    nearest = embeds("a <rex>", references="nearest")
    torch.testing.assert_close(nearest, embeds("a <rex>", {"rex": three["rex"][0]}), **CLOSE)
    torch.testing.assert_close(nearest, embeds("a <rex#2>"), **CLOSE)
    assert not torch.allclose(nearest, embeds("a <rex>"), atol=1e-4)


def kandinsky(kind, **extra):
    torch.manual_seed(0)
    unet, movq = UNet2DConditionModel(**{**UNET_CONFIG, **extra}), VQModel(**MOVQ_CONFIG)
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, prediction_type="epsilon")
    return quiet(kind(unet=unet, scheduler=scheduler, movq=movq))


def pictures(count, size=32):
    """A batch of pictures, because not all pipelines repeat one picture for several embeddings."""
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).repeat(count, 1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "unet", "given"),
    [
        (KandinskyV22Pipeline, {}, lambda count: {}),
        (KandinskyV22Img2ImgPipeline, {}, lambda count: {"image": pictures(count), "strength": 0.7}),
        (
            KandinskyV22InpaintPipeline,
            {"in_channels": 9},
            lambda count: {"image": pictures(count), "mask_image": pictures(count)[:, :1].round()},
        ),
        (
            KandinskyV22ControlnetPipeline,
            {"in_channels": 8, "addition_embed_type": "image_hint"},
            lambda count: {"hint": pictures(count, size=64)},
        ),
    ],
)
@pytest.mark.parametrize(("prompts", "many"), [(1, 1), (2, 1), (2, 2)])
def test_kandinskys_pipelines_draw_what_it_predicts(hub, subjects, kind, unet, given, prompts, many):
    drawing, count = kandinsky(kind, **unet), prompts * many
    found = called(hub, subjects, PROMPTS[:prompts], num_images_per_prompt=many)

    def draw(**embeds):
        shape = {"height": 32, "width": 32, "num_inference_steps": 2, "output_type": "np"}
        return drawing(**embeds, **given(count), **shape, generator=seeded(*range(count))).images

    images = draw(**found)
    assert images.shape == (count, 32, 32, 3) and np.isfinite(images).all()
    for changed in ("image_embeds", "negative_image_embeds"):
        other = draw(**{**found, changed: found[changed] + 1})
        assert (np.abs(images - other).max(axis=(1, 2, 3)) > 1e-3).all(), f"each picture depends on its {changed}"
