"""The parts of a stack, without a studio."""

from dataclasses import replace

from huggingface_hub import constants

from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.models.stacks.toml import from_toml
from lambda_studio.workflows.model_parts import parts_of


def test_the_miniature_is_complete_and_a_broken_folder_says_why(stack_file, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert [part.missing for part in parts_of(BUILT_IN["miniature"])] == [""] * 3
    broken = replace(from_toml(stack_file), decoder=str(tmp_path))
    clip, prior, decoder = parts_of(broken)
    assert (clip.missing, prior.missing) == ("", "")
    assert decoder.missing == f"The folder {tmp_path} has no unet/config.json."
    assert (decoder.size, decoder.files, decoder.revision) == (None, (), None)
