"""Bytes that live at once, counted without computing."""

import torch
from torch import nn

from lambda_studio.models.memory.live_bytes import LiveBytes, peak_bytes, weight_bytes


def test_the_peak_is_of_the_tensors_that_live_at_once():
    with torch.device("meta"):
        given = torch.empty(1000)
    with LiveBytes([given]) as counted:
        first = given + 1
        second = first + 1
        del first
        third = second + 1
        del second, third
    assert (counted.peak, counted.live) == (8000, 0)


def test_views_and_given_tensors_are_free():
    with torch.device("meta"):
        given = torch.empty(10, 100)
    with LiveBytes([given]) as counted:
        viewed = given.T[3:]
        assert counted.peak == 0 and viewed.shape == (97, 10)


def test_parameters_are_weights_and_not_part_of_the_peak():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(100, 200, bias=False), nn.Linear(200, 50, bias=False))
        rows = torch.empty(4, 100)
    assert weight_bytes(model) == 4 * (100 * 200 + 200 * 50)
    assert peak_bytes(model, lambda: model(rows)) == 4 * 4 * (200 + 50)
    assert peak_bytes(model.half(), lambda: model(rows.half())) == 2 * 4 * (100 + 200 + 50), "the rows are cast too"
