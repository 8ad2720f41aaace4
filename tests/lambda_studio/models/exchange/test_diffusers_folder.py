"""Adapters as folders that diffusers loads, with no argument that is about them and without a warning."""

import logging
import resource
import signal
import subprocess
import sys

import pytest
import torch
from diffusers import KandinskyV22Pipeline, UNet2DConditionModel
from peft import PeftModel
from safetensors.torch import load_file

from concepts.durable import file_sha256
from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.models.adapters.adapter import ScaledFile, adapted, save_adapter
from lambda_studio.models.adapters.information import AdapterInfo, read_header
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters
from lambda_studio.models.adapters.lora.shape import TARGETS, LoraShape
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.exchange.diffusers_folder import write_folder
from lambda_studio.models.exchange.foreign_lora import find_lora, read_lora
from lambda_studio.models.files.weights import tensor_shapes
from tests.lambda_studio.models.adapters.lora.shapes import SHAPES, metadata
from tests.lambda_studio.models.exchange.loras import predict

PLAIN = LoraShape(4)
CONCEPTS = ({"name": "secret-dog", "library": "default", "version": 1, "manifest": "ab" * 32},)


@pytest.fixture
def make(decoder_folder, tmp_path):
    """Train an adapter of a method by hand, and give its file and what the UNet predicts with it."""

    def made(method, shape=PLAIN):
        decoder = load_decoder(decoder_folder)
        unet = decoder.unet
        if method == "lora":
            add_lora(unet, shape)
        with torch.no_grad():
            for parameter in lora_parameters(unet) if method == "lora" else unet.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
        info = AdapterInfo(method, 4, "tiny", decoder.fingerprints["unet"], CONCEPTS, {"steps": 3}, **metadata(shape))
        save_adapter(unet, info, tmp_path / "ours.safetensors")
        with adapted(load_decoder(decoder_folder), tmp_path / "ours.safetensors") as drawing:
            return tmp_path / "ours.safetensors", predict(drawing.unet)

    return made


