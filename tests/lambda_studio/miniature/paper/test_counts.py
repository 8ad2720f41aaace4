"""Counts beside the paper's: of the published layouts, and of the miniature."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.claim import Job, Result
from lambda_studio.miniature.paper.counts import COUNTED, LAYOUT, OWN, lora_numbers, published_prior, published_unet
from lambda_studio.miniature.paper.players import Players
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters
from lambda_studio.models.adapters.lora.shape import lora_shape


def test_the_published_layouts_have_the_parameters_of_the_published_files() -> None:
    counts = [sum(each.numel() for each in model.parameters()) for model in (published_prior(), published_unet())]
    assert counts == [34_849_536, 1_253_057_288]


@pytest.mark.parametrize("claim", COUNTED, ids=lambda claim: claim.key)
def test_a_count_has_its_ways_and_known_columns(claim, tmp_path) -> None:
    found = claim.measure(Job(1, 2, tmp_path))
    assert set(found) == set(claim.ways)
    assert all(set(row) <= set(claim.columns) for row in found.values())
    verdicts = [each.verdict for each in Result(claim, (1,), 2, (found,)).checked]
    assert verdicts == (["agrees", "agrees", "disagrees"] if claim.key == "table-1" else ["agrees", "agrees"])


def test_table_1_counts_the_miniature_that_is_drawn_with(tmp_path) -> None:
    found = COUNTED[0].measure(Job(1, 2, tmp_path))
    assert found[OWN]["prior"] == pytest.approx(5.078, abs=0.001), "the model card's parameters"
    assert found[OWN]["decoder"] == pytest.approx(7.932, abs=0.001)
    assert "hours" not in found[OWN] and "steps" not in found[LAYOUT]


def test_a_lora_has_as_many_numbers_as_are_counted() -> None:
    unet = Players().stack.decoder().unet
    counted = lora_numbers(unet)
    add_lora(unet, lora_shape(FinetuneConfig()))
    assert counted == sum(each.numel() for each in lora_parameters(unet)) > 0
