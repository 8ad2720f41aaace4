"""A given setting that contradicts an earlier training's is refused with the words of both, and with a way out."""

import pytest

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.tuning.earlier_settings import with_earlier

WHOSE = "Adapter 1 was trained"


def refusal(given: FinetuneConfig, earlier: dict, **how: bool) -> tuple[str, str]:
    with pytest.raises(InvalidSetting) as caught:
        with_earlier(given, earlier, WHOSE, **how)
    return caught.value.cause, caught.value.remedy


def test_settings_that_were_not_given_are_the_earlier_ones() -> None:
    assert with_earlier(FinetuneConfig(rank=2), {"rank": 4, "steps": 9}, WHOSE) == FinetuneConfig(rank=2, steps=9)


def test_the_way_out_is_named_and_works() -> None:
    given, earlier = FinetuneConfig(preview_every=0), {"holdout": 1, "preview_every": 3}
    cause = "Adapter 1 was trained with holdout=1, which contradicts preview_every=0."
    assert refusal(given, earlier) == (cause, "Leave out preview_every, or give holdout=0 too.")
    assert with_earlier(FinetuneConfig(preview_every=0, holdout=0), earlier, WHOSE).holdout == 0
    more = {"holdout": 1, "keep": "best", "patience": 2}
    assert refusal(given, more) == (cause, "Leave out preview_every, or give holdout=0 keep=last patience=0 too.")
    out = with_earlier(FinetuneConfig(preview_every=0, holdout=0, keep="last", patience=0), more, WHOSE)
    assert out == FinetuneConfig(preview_every=0)
    cause = "Adapter 1 was trained with keep=best, which contradicts holdout=0."
    assert refusal(FinetuneConfig(holdout=0), more) == (cause, "Leave out holdout, or give keep=last patience=0 too.")


def test_a_switch_is_switched_off_and_a_run_that_goes_on_has_one_way() -> None:
    given, scored = FinetuneConfig(preview_every=0), {"holdout": 1, "patience": 2, "ease_off": True}
    ways = "Leave out preview_every, or give holdout=0 patience=0 ease_off=False too."
    assert refusal(given, scored)[1] == ways
    assert with_earlier(FinetuneConfig(preview_every=0, holdout=0, patience=0, ease_off=False), scored, WHOSE) == given
    only = "Leave out preview_every."
    assert refusal(given, {"holdout": 1}, can_be_replaced=False)[1] == only


def test_a_fault_that_no_given_setting_has_part_in_keeps_its_words() -> None:
    said = ("keep needs scores, and no image is held back for them.", "Give holdout=1 with it.")
    for given in (FinetuneConfig(), FinetuneConfig(rank=2)):
        assert refusal(given, {"keep": "best"}) == said
