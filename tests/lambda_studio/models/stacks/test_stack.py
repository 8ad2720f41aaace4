"""Stacks: what they are made of, what they load, and what they say where there is nothing to load."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel, VQModel
from huggingface_hub import constants

from lambda_studio.config import Size
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing, ModelFilesNotFetched
from lambda_studio.models.adapters.lora.shape import ATTENTION
from lambda_studio.models.clip import clip as clip_module
from lambda_studio.models.clip.clip import build_clip, load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder, released_scheduler
from lambda_studio.models.files import known_hashes, locating
from lambda_studio.models.files.known_hashes import KnownHashes
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory import hardware
from lambda_studio.models.memory.live_bytes import weight_bytes
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import BUILT_IN, Stack, StackSpec, from_toml

FACTS = Path(__file__).parents[5] / "shared" / "facts"


@pytest.fixture
def stack(stack_file):
    return Stack(from_toml(stack_file), device="cpu")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A hub's cache that holds nothing."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def facts(name):
    return json.loads((FACTS / "configs" / f"{name}.json").read_text())


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_full_size_unet_is_kandinskys():
    said = facts("kandinsky22_unet")
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(said["config"])
    assert count(unet) == 1_253_057_288
    shapes = {name: tuple(parameter.shape) for name, parameter in unet.named_parameters()}
    assert shapes["conv_in.weight"] == (384, 4, 3, 3)
    assert shapes["conv_out.weight"] == (8, 384, 3, 3)
    assert shapes["encoder_hid_proj.image_embeds.weight"] == (32 * 768, 1280)
    tuned = [name for name in shapes if name.endswith(tuple(f".{target}.weight" for target in ATTENTION))]
    assert len(tuned) == 6 * sum(name.endswith("add_k_proj.weight") for name in shapes) == 132


def test_the_full_size_movq_is_kandinskys():
    with torch.device("meta"):
        movq = VQModel.from_config(facts("kandinsky22_movq")["config"])
    assert count(movq) == facts("kandinsky22_movq")["parameters"] == 67_832_495


def test_the_full_size_prior_has_every_name_and_shape_of_the_published_class():
    said = json.loads((FACTS / "lambda_prior_keys.json").read_text())
    with torch.device("meta"):
        prior = PriorTransformer.from_config(facts("lambda_prior")["config"])
    assert {name: list(value.shape) for name, value in prior.state_dict().items()} == said["keys"]
    assert count(prior) == said["_about"]["parameters"] == 34_849_536


@pytest.mark.parametrize(("tower", "config"), [("text", "clip_bigg_text"), ("vision", "clip_bigg_vision")])
def test_each_tower_of_the_full_size_clip_has_the_published_size(tower, config):
    import open_clip

    spec, said = BUILT_IN["kandinsky-2.2"], facts(config)
    model = build_clip(open_clip.get_model_config(spec.clip), (tower,))
    logit_scale = 1
    assert count(model) - logit_scale == said["parameters"]
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    widths = {"text": "token_embedding.weight", "vision": "visual.class_embedding"}
    assert dict(model.named_parameters())[widths[tower]].shape[-1] == said["config"]["hidden_size"]


@pytest.mark.parametrize("key", ["config", "original_revision"])
def test_the_full_size_scheduler_is_the_released_one_whatever_the_repository_says_today(key):
    scheduler = released_scheduler(facts("kandinsky22_scheduler")[key])
    names = ("clip_sample", "set_alpha_to_one", "steps_offset", "prediction_type", "timestep_spacing", "beta_end")
    assert [scheduler.config[name] for name in names] == [False, False, 1, "epsilon", "leading", 0.012]
    scheduler.set_timesteps(50)
    assert scheduler.timesteps[:2].tolist() == [981, 961] and scheduler.timesteps[-1] == 1


def test_a_toml_file_goes_the_same_way_as_the_built_in_stacks(stack, clip_folder, decoder_folder):
    assert stack.spec.name == "tiny"
    assert stack.clip().fingerprint == load_clip(f"local-dir:{clip_folder}").fingerprint
    assert stack.decoder().fingerprints == load_decoder(decoder_folder).fingerprints
    assert stack.prior().config.embedding_dim == stack.clip().dim
    assert stack.resolution == stack.decoder().resolution == 32


def test_fingerprints_need_no_loading_and_are_the_parts_own(stack):
    said = stack.fingerprints()
    assert not stack.loaded
    assert set(said) == {"clip", "prior", "decoder", "autoencoder"} and len(set(said.values())) == 4
    assert said["clip"] == stack.clip().fingerprint
    assert {"unet": said["decoder"], "autoencoder": said["autoencoder"]} == stack.decoder().fingerprints


def test_no_weights_are_hashed_twice_by_one_process(stack, tmp_path, monkeypatch):
    monkeypatch.setattr(known_hashes, "SETTLED_NS", -(10**18))  # the files were written just now
    own, read, read_whole = KnownHashes(tmp_path / "hashes.json"), [], known_hashes.file_sha256
    monkeypatch.setattr(locating, "known_hashes", lambda: own)
    monkeypatch.setattr(known_hashes, "file_sha256", lambda path: read.append(path) or read_whole(path))
    stack.fingerprints(), stack.clip(), stack.decoder(), stack.prior()
    weights = [path for path in read if path.suffix == ".safetensors"]
    assert len(weights) == len(set(weights)) == 4
    assert len(read) == len(set(read))
    assert stack.damaged_files() == []
    monkeypatch.setattr("concepts.durable.file_sha256", lambda path: "00" * 32)
    assert set(stack.damaged_files()) >= set(weights), "whoever looks for damage reads every one"


def test_only_what_is_asked_for_is_loaded_and_then_kept(stack):
    text = stack.clip(("text",))
    assert text.towers == {"text"} and stack.clip(("text",)) is text
    assert stack.clip(("vision",)).towers == {"text", "vision"}
    assert stack.clip(("text",)) is stack.clip()
    movq = stack.decoder(("autoencoder",)).movq
    assert stack.decoder(("autoencoder",)).parts == {"autoencoder"}
    assert stack.decoder().parts == {"unet", "autoencoder"} and stack.decoder().movq is movq
    assert stack.prior() is stack.prior()


def test_the_tokenizer_is_clips_and_needs_no_weights(stack, clip_folder, tmp_path):
    text = "a dog in a hat"
    assert stack.tokenizer.encode(text) == stack.clip(("text",)).tokenizer.encode(text)
    bare = shutil.copytree(clip_folder, tmp_path / "clip", ignore=shutil.ignore_patterns("*.safetensors"))
    without = Stack(replace(stack.spec, clip=f"local-dir:{bare}"), device="cpu")
    assert without.tokenizer.encode(text) == stack.tokenizer.encode(text)
    assert without.tokenizer.context_length == stack.tokenizer.context_length == 24
    assert not without.loaded
    full_size = Stack(BUILT_IN["kandinsky-2.2"], device="cpu").tokenizer
    assert (full_size.context_length, full_size.encode("dog")) == (77, [1929])
    with pytest.raises(ModelFilesMissing, match="There is no folder /nowhere"):
        Stack(replace(stack.spec, clip="local-dir:/nowhere"), device="cpu").tokenizer.encode("dog")


@pytest.mark.parametrize("part", ["clip", "prior", "decoder"])
def test_a_folder_that_is_not_there_is_named_with_its_part(stack, part):
    with pytest.raises(ModelFilesMissing) as missing:
        Stack(replace(stack.spec, **{part: "local-dir:/nowhere"}), device="cpu").require_fetched(part)
    assert missing.value.cause == f"There is no folder /nowhere, where the stack's {part} should be."
    assert missing.value.remedy == f"Correct {part} in the stack's file, or use stack=miniature."


def test_a_freed_part_is_gone_and_comes_again(stack):
    clip, unet = stack.clip(), stack.decoder().unet
    stack.free("clip")
    assert stack.clip() is not clip
    stack.free("unet")
    assert stack.decoder(("autoencoder",)).parts == {"autoencoder"}
    assert stack.decoder().unet is not unet
    stack.free("decoder")
    stack.free("prior")
    assert stack.loaded == {"clip"}


def test_a_small_part_is_not_spared(stack, monkeypatch):
    clip, prior = stack.clip(), stack.prior()
    stack.spare("clip")
    assert stack.clip() is clip
    monkeypatch.setattr("lambda_studio.models.stacks.stack.SMALL", 1000)
    stack.spare("clip")
    stack.spare("decoder")  # it is not loaded
    assert stack.loaded == {"prior"} and stack.prior() is prior


def test_without_a_gpu_a_clip_that_is_larger_than_the_memory_is_said_before_it_is_read(stack_file, monkeypatch):
    said: list[str] = []
    read = clip_module._load_weights
    monkeypatch.setattr(clip_module, "_load_weights", lambda *given: said.append("read") or read(*given))
    monkeypatch.setattr(hardware, "available_memory", lambda: 0)
    spec = from_toml(stack_file)
    clip = Stack(replace(spec, variant="a"), device="cpu", on_notice=said.append).clip(("vision",))
    assert said[1:] == ["read"] and said[0].startswith(
        "CLIP needs about 0.0 GiB, and 0.0 GiB of memory are free. It may"
    )
    assert said[0].endswith(
        "end this program: close other programs, or give precision=bf16, which is slower on most processors."
    )
    half = Stack(replace(spec, variant="b"), device="cpu", dtype=torch.bfloat16, on_notice=said.append)
    half.clip()
    assert said[2].endswith("the system may then end this program: close other programs.")
    said.clear()
    monkeypatch.setattr(hardware, "available_memory", lambda: weight_bytes(clip.model))
    Stack(replace(spec, variant="c"), device="cpu", on_notice=said.append).clip(("vision",))
    assert said == ["read"], "it fits"


def test_on_a_cpu_with_plenty_of_memory_usual_pictures_are_not_counted(monkeypatch):
    spec = BUILT_IN["miniature"]
    stack = Stack(spec, device="cpu")
    monkeypatch.setattr(Stack, "free_memory", lambda self: 16 * spec.gpu_bytes)
    assert stack.drawing_plan(4, 4, Size.square(128)) is None
    for count, size in ((1, Size.square(256)), (9, Size.square(128))):
        counted = stack.drawing_plan(count, count, size)
        assert counted is not None and not counted.is_told
    monkeypatch.setattr(Stack, "free_memory", lambda self: 16 * spec.gpu_bytes - 1)
    usual = stack.drawing_plan(1, 1, Size.square(128))
    assert usual is not None and usual.needed == pytest.approx(spec.gpu_bytes, rel=0.02)
    monkeypatch.setattr(Stack, "on_gpu", True)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 16 * spec.gpu_bytes)
    assert stack.drawing_plan(1, 1, Size.square(128)).is_told


def test_the_prior_stays_in_float32(stack_file):
    stack = Stack(from_toml(stack_file), device="cpu", dtype=torch.bfloat16)
    assert stack.clip().dtype == stack.decoder().unet.dtype == torch.bfloat16
    assert stack.prior().dtype == torch.float32


def test_without_a_network_the_miniature_and_the_toml_route_are_named(empty_cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    notices = []
    stack = Stack(BUILT_IN["kandinsky-2.2"], device="cpu", on_notice=notices.append)
    for ask in (stack.clip, stack.prior, stack.decoder, stack.fingerprints):
        with pytest.raises(ModelFilesMissing) as error:
            ask()
        assert "is not on this machine and cannot be downloaded" in error.value.cause
        assert "stack=miniature" in error.value.remedy
        assert "stack=FILE.toml whose clip, prior and decoder are local folders" in error.value.remedy
        assert "\n" not in str(error.value)
    assert notices == [], "nothing is announced that cannot happen"


def test_a_first_download_says_once_what_how_large_which_licence_and_where(
    empty_cache, monkeypatch, decoder_folder, prior_folder, clip_folder
):
    fetched, notices = [], []

    def download(repo, name, revision=None):
        assert notices, "the notice comes first"
        fetched.append(f"{repo}/{name}")
        return str({"kandinsky": decoder_folder, "ECLIPSE-C": prior_folder}[repo[:9]] / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    clip = f"local-dir:{clip_folder}"
    spec = replace(BUILT_IN["kandinsky-2.2"], hashes={}, clip=clip, clip_towers=None)  # these files are tiny
    stack = Stack(spec, device="cpu", on_notice=notices.append)
    assert stack.decoder().parts == {"unet", "autoencoder"}
    assert sorted(set(fetched)) == [
        f"kandinsky-community/kandinsky-2-2-decoder/{name}"
        for name in (
            "movq/config.json",
            "movq/diffusion_pytorch_model.safetensors",
            "scheduler/scheduler_config.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
        )
    ]
    assert len(notices) == 1
    for said in ("kandinsky-2.2", "11.9 GB", "Apache-2.0", "MIT", str(constants.HF_HUB_CACHE)):
        assert said in notices[0]


def test_without_a_gpu_a_download_is_asked_for_until_somebody_agrees(
    empty_cache, monkeypatch, decoder_folder, clip_folder
):
    fetched, told = [], []

    def download(repo, name, revision=None):
        fetched.append(name)
        return str(decoder_folder / name)

    def refuse(question):
        told.append(question)
        raise InterruptedError

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    clip = f"local-dir:{clip_folder}"
    spec = replace(BUILT_IN["kandinsky-2.2"], hashes={}, clip=clip, clip_towers=None)  # these files are tiny
    stack = Stack(spec, device="cpu", on_notice=told.append, agree=refuse)
    for _ in range(2):
        with pytest.raises(InterruptedError):
            stack.decoder()
    question = (
        "PyTorch finds no GPU on this machine: one picture takes about 12 minutes on two free cores, and 7 GiB of "
        "memory. Download kandinsky-2.2 anyway?"
    )
    assert (fetched, told[1::2]) == ([], [question] * 2)
    assert told[0].startswith("The stack kandinsky-2.2 is downloaded")
    Stack(spec, device="cpu", agree=told.append).decoder()
    assert told[4:] == [question] and fetched


def test_what_the_hubs_cache_holds_is_used_without_asking_the_hub(empty_cache, monkeypatch, decoder_folder):
    """The cache's own layout: blobs named by their hash, a snapshot of links, and a ref."""
    weights = decoder_folder / "movq/diffusion_pytorch_model.safetensors"
    repo = empty_cache / "models--org--repo"
    blob = repo / "blobs" / locating.file_sha256(weights)
    snapshot = repo / "snapshots" / "c0ffee"
    for folder in (repo / "refs", blob.parent, snapshot / "movq"):
        folder.mkdir(parents=True)
    (repo / "refs/main").write_text("c0ffee")
    blob.write_bytes(b"not read")
    (snapshot / "movq" / weights.name).symlink_to(blob)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *args, **_: pytest.fail("the hub was asked"))
    found = Source("org/repo").get(["nonesuch", f"movq/{weights.name}"])
    assert found == snapshot / "movq" / weights.name
    assert locating.file_sha256(found) == blob.name, "the cache's name is the hash, the blob is not read"


