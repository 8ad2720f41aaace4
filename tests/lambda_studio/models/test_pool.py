"""Loaded models are shared by the stacks of one process for as long as one of them holds them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_studio.models.stacks.stack import Stack, StackSpec, resolve_stack


@pytest.fixture
def spec(stack_file: Path) -> StackSpec:
    """The tiny stack."""
    return resolve_stack(str(stack_file))


def test_two_stacks_of_the_same_files_share_every_part(spec: StackSpec) -> None:
    one, two = Stack(spec), Stack(replace(spec, name="of another name"))
    assert one.clip(("text",)) is two.clip(("text",))
    assert one.prior() is two.prior()
    assert one.decoder().unet is two.decoder().unet


def test_a_part_stays_until_the_last_stack_lets_go_of_it(spec: StackSpec) -> None:
    one, two = Stack(spec), Stack(spec)
    prior = one.prior()
    assert two.prior() is prior
    one.free("prior")
    assert two.prior() is prior
    assert one.prior() is prior
    one.free("prior")
    two.close()
    assert one.prior() is not prior


def test_a_part_of_the_decoder_is_not_taken_from_another_stack(spec: StackSpec) -> None:
    one, two = Stack(spec), Stack(spec)
    assert one.decoder() is two.decoder()
    one.free("autoencoder")
    assert two.decoder().parts == {"unet", "autoencoder"}
    two.close()
    one.free("autoencoder")
    assert one.decoder(("unet",)).parts == {"unet"}


def test_files_that_were_exchanged_and_other_formats_are_loaded_anew(spec: StackSpec, tmp_path: Path) -> None:
    import torch

    copied = replace(spec, prior=str(shutil.copytree(spec.prior, tmp_path / "prior")))
    prior = (held := Stack(copied)).prior()
    assert Stack(copied, dtype=torch.bfloat16).decoder(("unet",)).unet.dtype == torch.bfloat16
    weights = tmp_path / "prior" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes())
    assert Stack(copied).prior() is not prior
    assert held.prior() is prior


def test_what_is_trained_is_nobody_elses(spec: StackSpec) -> None:
    stack = Stack(spec)
    assert stack.own_decoder(("unet",)).unet is not stack.decoder(("unet",)).unet
