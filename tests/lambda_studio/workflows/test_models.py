"""The model files of a stack: what is here, what is missing, fetching and removing."""

from dataclasses import replace

import pytest
from huggingface_hub import constants

from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.workflows.models import fits
from tests.hub_cache import put_repository


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache, and a hub that nobody may ask."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *asked, **_: pytest.fail(f"asked for {asked}"))
    return tmp_path / "hub"


@pytest.fixture
def hubbed(studio, cache, prior_folder, decoder_folder):
    """The tiny stack, with its prior and decoder on the hub, and the prior in the cache."""
    sizes = {"decoder": 5_000_000}
    spec = replace(studio.workplace.spec, prior="org/prior", decoder="org/decoder", sizes=sizes)
    studio.workplace.__dict__["spec"] = spec
    put_repository(cache, "org/prior", prior_folder)
    return studio


def test_each_part_says_where_it_is_from_how_large_it_is_and_what_is_missing(hubbed, prior_folder):
    clip, prior, decoder = hubbed.models.list()[:3]
    assert (clip.stack, clip.part, clip.missing) == ("tiny", "clip", "")
    size = sum(path.stat().st_size for path in prior_folder.iterdir())
    assert (prior.source, prior.missing, prior.size) == ("org/prior", "", size)
    assert (decoder.source, decoder.missing, decoder.size) == ("org/decoder", "It is not on this machine.", 5_000_000)
    assert decoder.files == () and len(prior.files) == 2
    others = {part.stack: part for part in hubbed.models.list()[3:]}
    assert set(others) == {"miniature", "kandinsky-2.2"}
    assert others["kandinsky-2.2"].revision == BUILT_IN["kandinsky-2.2"].revisions["decoder"]
    assert others["miniature"].missing == ""


def test_what_is_missing_is_fetched_and_nothing_else(hubbed, notices, monkeypatch, cache, decoder_folder):
    fetched = []

    def download(repo, name, revision=None):
        assert any("PyTorch finds no GPU" in said for said in notices), "whether it fits is said first"
        fetched.append(repo)
        return str(decoder_folder / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    hubbed.models.fetch()
    assert set(fetched) == {"org/decoder"}
    put_repository(cache, "org/decoder", decoder_folder)
    fetched.clear()
    notices.clear()
    assert [part.missing for part in hubbed.models.fetch()] == [""] * 3
    assert (fetched, notices) == ([], [])


def test_a_download_that_the_disk_has_no_room_for_does_not_begin(hubbed, monkeypatch):
    monkeypatch.setattr("lambda_studio.models.files.hub_cache.free_bytes", lambda: 1_000_000)
    with pytest.raises(ModelFilesMissing, match=r"takes 0\.0 GB, and .* has 0\.0 GB free\. Free some space"):
        hubbed.models.fetch()


def test_whether_a_picture_fits_is_said_with_both_numbers():
    spec = BUILT_IN["kandinsky-2.2"]
    assert fits(spec, 8 * 2**30) == "A picture takes 3.3 GiB of GPU memory, and 8.0 GiB are free: it fits."
    assert fits(spec, 2**31).endswith("2.0 GiB are free: it does not fit.")
    assert fits(spec, None) == f"PyTorch finds no GPU on this machine: {spec.on_cpu}."
    unknown = replace(BUILT_IN["miniature"], gpu_bytes=None)
    assert "How much miniature needs is not known" in fits(unknown, 2**33)


def test_removing_empties_the_cache_of_this_stack_only(hubbed, cache, decoder_folder, clip_folder):
    put_repository(cache, "org/decoder", decoder_folder)
    put_repository(cache, "org/unrelated", decoder_folder)
    assert set(hubbed.models.removable()) == {"org/prior", "org/decoder"}
    removed = hubbed.models.remove()
    assert removed.repositories == ("org/decoder", "org/prior") and removed.size > 0
    assert [path.name for path in cache.glob("models--*")] == ["models--org--unrelated"]
    assert (clip_folder / "open_clip_model.safetensors").is_file(), "folders stay"
    assert hubbed.models.remove().repositories == ()
