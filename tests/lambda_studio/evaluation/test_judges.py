"""A stack is measured by what it names and what is on this machine."""

from dataclasses import replace

from lambda_studio.evaluation.by_clip import ClipLikeness
from lambda_studio.evaluation.judges import OWN, judges_of
from lambda_studio.miniature.judge.measures import OracleLikeness
from lambda_studio.models.stacks.specification import JUDGES
from lambda_studio.models.stacks.stack import Stack


def test_without_dino_clip_decides_and_the_user_is_told_how_dino_comes(stack) -> None:
    found = judges_of(stack, ["dog"])
    assert [each.name for each in found.likenesses] == ["CLIP-I"]
    assert (found.composition.name, found.picture.name) == ("CLIP-T", "CLIP-I")
    assert found.notes == (
        "DINO's weights are not on this machine, so likeness is measured by CLIP-I only. "
        "They are 87 MB, Apache-2.0: hf download timm/vit_small_patch16_224.dino",
    )


def test_with_dino_it_decides(stack, tmp_path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    with_dino = Stack(replace(stack.spec, dino=f"local-dir:{tmp_path}"), "cpu")
    found = judges_of(with_dino, ["dog"])
    assert [each.name for each in found.likenesses] == ["DINO", "CLIP-I"]
    assert (found.likeness.name, found.notes) == ("DINO", ())


def test_the_miniature_is_read_by_its_oracle_unless_a_noun_is_not_of_its_world(stack) -> None:
    miniature = Stack(replace(stack.spec, judge="miniature"), "cpu")
    found = judges_of(miniature, ["dog", "hat"])
    assert isinstance(found.likeness, OracleLikeness)
    assert (found.composition.name, found.picture.name) == ("oracle", "CLIP-I")
    assert isinstance(judges_of(miniature, ["dog", "sunglasses"]).likeness, ClipLikeness)


def test_every_kind_of_metrics_of_a_stack_is_known() -> None:
    assert {"clip", *OWN} == {*JUDGES}