def test_a_prior_for_another_clip_is_refused(tmp_path, clip_folder, decoder_folder):
    PriorTransformer(num_attention_heads=1, num_layers=1, embedding_dim=16, num_embeddings=24).save_pretrained(tmp_path)
    spec = StackSpec(name="mixed", clip=f"local-dir:{clip_folder}", prior=str(tmp_path), decoder=str(decoder_folder))
    with pytest.raises(ModelFilesInvalid, match="has a CLIP with 32 dimensions and a prior for 16"):
        Stack(spec, device="cpu").prior()


def test_what_is_on_the_hub_still_is_said_and_not_fetched(empty_cache, monkeypatch, stack_file):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *names, **_: pytest.fail(f"fetched {names}"))
    notices = []
    stack = Stack(BUILT_IN["kandinsky-2.2"], device="cpu", on_notice=notices.append)
    with pytest.raises(ModelFilesNotFetched) as error:
        stack.require_fetched()
    assert "kandinsky-2.2 is not, or not completely, on this machine: about 11.9 GB" in error.value.cause
    assert "The first command that draws, encodes or trains with it downloads the missing files." in error.value.remedy
    assert notices == [], "nothing is announced that does not happen"
    here = from_toml(stack_file)
    Stack(here, device="cpu").require_fetched()
    for elsewhere in ({"clip": "hf-hub:org/clip"}, {"prior": "org/prior"}, {"decoder": "org/decoder"}):
        with pytest.raises(ModelFilesNotFetched):
            Stack(replace(here, **elsewhere), device="cpu").require_fetched()
