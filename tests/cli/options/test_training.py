"""Options of fine-tuning arrive as settings, and wrong ones are named as they were given."""

import json

import pytest

TUNE = ("finetune", "rex", "--steps", 1, "--batch-size", 1, "--json")


@pytest.fixture
def tuned(studio, photos):
    """Fine-tune with more options, and give the adapter's settings."""
    studio("add-concept", "rex", *photos, "--noun", "dog")

    def tune(*options):
        answer = studio(*TUNE, *options)
        assert answer.code == 0, answer.err
        return json.loads(answer.out)["adapter"]["settings"]

    return tune


def test_the_shape_of_a_lora_is_given_with_pefts_names(tuned) -> None:
    shape = ("--rank", 2, "--lora-alpha", 4, "--lora-dropout", 0.1, "--dora", "--use_rslora", "--targets", "image")
    given = {"rank": 2, "lora_alpha": 4.0, "lora_dropout": 0.1, "use_dora": True, "use_rslora": True}
    assert {**given, "targets": "image"}.items() <= tuned(*shape).items()


def test_losses_and_crops_are_given_with_diffusers_names(tuned) -> None:
    loss = ("--snr_gamma", 5, "--soft-min-snr", "--masked-loss", "--background-weight", 0.2, "--keep-dressed", 2)
    given = {"snr_gamma": 5.0, "soft_min_snr": True, "masked_loss": True, "background_weight": 0.2, "keep_dressed": 2}
    crops = {"variants": 3, "random_flip": True, "timestep_sampling": "logit-normal"}
    found = tuned(*loss, "--variants", 3, "--random_flip", "--timestep-sampling", "logit-normal")
    assert {**given, **crops}.items() <= found.items()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--lora-alpha", 0), "--lora-alpha is 0.0.\n  → Give more than 0, up to 65536."),
        (("--soft-min-snr",), "--soft-min-snr is on.\n  → Give --snr-gamma 5 with it."),
        (("--variants", 0), "--variants is 0.\n  → Give 1 to 16."),
        (
            ("--dora", "--method", "full"),
            "--dora is on, and the whole UNet is trained.\n  → Leave out --dora, or give --method lora.",
        ),
    ],
)
def test_a_wrong_option_is_named(studio, options, said) -> None:
    answer = studio("finetune", "rex", *options)
    assert (answer.code, answer.err) == (2, f"Error: {said}\n")
