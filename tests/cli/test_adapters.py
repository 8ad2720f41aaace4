"""`studio adapters`, as a person uses it."""

from pathlib import Path


def test_removing_an_adapter_removes_its_file(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    files = list((tmp_path / "home" / "adapters").iterdir())
    assert [file.suffix for file in files] == [".safetensors"]
    assert studio("adapters", "remove", 1, "-y").out == "Removed adapter 1.\n"
    assert not files[0].exists()
    assert studio("adapters", "show", 1).code == 3
