"""Asking before something is removed or downloaded."""

import pytest
from huggingface_hub import constants


@pytest.fixture
def downloads(monkeypatch, tmp_path) -> list[str]:
    """What was asked of the hub, which has nothing."""
    asked: list[str] = []

    def download(repo, name, revision=None):
        asked.append(repo)
        raise OSError("no network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return asked


def test_a_large_download_without_a_gpu_is_asked_for_and_starts_only_when_told(
    studio, photos, downloads, monkeypatch
) -> None:
    added = studio("add-concept", "rex", *photos, "--noun", "dog", "--stack", "kandinsky-2.2")
    assert (added.code, downloads) == (0, []), "adding needs no models"
    words = ("generate", "a <rex>", "--stack", "kandinsky-2.2", "--seed", 1)
    answer = studio(*words)
    assert (answer.code, downloads) == (2, [])
    notice, error, _ = answer.err.splitlines()
    assert "about 11.9 GB" in notice and "Licence: Kandinsky 2.2: Apache-2.0" in notice
    assert error.endswith("Download kandinsky-2.2 anyway? There is nobody to ask here.")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "n")
    assert (studio(*words).code, downloads) == (130, [])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "y")
    assert studio(*words).code == 6 and downloads
    downloads.clear()
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: pytest.fail("asked"))
    assert studio(*words, "--yes").code == 6 and downloads


def test_removing_asks_and_without_anybody_to_ask_refuses(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    answer = studio("concepts", "remove", "rex")
    assert answer.code == 2
    what = "rex and its 2 images would be hidden, and the name would become free. Nothing is deleted. Remove rex?"
    assert f"{what} There is nobody" in answer.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "n")
    assert studio("concepts", "remove", "rex").code == 130
    assert studio("concepts", "show", "rex").code == 0
