"""Stacks whose decoder is of another family than Kandinsky 2.2: from the TOML file to the picture."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.generation import generator
from lambda_studio.generation.generator import PictureRequest, draw, draw_embeds
from lambda_studio.generation.inputs import PictureInputs
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.samplers import sample_batch
from lambda_studio.generation.template import parse
from lambda_studio.models.stacks.stack import Stack, from_toml
from tests.conftest import DIM
from tests.lambda_studio.models.decoders.unclip.small import save_karlo, save_stable_unclip

CONFIG = GenerateConfig(num_inference_steps=3, guidance_scale=3.0)
SIDES = {"stable-unclip": 64, "karlo": 32}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A decoder of each family, for the embeddings of the tiny stack's CLIP."""
    folder = tmp_path_factory.mktemp("models")
    return {"stable-unclip": save_stable_unclip(folder / "unclip", "h"), "karlo": save_karlo(folder / "karlo", DIM)}


@pytest.fixture
def stack_of(tmp_path, stack_file, decoder_folder, folders):
    """A stack of the tiny CLIP and prior, and a decoder."""

    def make(family: str, more: str = "", folder: Path | None = None) -> Stack:
        place = (folder or folders[family]).as_posix()
        text = stack_file.read_text().replace(decoder_folder.as_posix(), place)
        file = tmp_path / "tiny.toml"
        file.write_text(f'{text}family = "{family}"\n{more}')
        return Stack(from_toml(file), device="cpu")

    return make


def requests(stack: Stack, negative: str = "") -> list[PictureRequest]:
    prompt = bind(parse("a <rex>"), {"rex": "dog"}, stack.tokenizer)
    rex = torch.randn(DIM, generator=torch.Generator().manual_seed(1))
    away = bind(parse(negative), {}, stack.tokenizer) if negative else None
    return [PictureRequest(prompt, 5, {"rex": rex}), PictureRequest(prompt, 6, {"rex": rex}, negative=away)]


