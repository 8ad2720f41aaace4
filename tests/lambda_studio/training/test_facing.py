"""The side that a subject faces is found without labels, and the pictures that face another way are mirrored."""

from dataclasses import replace

import pytest
import torch

from lambda_studio.pictures.parts import Crop
from lambda_studio.training.examples import Example
from lambda_studio.training.facing import facing_one_way, pictures_to_mirror

LEFT, RIGHT = 0, 1


def _subject(sides: list[int], concept: str = "rex", shape: tuple[int, int] = (16, 16)) -> list[Example]:
    """Return examples of one subject's pictures and mirror images: a body, and a tail on the side that it faces.

    The subject has another place and another size in each picture. What is around it is stronger, and is not symmetric.
    """
    generator = torch.Generator().manual_seed(3)
    body, tail = torch.tensor([1.0, -1.0, 0.5, 0.0]), torch.tensor([-1.0, 0.5, 1.0, 2.0])
    found = []
    for number, side in enumerate(sides):
        latents, mask = 5 * torch.randn(4, *shape, generator=generator), torch.zeros(shape)
        left, width = 3 + number % 4, 6 + number % 3
        mask[4:12, left : left + width] = 1
        mask[4:7, [left, left + 1, left + width - 2, left + width - 1]] = 0  # in the box, and not the subject
        latents = torch.where(mask > 0, 9 + body[:, None, None], latents)
        at = left if side == LEFT else left + width - 2
        latents[:, 9:12, at : at + 2] += tail[:, None, None]
        example = Example(concept, f"{number}", latents, torch.zeros(8), mask=mask)
        found += [example, _mirror(example)]
    return found


def _mirror(example: Example) -> Example:
    mask = None if example.mask is None else example.mask.flip(-1)
    return replace(example, latents=example.latents.flip(-1), mask=mask, crop=str(Crop.square(0, 0, 128, True)))


def _mirrored(examples: list[Example]) -> set[str]:
    return {picture for _, picture in pictures_to_mirror(examples)}


@pytest.mark.parametrize("shape", [(16, 16), (14, 24)])
@pytest.mark.parametrize(
    "sides, mirrored",
    [
        ([LEFT, LEFT, RIGHT, LEFT], "2"),
        ([RIGHT, LEFT, LEFT, RIGHT, LEFT], "03"),
        ([LEFT, RIGHT], "1"),
        ([RIGHT, LEFT, RIGHT, LEFT], "13"),
        ([RIGHT] * 5, ""),
        ([LEFT], ""),
    ],
)
def test_pictures_that_face_another_way_than_most_are_mirrored(
    sides: list[int], mirrored: str, shape: tuple[int, int]
) -> None:
    examples = _subject(sides, shape=shape)
    assert pictures_to_mirror(examples) == {("rex", number) for number in mirrored}
    found = facing_one_way(examples, pictures_to_mirror(examples))
    assert [example.image_sha for example in found] == [f"{number}" for number in range(len(sides))]
    assert "".join(example.image_sha for example in found if example.is_mirrored) == mirrored


def test_pictures_of_several_shapes_are_compared() -> None:
    square, wide = _subject([LEFT, LEFT, LEFT]), _subject([RIGHT, LEFT], shape=(14, 24))
    assert _mirrored(square + [replace(each, image_sha=f"wide {each.image_sha}") for each in wide]) == {"wide 0"}


def test_large_latents_are_compared_as_small_ones() -> None:
    def enlarged(example: Example) -> Example:
        large = torch.nn.functional.interpolate(example.latents[None], scale_factor=4.0)[0]
        noise = torch.randn(large.shape, generator=torch.Generator().manual_seed(int(example.image_sha)))
        noise = noise.flip(-1) if example.is_mirrored else noise
        mask = None if example.mask is None else example.mask.repeat_interleave(4, 0).repeat_interleave(4, 1)
        return replace(example, latents=large + noise, mask=mask)

    assert _mirrored([enlarged(each) for each in _subject([LEFT, RIGHT, LEFT, LEFT])]) == {"1"}


def test_each_subject_has_a_way_of_its_own_also_in_a_picture_of_both() -> None:
    rex, pip = _subject([LEFT, LEFT, RIGHT]), _subject([RIGHT, RIGHT, LEFT, RIGHT], concept="pip")
    for examples in (rex + pip, pip + rex, [*rex[:3], *pip, *rex[3:]]):
        assert pictures_to_mirror(examples) == {("rex", "2"), ("pip", "2")}


def test_the_middle_says_how_a_picture_faces_and_all_crops_of_it_go_along() -> None:
    middles, others = _subject([LEFT, LEFT, RIGHT]), _subject([RIGHT, LEFT, LEFT])
    crops = [replace(each, crop=each.crop or "1,1,90") for each in others]
    examples = [each for at in (0, 2, 4) for each in (*middles[at : at + 2], *crops[at : at + 2])]
    assert _mirrored(examples) == {"2"}
    found = facing_one_way(examples, {("rex", "2")})
    assert [(each.image_sha, each.is_mirrored) for each in found] == [
        ("0", False), ("0", False), ("1", False), ("1", False), ("2", True), ("2", True),
    ]  # fmt: skip


def test_pictures_whose_subject_is_not_known_are_not_mirrored() -> None:
    known = _subject([LEFT, LEFT, RIGHT, LEFT])
    nothing = torch.full((4, 16, 16), float("nan"))
    for unknown in ({"mask": None}, {"mask": torch.zeros(16, 16)}, {"latents": nothing}):
        examples = [*known[:4], *(replace(each, **unknown) for each in known[4:6]), *known[6:]]
        assert _mirrored(examples) == set()
        assert _mirrored([*known[:5], replace(known[5], **unknown), *known[6:]]) == set()
        assert _mirrored(known) == {"2"}
        assert _mirrored([replace(each, **unknown) for each in known]) == set()


def test_pictures_without_mirror_images_stay() -> None:
    examples = _subject([LEFT, RIGHT, LEFT])[::2]
    assert facing_one_way(examples, pictures_to_mirror(examples)) == examples


def test_a_symmetric_subject_keeps_one_example_of_each_picture() -> None:
    same = Example("mug", "0", torch.ones(4, 16, 16), torch.zeros(8), mask=torch.ones(16, 16))
    examples = [same, _mirror(same), replace(same, image_sha="1"), replace(_mirror(same), image_sha="1")]
    assert [each.image_sha for each in facing_one_way(examples, pictures_to_mirror(examples))] == ["0", "1"]
