"""The built-in stacks and what they are made of."""

from pathlib import Path

from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.models.stacks.toml import from_toml, resolve_stack


def test_kandinsky_is_made_of_the_published_parts():
    spec = resolve_stack("kandinsky-2.2")
    assert (spec.clip, spec.clip_pretrained) == ("ViT-bigG-14", "laion2b_s39b_b160k")
    assert spec.prior == "ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0"
    assert spec.decoder == "kandinsky-community/kandinsky-2-2-decoder"
    assert spec.resolution == 512


def test_the_miniature_is_in_the_package():
    spec = resolve_stack("miniature")
    assert all("miniature" in place for place in (spec.clip, spec.prior, spec.decoder))
    assert spec.clip.startswith("local-dir:") and Path(spec.decoder).is_absolute()


def test_a_stack_file_without_a_family_is_kandinskys(stack_file):
    assert from_toml(stack_file).family == "kandinsky-2.2"
    assert {spec.family for spec in BUILT_IN.values()} == {"kandinsky-2.2"}


def test_thirty_subjects_take_the_papers_steps_but_on_the_miniature(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('clip = "a"\nprior = "b"\ndecoder = "c"\nsteps_for_thirty = 900\n')
    assert from_toml(mine).steps_for_thirty == 900
    assert {name: spec.steps_for_thirty for name, spec in BUILT_IN.items()} == {
        "kandinsky-2.2": 8000,
        "miniature": 1500,
    }