@pytest.fixture
def warnings_of_diffusers(monkeypatch):
    heard = []
    handler = logging.Handler(logging.WARNING)
    monkeypatch.setattr(handler, "emit", heard.append)
    for name in ("diffusers", "peft"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    return heard


def test_a_lora_loads_into_diffusers_pipeline_with_its_folder_alone(
    make, decoder_folder, tmp_path, warnings_of_diffusers
):
    file, expected = make("lora")
    said = write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    assert said == f'pipeline.unet.load_lora_adapter("{tmp_path / "out"}", use_safetensors=True)'
    pipeline = KandinskyV22Pipeline.from_pretrained(decoder_folder)
    before = predict(pipeline.unet)
    eval(said, {"pipeline": pipeline})
    torch.testing.assert_close(predict(pipeline.unet), expected, rtol=0, atol=1e-5)
    assert not torch.allclose(before, expected, atol=1e-3)
    config = pipeline.unet.peft_config["default_0"]
    assert (config.r, config.lora_alpha, config.rank_pattern) == (4, 4, {}), "from the metadata, not guessed"
    assert warnings_of_diffusers == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lora_of_any_shape_draws_the_same_in_diffusers_and_comes_in_again(
    make, decoder_folder, tmp_path, warnings_of_diffusers, shape
):
    file, expected = make("lora", shape)
    write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    unet = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    before = predict(unet)
    unet.load_lora_adapter(tmp_path / "out", use_safetensors=True)
    torch.testing.assert_close(predict(unet), expected, rtol=0, atol=2e-4)
    assert not torch.allclose(before, expected, atol=1e-3)
    config = unet.peft_config["default_0"]
    assert (config.lora_alpha, config.use_dora, config.use_rslora) == (shape.alpha, shape.use_dora, shape.use_rslora)
    of_kandinsky = {target for target in TARGETS[shape.targets] if not target.startswith("class_embedding.")}
    assert set(config.target_modules) == of_kandinsky
    assert warnings_of_diffusers == []
    shapes = tensor_shapes(decoder_folder / "unet/diffusion_pytorch_model.safetensors")
    again = read_lora(find_lora(tmp_path / "out"), shapes)
    assert (again.use_dora, again.rank) == (shape.use_dora, 4)
    assert again.tensors.keys() == load_file(file).keys()


def test_the_file_alone_needs_no_argument_at_all(make, decoder_folder, tmp_path, warnings_of_diffusers):
    file, expected = make("lora")
    write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    unet = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    unet.load_lora_adapter(tmp_path / "out/pytorch_lora_weights.safetensors")
    torch.testing.assert_close(predict(unet), expected, rtol=0, atol=1e-5)
    assert warnings_of_diffusers == []


def test_a_full_unet_loads_with_its_folder_alone(make, decoder_folder, tmp_path, warnings_of_diffusers):
    file, expected = make("full")
    said = write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    assert said.startswith("unet = UNet2DConditionModel.from_pretrained(")
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(predict(unet), expected, rtol=0, atol=1e-6)
    assert warnings_of_diffusers == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lora_draws_the_same_in_peft_alone_and_comes_in_again(
    make, decoder_folder, tmp_path, warnings_of_diffusers, shape
):
    file, expected = make("lora", shape)
    said = write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out", "peft")
    assert said == f'unet = PeftModel.from_pretrained(unet, "{tmp_path / "out"}")'
    names = {"unet": UNet2DConditionModel.from_pretrained(decoder_folder / "unet"), "PeftModel": PeftModel}
    exec(said, names)
    torch.testing.assert_close(predict(names["unet"]), expected, rtol=0, atol=2e-4)
    assert warnings_of_diffusers == []
    shapes = tensor_shapes(decoder_folder / "unet/diffusion_pytorch_model.safetensors")
    again = read_lora(find_lora(tmp_path / "out"), shapes)
    assert (again.use_dora, again.rank) == (shape.use_dora, 4)


def test_a_full_unet_has_no_form_for_peft(make, decoder_folder, tmp_path):
    file, _ = make("full")
    with pytest.raises(InvalidSetting, match="The adapter is a full UNet, and peft loads LoRAs"):
        write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out", "peft")
    assert not (tmp_path / "out").exists()


DRAWING = """
import sys
for name in ("lambda_studio", "concepts", "cli", "migrations"):
    sys.modules[name] = None  # an import of it fails
import torch
from diffusers import KandinskyV22Pipeline, UNet2DConditionModel
from peft import PeftModel
pipeline = KandinskyV22Pipeline.from_pretrained({decoder!r})
pipeline.set_progress_bar_config(disable=True)
unet = pipeline.unet
{load}
pipeline.unet = unet
embeds = torch.randn(1, 32, generator=torch.Generator().manual_seed(1))
noise = torch.Generator().manual_seed(2)
drawn = pipeline(embeds, 0 * embeds, height=64, width=64, num_inference_steps=3, generator=noise, output_type="np")
torch.save(torch.from_numpy(drawn.images), {out!r})
"""


@pytest.mark.slow  # three starts of Python with diffusers
@pytest.mark.parametrize(("method", "layout"), [("lora", "diffusers"), ("lora", "peft"), ("full", "diffusers")])
def test_a_process_without_our_packages_draws_our_picture(make, decoder_folder, tmp_path, method, layout):
    file, _ = make(method, LoraShape(4, 8.0, 0.0, True, True, "attention-and-convolutions"))
    load = write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out", layout)
    code = DRAWING.format(decoder=str(decoder_folder), load=load, out=str(tmp_path / "theirs.pt"))
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    theirs = torch.load(tmp_path / "theirs.pt", weights_only=True)

    def ours(*adapters):
        decoder = load_decoder(decoder_folder)
        pipeline = KandinskyV22Pipeline.from_pretrained(decoder_folder, unet=decoder.unet)
        pipeline.set_progress_bar_config(disable=True)
        embeds, noise = (torch.Generator().manual_seed(seed) for seed in (1, 2))
        embeds = torch.randn(1, 32, generator=embeds)
        size = {"height": 64, "width": 64, "num_inference_steps": 3}
        with adapted(decoder, [ScaledFile(each) for each in adapters]):
            drawn = pipeline(embeds, 0 * embeds, generator=noise, output_type="np", **size)
        return torch.from_numpy(drawn.images)

    torch.testing.assert_close(theirs, ours(file), rtol=0, atol=1e-3)
    assert (theirs - ours()).abs().max() > 0.01


def test_the_files_say_what_they_are_in_the_words_of_modelspec(make, decoder_folder, tmp_path):
    for method, layout, name, architecture in (
        ("lora", "diffusers", "pytorch_lora_weights", "tiny/lora"),
        ("lora", "peft", "adapter_model", "tiny/lora"),
        ("full", "diffusers", "diffusion_pytorch_model", "tiny"),
    ):
        folder = tmp_path / f"{method} {layout}"
        write_folder(make(method)[0], decoder_folder / "unet/config.json", folder, layout)
        said = read_header(folder / f"{name}.safetensors")["__metadata__"]
        assert (said["modelspec.architecture"], said["modelspec.sai_model_spec"]) == (architecture, "1.0.1")
        assert list(said) == sorted(said) and "lambda_studio" not in said


@pytest.mark.parametrize("method", ["lora", "full"])
def test_no_name_of_a_concept_leaves_with_it(make, decoder_folder, tmp_path, method):
    file, _ = make(method)
    assert b"secret-dog" in file.read_bytes()
    write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"secret-dog" not in path.read_bytes()


def test_the_same_adapter_gives_the_same_bytes(make, decoder_folder, tmp_path):
    file, _ = make("lora")
    for name in ("one", "two"):
        write_folder(file, decoder_folder / "unet/config.json", tmp_path / name)
    one, two = (file_sha256(tmp_path / name / "pytorch_lora_weights.safetensors") for name in ("one", "two"))
    assert one == two


def test_what_went_out_comes_in_again_unchanged(make, decoder_folder, tmp_path):
    file, _ = make("lora")
    write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    shapes = tensor_shapes(decoder_folder / "unet/diffusion_pytorch_model.safetensors")
    again = read_lora(find_lora(tmp_path / "out"), shapes)
    ours = load_file(file)
    assert again.rank == 4 and again.tensors.keys() == ours.keys()
    assert all(torch.equal(again.tensors[key], ours[key]) for key in ours)
    assert "__metadata__" in read_header(tmp_path / "out/pytorch_lora_weights.safetensors")


def test_a_file_that_is_too_large_for_the_disk_is_told_as_such(make, decoder_folder, tmp_path):
    file, _ = make("lora")
    limit, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, heard)
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(make, decoder_folder, tmp_path):
    file, _ = make("lora")
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputExists, match="out is there already"):
        write_folder(file, decoder_folder / "unet/config.json", tmp_path / "out")
