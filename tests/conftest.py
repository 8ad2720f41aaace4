"""Small models with random weights, in the layout and with the file names of the published ones.

Their widths agree with each other (an embedding has 32 numbers), so that they make a whole stack.
"""

import gc
import gzip
import json
import os
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

for name in [name for name in os.environ if name.startswith(("STUDIO_", "HF_", "TRANSFORMERS_"))]:
    if name not in ("STUDIO_REQUIRE_POSTGRES", "STUDIO_SOUND_SQLITE"):  # they say what is to be tested
        del os.environ[name]  # a person's own settings, before any library reads them

# Also for the processes that tests start. Two tests run at once, and OpenMP's threads wait in loops.
os.environ.setdefault("OMP_NUM_THREADS", "1")
install_import_hook("lambda_studio", "beartype.beartype")  # shapes in signatures are checked while testing

import torch  # noqa: E402  # the hook must be there first

from lambda_studio.models import pool  # noqa: E402  # as torch
from tests.open_door import open_door, studios_share_a_door  # noqa: E402, F401  # fixtures for all tests
from tests.server import postgres_programs, postgres_server  # noqa: E402, F401  # fixtures for all tests

settings.register_profile("untimed", deadline=None)  # tests are never timed: a busy disk is no failure
settings.load_profile("untimed")

torch.set_num_threads(1)  # tiny models, and several processes side by side


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the reliability samples first: one test takes two minutes, and at the end it would run alone."""
    items.sort(key=lambda item: "reliability" not in item.path.parts)


@pytest.fixture(autouse=True, scope="module")
def libraries_are_no_garbage() -> None:
    """Exclude the objects that live now from garbage collections, of which a fine-tuning makes three.

    With torch, diffusers and thousands of collected tests in memory, each would take a third of a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No models of other tests in the pool, as in a new process. A stack in a cycle lives until it is collected."""
    monkeypatch.setattr(pool, "_POOL", WeakValueDictionary())


DIM = 32
CONTEXT_LENGTH = 24
MERGES = ["d o", "do g</w>", "c a", "ca t</w>", "h a", "ha t</w>", "t o", "to y</w>", "o n</w>"]
"""So that dog, cat, hat, toy and on are one token each, and other words several."""

CLIP_CONFIG = {
    "model_cfg": {
        "embed_dim": DIM,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {
            "context_length": CONTEXT_LENGTH,
            "vocab_size": 512 + len(MERGES) + 2,
            "width": DIM,
            "heads": 2,
            "layers": 2,
        },
    },
    "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
}
UNET_CONFIG = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 8,
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "attention_head_dim": 8,
    "cross_attention_dim": 16,
    "encoder_hid_dim": DIM,
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "resnet_time_scale_shift": "scale_shift",
}
MOVQ_CONFIG = {
    "block_out_channels": (32, 32, 32),
    "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "norm_type": "spatial",
    "num_vq_embeddings": 16,
    "vq_embed_dim": 4,
}
PRIOR_CONFIG = {
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "num_layers": 2,
    "embedding_dim": DIM,
    "num_embeddings": CONTEXT_LENGTH,
}
SCHEDULER_CONFIG = {
    "_class_name": "DDPMScheduler",
    "_diffusers_version": "0.17.0.dev0",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "clip_sample": True,  # as the repository says today; it was released with False
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "thresholding": False,
    "variance_type": "fixed_small",
}


def save_clip(folder: Path, seed: int = 0) -> Path:
    """A CLIP as `open_clip.push_to_hf_hub` lays it out, with BPE merges of its own."""
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    model = open_clip.model.CLIP(**CLIP_CONFIG["model_cfg"])
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(CLIP_CONFIG))
    (folder / "bpe_merges.txt.gz").write_bytes(gzip.compress("\n".join(["#version: 0.2", *MERGES]).encode(), mtime=0))
    return folder


def save_decoder(folder: Path, seed: int = 0) -> Path:
    """A decoder as the hub has Kandinsky's: model_index.json, unet/, movq/ and scheduler/."""
    from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel

    torch.manual_seed(seed)
    unet, movq = UNet2DConditionModel(**UNET_CONFIG), VQModel(**MOVQ_CONFIG)
    pipeline = KandinskyV22Pipeline(unet=unet, movq=movq, scheduler=DDPMScheduler())
    pipeline.save_pretrained(folder, safe_serialization=True)
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER_CONFIG))
    return folder


def save_prior(folder: Path, seed: int = 0) -> Path:
    """A λ prior: config.json and diffusion_pytorch_model.safetensors."""
    from lambda_studio.models.prior import PriorTransformer

    torch.manual_seed(seed)
    prior = PriorTransformer(**PRIOR_CONFIG)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.normal_(std=0.2)
    prior.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP. Read only."""
    return save_clip(tmp_path_factory.mktemp("models") / "clip")


@pytest.fixture(scope="session")
def decoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny decoder. Read only."""
    return save_decoder(tmp_path_factory.mktemp("models") / "decoder")


@pytest.fixture(scope="session")
def prior_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny λ prior. Read only."""
    return save_prior(tmp_path_factory.mktemp("models") / "prior")


@pytest.fixture(scope="session")
def stack_file(
    tmp_path_factory: pytest.TempPathFactory, clip_folder: Path, prior_folder: Path, decoder_folder: Path
) -> Path:
    """A TOML file of a stack whose parts are the tiny models above."""
    file = tmp_path_factory.mktemp("stack") / "tiny.toml"
    file.write_text(
        f'name = "tiny"\nclip = "local-dir:{clip_folder.as_posix()}"\n'
        f'prior = "{prior_folder.as_posix()}"\ndecoder = "{decoder_folder.as_posix()}"\n'
        'licence = "none"\nfinetune = { preview_every = 0 }\n'
    )
    return file


@pytest.fixture(scope="session")
def kandinsky(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Kandinsky 2.2's decoder as a folder with its real configurations and no weights."""
    from lambda_studio.models.files.sources import Source

    folder = tmp_path_factory.mktemp("kandinsky")
    facts = Path(__file__).parents[2] / "shared" / "facts" / "configs"
    for part in ("unet", "movq"):
        (folder / part).mkdir()
        config = json.loads((facts / f"kandinsky22_{part}.json").read_text())["config"]
        (folder / part / "config.json").write_text(json.dumps(config))
    return Source(str(folder))
