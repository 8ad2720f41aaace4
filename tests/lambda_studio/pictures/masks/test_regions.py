"""Regions of masks: main parts, holes, frames, ellipses, overlap."""

import numpy as np

from lambda_studio.pictures.masks.regions import ellipse, fill_holes, frame, main_parts, overlap


def boxes(*places: tuple[int, int, int, int]) -> np.ndarray:
    subject = np.zeros((60, 60), bool)
    for top, bottom, left, right in places:
        subject[top:bottom, left:right] = True
    return subject


def test_a_part_weighs_less_far_from_the_centre() -> None:
    middle, corner, speck = (25, 35, 25, 35), (0, 10, 0, 10), (20, 21, 40, 41)
    found = boxes(middle, corner, speck)
    assert np.array_equal(main_parts(found, share=0.3, spread=0.3), boxes(middle))
    assert np.array_equal(main_parts(found, share=0.3, spread=10.0), boxes(middle, corner))
    assert not main_parts(boxes(speck), share=0.3, spread=0.3).any()


def test_holes_are_filled_and_bays_at_the_edge_are_not() -> None:
    ring = boxes((20, 40, 20, 40)) & ~boxes((25, 30, 25, 30))
    assert np.array_equal(fill_holes(ring), boxes((20, 40, 20, 40)))
    bay = boxes((20, 40, 0, 40)) & ~boxes((25, 30, 0, 30))
    assert np.array_equal(fill_holes(bay), bay)


def test_a_frame_is_open_at_the_bottom_and_an_ellipse_touches_the_edges() -> None:
    edge = frame((60, 60), 0.05)
    assert edge[0].all() and edge[:, :3].all() and not edge[3:-3, 3:-3].any() and not edge[-1, 30]
    round_ = ellipse((40, 80), 1.0)
    assert round_[20, 1] and round_[1, 40] and not round_[2, 2]


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(boxes((0, 10, 0, 10)), boxes((0, 10, 5, 15))) == 50 / 150
    assert overlap(boxes(), boxes()) == 0
