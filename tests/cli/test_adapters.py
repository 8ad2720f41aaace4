"""`studio adapters`, as a person uses it."""

from pathlib import Path


def test_removing_an_adapter_removes_its_file(studio, tuned, tmp_path: Path) -> None:
    files = list((tmp_path / "home" / "adapters").iterdir())
    assert [file.suffix for file in files] == [".safetensors"]
    assert studio("adapters", "remove", 1, "-y").out == "Removed adapter 1.\n"
    assert not files[0].exists()
    assert studio("adapters", "show", 1).code == 3


def test_an_adapter_is_listed_and_told_with_what_it_saw(studio, photos) -> None:
    assert studio("adapters").out == ("No adapters yet. Make one: studio finetune NAME..., or studio finetune --all\n")
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    headers, row = studio("adapters", "list").out.splitlines()
    assert headers.split() == ["ID", "METHOD", "STACK", "KNOWS", "SINCE"]
    assert row.split()[:4] == ["1", "lora", "tiny", "rex"]
    told = studio("adapters", "show", 1).out
    assert told.startswith("adapter 1: lora for tiny\n")
    assert "\ntrained on:\n  rex, version 1\nsettings:\n" in told
    assert "\n  steps: 1\n" in told and "\n  rank: 2\n" in told
    studio("concepts", "edit", "rex", "--add", photos[1])
    assert "stale: a concept has changed since; the adapter is used nevertheless" in studio("adapters", "show", 1).out
    assert studio("adapters").out.splitlines()[1].split()[4] == "stale"


def test_an_adapter_is_exported_for_diffusers_and_imported_again(studio, tuned, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = studio("adapters", "export", 1, out, "--format", "diffusers").out
    assert told == f'Wrote {out}. diffusers loads it: pipeline.unet.load_lora_adapter("{out}", use_safetensors=True)\n'
    assert studio("adapters", "export", 1, out).code == 4
    told = studio("adapters", "import", out, "--knows", "rex").out
    assert told == "Added adapter 2, of rank 2. Use it: studio generate PROMPT --adapter 2\n"
    assert studio("adapters", "import", tmp_path / "none").code == 6