@pytest.mark.parametrize("family", SIDES)
def test_a_prompt_is_drawn_through_the_prior(stack_of, family):
    stack = stack_of(family)
    assert stack.resolution == stack.size_multiple * (SIDES[family] // stack.size_multiple) == SIDES[family]
    zero = stack.clip().zero_image_embeds()
    first, second = (each.pixels for each in draw(stack, requests(stack), zero, CONFIG))
    assert first.shape == (3, SIDES[family], SIDES[family]) and first.isfinite().all()
    assert (first - second).abs().max() > 0.01
    assert stack.decoder().fingerprints["unet"] == stack.fingerprints()["decoder"]


@pytest.mark.parametrize("family", SIDES)
def test_guidance_leads_away_from_the_familys_own_absence_of_a_picture(stack_of, family):
    stack = stack_of(family)
    decoder, embeds = stack.decoder(), torch.randn(1, DIM, generator=torch.Generator().manual_seed(2))
    zero = torch.ones(DIM)
    ours = draw_embeds(decoder, embeds, zero, [7], CONFIG)[0].pixels
    assert torch.equal(ours, draw_embeds(decoder, embeds, 5 * zero, [7], CONFIG)[0].pixels), "CLIP's is not used"


@pytest.mark.parametrize("family", SIDES)
def test_one_batch_may_have_pictures_with_and_without_a_negative_prompt(stack_of, family, monkeypatch):
    stack, seen = stack_of(family), []

    def watched(decoder, batch, *rest):
        seen.append(batch.negative_image_embeds)
        return sample_batch(decoder, batch, *rest)

    monkeypatch.setattr(generator, "sample_batch", watched)
    nothing = stack.decoder().no_picture(torch.ones(DIM))
    plain, mixed = (draw(stack, requests(stack, words), torch.ones(DIM), CONFIG) for words in ("", "a cat"))
    assert torch.equal(seen[0], nothing) and torch.equal(seen[1][0], nothing)
    assert (seen[1][1] - nothing).abs().max() > 0.01
    torch.testing.assert_close(mixed[0].pixels, plain[0].pixels, rtol=0, atol=1e-4)
    assert (mixed[1].pixels - plain[1].pixels).abs().max() > 1e-3


@pytest.mark.parametrize("family", SIDES)
def test_a_decoder_for_other_embeddings_is_refused_when_it_is_loaded(stack_of, tmp_path, family):
    folder = tmp_path / "narrow"
    _ = save_karlo(folder) if family == "karlo" else save_stable_unclip(folder, "l")
    stack = stack_of(family, folder=folder)
    with pytest.raises(ModelFilesInvalid) as error:
        stack.decoder()
    assert error.value.cause == "The stack tiny has a CLIP with 32 dimensions and a decoder for 24."
    assert error.value.remedy == "Give a decoder that was trained on this CLIP."


@pytest.mark.parametrize(
    ("family", "given", "said"),
    [
        ("stable-unclip", "kandinsky-2.2", "no vae/config.json"),
        ("karlo", "stable-unclip", "no decoder/config.json"),
        ("kandinsky-2.2", "stable-unclip", "no movq/config.json"),
    ],
)
def test_a_decoder_of_another_family_is_refused_by_what_it_lacks(
    stack_of, folders, decoder_folder, family, given, said
):
    folder = decoder_folder if given == "kandinsky-2.2" else folders[given]
    with pytest.raises(ModelFilesMissing) as error:
        stack_of(family, folder=folder).decoder()
    assert said in error.value.cause


def test_an_ordinary_stable_diffusion_is_said_to_be_one(stack_of, folders, tmp_path):
    folder = shutil.copytree(folders["stable-unclip"], tmp_path / "copy")
    file = folder / "unet/config.json"
    config = json.loads(file.read_text())
    for key in ("class_embed_type", "projection_class_embeddings_input_dim"):
        del config[key]
    file.write_text(json.dumps(config))
    with pytest.raises(ModelFilesInvalid, match=r"is the configuration of a Stable Diffusion, which draws texts"):
        stack_of("stable-unclip", folder=folder).decoder()


def test_the_steps_of_karlos_enlarging_are_the_stacks(stack_of):
    assert stack_of("karlo", "decoder_settings = { super_res_steps = 3 }\n").decoder().settings == {
        "super_res_steps": 3
    }
    assert stack_of("karlo").decoder().settings == {}
    with pytest.raises(InvalidSetting, match=r"The stack's super_res_steps is 1\. Give a whole number from 2 to 999\."):
        stack_of("karlo", "decoder_settings = { super_res_steps = 1 }\n")


def test_the_noise_level_is_the_stacks(stack_of):
    stack, plain = stack_of("stable-unclip", "[decoder_settings]\nnoise_level = 30\n"), stack_of("stable-unclip")
    assert stack.decoder().settings == {"noise_level": 30} and plain.decoder().settings == {}
    assert stack.decoder().without("unet").joined(stack.decoder()).settings == {"noise_level": 30}
    with pytest.raises(InvalidSetting, match=r"The stack's noise_level is 1000\. Give a whole number from 0 to 999\."):
        stack_of("stable-unclip", "[decoder_settings]\nnoise_level = 1000\n")


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("family", SIDES)
def test_a_photograph_is_drawn_over_by_every_family(stack_of, family, sampler):
    stack, side = stack_of(family), SIDES[family]
    image, mask = torch.rand(3, side, side, generator=torch.Generator().manual_seed(3)), torch.zeros(side, side)
    mask[: side // 2] = 1
    asked = [replace(each, inputs=PictureInputs(image, mask)) for each in requests(stack)]
    config = replace(CONFIG, strength=0.7, sampler=sampler)
    for picture in draw(stack, asked, stack.clip().zero_image_embeds(), config):
        changed = (picture.pixels - image).abs().amax(0) > 1e-4
        assert not changed[side // 2 :].any() and changed[: side // 2].float().mean() > 0.9
