"""Which files a CLIP is made of: the towers of Kandinsky's prior, or open_clip's own files."""

from dataclasses import replace

import pytest
import torch
from huggingface_hub import constants

from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.models.stacks.stack import BUILT_IN, Stack
from tests.hub_cache import put_repository
from tests.towers import save_towers

TOWERS = "kandinsky-community/kandinsky-2-2-prior"
OPEN_CLIP = "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache, and a hub that nobody may ask."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *asked, **_: pytest.fail(f"asked for {asked}"))
    return tmp_path / "hub"


@pytest.fixture
def tower_folder(tmp_path):
    from transformers import CLIPImageProcessor

    folder = save_towers(tmp_path / "towers")
    CLIPImageProcessor().save_pretrained(folder / "image_processor")
    return folder


@pytest.fixture
def kandinsky():
    """The built-in stack, without the hashes of the real files."""
    spec = BUILT_IN["kandinsky-2.2"]
    return replace(spec, hashes={}, revisions={})


def test_the_towers_of_kandinskys_prior_are_found_in_the_cache_without_being_named(cache, tower_folder, kandinsky):
    snapshot = put_repository(cache, TOWERS, tower_folder)
    files = StackFiles(kandinsky).clip()
    assert files.layout == "transformers"
    assert files.weights == tuple(snapshot / f"{each}_encoder/model.safetensors" for each in ("text", "image"))
    clip = Stack(kandinsky, device="cpu").clip()
    direct = load_clip(f"local-dir:{tower_folder}")
    token_ids = direct.tokenizer(["a dog in a hat"])
    assert torch.equal(clip.encode_text(token_ids).pooled, direct.encode_text(token_ids).pooled)
    assert clip.fingerprint == direct.fingerprint, "wherever they lie"


def test_open_clips_files_are_used_where_only_they_are_here(cache, tower_folder, clip_folder, kandinsky, tmp_path):
    here = put_repository(cache, OPEN_CLIP, clip_folder)
    files = StackFiles(kandinsky).clip()
    assert (files.layout, files.weights) == ("open_clip", (here / "open_clip_model.safetensors",))
    put_repository(cache, TOWERS, tower_folder)
    assert StackFiles(kandinsky).clip().layout == "transformers", "the smaller ones win where both are here"


def test_where_nothing_is_here_the_smaller_files_are_downloaded(cache, monkeypatch, tower_folder, kandinsky):
    asked = []
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download",
        lambda repo, name, revision=None: asked.append(repo) or str(tower_folder / name),
    )
    assert (
        StackFiles(BUILT_IN["kandinsky-2.2"]).clip_source.towers.revision == "9fc51ad5732afc5d031724219d22e6c42179c5a8"
    )
    assert StackFiles(kandinsky).clip().layout == "transformers"
    assert set(asked) == {TOWERS}
