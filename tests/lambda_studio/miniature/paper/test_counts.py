"""Counts beside the paper's: of the published layouts, and of the miniature."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.claim import Job, OfSeed, Result
from lambda_studio.miniature.paper.counts import (
    COUNTED,
    LAYOUT,
    OWN,
    TUNED_OWN,
    ZERO_OWN,
    lora_numbers,
    published_prior,
    published_unet,
)
from lambda_studio.miniature.paper.players import Players
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_tensors
from lambda_studio.models.adapters.lora.shape import lora_shape


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, OfSeed]:
    """What both claims give."""
    job = Job(1, 2, tmp_path_factory.mktemp("counts"))
    return {claim.key: claim.measure(job) for claim in COUNTED}


def test_the_published_layouts_have_the_parameters_of_the_published_files() -> None:
    counts = [sum(each.numel() for each in model.parameters()) for model in (published_prior(), published_unet())]
    assert counts == [34_849_536, 1_253_057_288]


@pytest.mark.parametrize("claim", COUNTED, ids=lambda claim: claim.key)
def test_a_count_has_its_ways_and_known_columns(claim, found) -> None:
    of_seed = found[claim.key]
    assert set(of_seed) == set(claim.ways)
    assert all(set(row) <= set(claim.columns) for row in of_seed.values())
    verdicts = [each.verdict for each in Result(claim, (1,), 2, (of_seed,)).checked]
    assert verdicts == (["agrees", "disagrees"] if claim.key == "table-1" else ["agrees", "agrees"])


def test_table_1_counts_the_miniature_that_is_drawn_with(found) -> None:
    own = found["table-1"][OWN]
    assert own["prior"] == pytest.approx(5.078, abs=0.001), "the model card's parameters"
    assert own["decoder"] == pytest.approx(7.932, abs=0.001)
    assert own["pictures"] == RecipeConfig().prior_pictures / 1000
    assert 0 < own["hours"] < 100 and "steps" not in found["table-1"][LAYOUT]


def test_a_subject_takes_what_the_miniatures_adapter_has(found) -> None:
    zero, tuned = found["table-7"][ZERO_OWN], found["table-7"][TUNED_OWN]
    stack = Players().stack
    unet = stack.decoder().unet
    add_lora(unet, lora_shape(FinetuneConfig().preferring(stack.spec.finetune)))
    numbers = sum(value.numel() for value in lora_tensors(unet).values())
    assert tuned["parameters"] == numbers / 1e6 and tuned["stored"] == numbers * 4 / 1e6
    assert 0 < zero["hours"] < tuned["hours"]


def test_the_lora_of_the_published_decoder_is_that_of_its_own_stack() -> None:
    few, many = (lora_numbers(published_unet(), FinetuneConfig(rank=rank)) for rank in (4, 8))
    assert many == 2 * few > 0
