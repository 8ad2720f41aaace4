"""How many pictures at once, and what stays, in a given memory."""

from dataclasses import replace

import pytest

from lambda_studio.config import Size
from lambda_studio.models.decoders.protocol import Footprint
from lambda_studio.models.stacks.planning import GIB, WORKSPACE, DrawingPlan, needed, plan_drawing

FOOTPRINT = Footprint(weights=3 * GIB, denoising=GIB, decoding=2 * GIB)


@pytest.mark.parametrize(
    ("free", "batch_size", "fits", "frees_idle"),
    [(20, 8, True, False), (8, 4, True, True), (6.3, 3, True, True), (5.3, 2, True, True), (5, 1, False, True)],
)
def test_as_many_as_fit_are_drawn_at_once(free, batch_size, fits, frees_idle):
    plan = plan_drawing(FOOTPRINT, 20, 8, int(free * GIB))
    assert (plan.batch_size, plan.fits, plan.frees_idle) == (batch_size, fits, frees_idle)
    assert plan.needed == needed(FOOTPRINT, batch_size)


def test_what_is_idle_is_freed_if_less_is_to_spare_than_it_may_take():
    free = needed(FOOTPRINT, 1) + GIB
    assert [plan_drawing(FOOTPRINT, 1, 1, free, idle).frees_idle for idle in (GIB, GIB + 1)] == [False, True]


def test_no_more_are_planned_than_are_asked_for():
    assert plan_drawing(FOOTPRINT, 2, 8, 100 * GIB).batch_size == 2
    assert plan_drawing(FOOTPRINT, 9, 3, 100 * GIB).batch_size == 3


def test_decoding_one_picture_can_be_the_largest_step():
    assert needed(FOOTPRINT, 1) == needed(FOOTPRINT, 2) == 5 * GIB + WORKSPACE


def test_the_plan_is_said_in_one_sentence():
    plan = plan_drawing(FOOTPRINT, 20, 8, 8 * GIB)
    assert (
        plan.said(Size.square(512))
        == "8.0 GiB of GPU memory are free: pictures of 512 pixels, 4 at a time, about 7.2 GiB."
    )
    assert "pictures of 768x512 pixels, 4 at a time" in plan.said(Size(height=512, width=768))
    assert ", one at a time, about 5.2 GiB." in plan_drawing(FOOTPRINT, 1, 8, 8 * GIB).said(Size.square(512))
    assert plan_drawing(FOOTPRINT, 1, 8, 4 * GIB).said(Size.square(768)) == (
        "A picture of 768 pixels needs about 5.2 GiB, and 4.0 GiB of GPU memory are free. It may not fit: close other "
        "programs, or draw smaller pictures."
    )


def test_without_a_gpu_only_what_memory_changes_or_what_does_not_fit_is_said():
    def planned(count: int, free: float, footprint: Footprint = FOOTPRINT) -> DrawingPlan:
        return replace(plan_drawing(footprint, count, 8, int(free * GIB)), of_gpu=False)

    assert [planned(count, 8).is_told for count in (3, 4, 5, 8)] == [False, False, True, True]
    assert plan_drawing(FOOTPRINT, 3, 8, 8 * GIB).is_told, "of a GPU, always"
    assert planned(9, 8).said(Size.square(512)).startswith("8.0 GiB of memory are free: pictures of 512 pixels, 4 at a")
    assert planned(1, 5.2, replace(FOOTPRINT, decoding_in_tiles=GIB)).is_told
    short = planned(1, 4)
    assert short.is_told and short.said(Size.square(768)) == (
        "A picture of 768 pixels needs about 5.2 GiB, and 4.0 GiB of memory are free. It may not fit, and the system "
        "may then end this program: close other programs, or draw smaller pictures."
    )
    for of_gpu, half in ((True, "precision=fp16."), (False, "precision=bf16, which is slower on most processors.")):
        told = replace(short, of_gpu=of_gpu, is_float32=True).said(Size.square(768))
        assert told.endswith(f"close other programs, or draw smaller pictures, or give {half}")


@pytest.mark.parametrize(
    ("free", "in_tiles", "batch_size", "fits"), [(5.3, False, 2, True), (5.2, True, 1, True), (3, True, 1, False)]
)
def test_a_large_picture_is_decoded_in_tiles_if_the_whole_does_not_fit(free, in_tiles, batch_size, fits):
    large = replace(FOOTPRINT, decoding_in_tiles=GIB // 2)
    plan = plan_drawing(large, 8, 8, int(free * GIB))
    assert (plan.in_tiles, plan.batch_size, plan.fits) == (in_tiles, batch_size, fits)
    assert not plan_drawing(FOOTPRINT, 8, 8, int(free * GIB)).in_tiles, "a small one has no tiles"
    if in_tiles and fits:
        said = (
            "5.2 GiB of GPU memory are free: pictures of 1024 pixels, one at a time, decoded in tiles, about 4.2 GiB."
        )
        assert plan.said(Size.square(1024)) == said


def test_a_photograph_is_encoded_before_the_steps_and_its_memory_counts_only_if_it_is_more() -> None:
    assert needed(replace(FOOTPRINT, encoding=GIB // 2), 1) == needed(FOOTPRINT, 1)
    assert needed(replace(FOOTPRINT, encoding=6 * GIB), 1) == 9 * GIB + WORKSPACE
