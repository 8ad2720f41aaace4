"""The claims that are counts: the paper's published numbers beside those of our models. Nothing is drawn."""

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.claim import Claim, Expected, Job, OfSeed
from lambda_studio.miniature.paper.players import Players
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.networks import DIM
from lambda_studio.models.adapters.lora.shape import TARGETS, is_target
from lambda_studio.models.prior import PriorTransformer

FLOAT = 4
"""Bytes of a number of an adapter or an embedding."""
MILLION, THOUSAND = 1e6, 1e3
PAPER, LAYOUT, OWN = "the paper", "its layout, counted", "the miniature, counted"
ZERO_PAPER, ZERO_OWN = "zero-shot, the paper", "zero-shot, the miniature"
TUNED_PAPER, TUNED_LAYOUT, TUNED_OWN = (
    f"fine-tuned, {whose}" for whose in ("the paper", "its layout", "the miniature")
)
IN_TABLE_1 = {"prior": 34.0, "steps": 100.0, "pictures": 2000.0, "hours": 74.0}
"""Table 1 of the paper."""
TUNED_DECODER = 900.0
"""Table 2 of the paper, in millions: the parameters of its own decoder that fine-tuning trains."""
TUNING_STEPS = 400
"""The steps for one subject in the published training script."""


def table_1(job: Job) -> OfSeed:
    """Count the parameters, steps and pictures of a prior's training. Neither seed nor pictures change them."""
    stack, recipe = Players().stack, RecipeConfig()
    return {
        PAPER: {**IN_TABLE_1, "decoder": TUNED_DECODER},
        LAYOUT: {"prior": millions(published_prior()), "decoder": millions(published_unet())},
        OWN: {
            "prior": millions(stack.prior()),
            "decoder": millions(stack.decoder().unet),
            "steps": recipe.prior.steps / THOUSAND,
            "pictures": recipe.pictures / THOUSAND,
        },
    }


def table_7(job: Job) -> OfSeed:
    """Count what a subject needs: pictures, steps, trained parameters, bytes. Neither seed nor pictures change them."""
    steps = float(FinetuneConfig().steps)
    layout, own = (lora_numbers(unet) for unet in (published_unet(), Players().stack.decoder().unet))
    nothing = {"steps": 0.0, "parameters": 0.0}
    return {
        ZERO_PAPER: {**nothing, "pictures": 1.0, "stored": 0.0},
        ZERO_OWN: {**nothing, "pictures": 1.0, "stored": DIM * FLOAT / MILLION},
        TUNED_PAPER: {"steps": float(TUNING_STEPS), "parameters": TUNED_DECODER},
        TUNED_LAYOUT: {"steps": steps, "parameters": layout / MILLION, "stored": layout * FLOAT / MILLION},
        TUNED_OWN: {"steps": steps, "parameters": own / MILLION, "stored": own * FLOAT / MILLION},
    }


def millions(model: nn.Module) -> float:
    """Return the number of a network's parameters, in millions."""
    return sum(parameter.numel() for parameter in model.parameters()) / MILLION


def lora_numbers(unet: nn.Module) -> int:
    """Return how many numbers the LoRA of the default settings has on a UNet. It has no convolutions."""
    targets, rank = TARGETS["attention"], FinetuneConfig().rank
    return sum(
        rank * (module.in_features + module.out_features)
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear) and is_target(name, targets)
    )


def published_prior() -> PriorTransformer:
    """Return the published prior's layout, without numbers."""
    with torch.device("meta"):
        return PriorTransformer()


def published_unet() -> UNet2DConditionModel:
    """Return the layout of Kandinsky 2.2's published decoder, without numbers."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64, in_channels=4, out_channels=8, block_out_channels=(384, 768, 1152, 1536),
            layers_per_block=3, down_block_types=("ResnetDownsampleBlock2D", *("SimpleCrossAttnDownBlock2D",) * 3),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=(*("SimpleCrossAttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D"), cross_attention_dim=768,
            attention_head_dim=64, encoder_hid_dim=1280, encoder_hid_dim_type="image_proj",
            addition_embed_type="image", resnet_time_scale_shift="scale_shift",
        )  # fmt: skip


COUNTED = (
    Claim(
        key="table-1",
        title="What training the prior takes",
        says="34M parameters, 100K steps, 2M pictures and 74 GPU hours (Table 1); the decoder that draws is not "
        "trained. Table 2 says that fine-tuning trains 0.9B parameters of it.",
        here="Counted in the layouts of the published files, and in the miniature and its recipe. The hours of the "
        "miniature's prior alone were not recorded; its model card has those of all parts.",
        ways=(PAPER, LAYOUT, OWN),
        columns={
            "prior": "parameters that are trained, in millions", "decoder": "parameters of the decoder, in millions",
            "steps": "thousands of steps of the prior", "pictures": "thousands of pictures of the prior's training",
            "hours": "GPU hours",
        },
        expected=(
            Expected(LAYOUT, PAPER, "prior", margin=1.0), Expected(PAPER, LAYOUT, "prior", margin=1.0),
            Expected(PAPER, LAYOUT, "decoder", margin=100.0),
        ),
        measure=table_1,
        counted=True,
    ),
    Claim(
        key="table-7",
        title="What a subject takes",
        says="Zero-shot, one picture of a subject is enough, and nothing is learnt or stored for it (Table 7, appendix "
        "E). Fine-tuning trains 0.9B parameters (Table 2), by the published script in 400 steps.",
        here="One reference's embedding, and a LoRA with the default settings, in float32. The paper does not say how "
        "many bytes a fine-tuned subject takes.",
        ways=(ZERO_PAPER, ZERO_OWN, TUNED_PAPER, TUNED_LAYOUT, TUNED_OWN),
        columns={
            "pictures": "pictures of a subject that are needed", "steps": "steps of training for one subject",
            "parameters": "trained parameters, in millions", "stored": "MB that are stored for a subject",
        },
        expected=(
            Expected(ZERO_PAPER, ZERO_OWN, "stored", margin=0.01), Expected(TUNED_OWN, ZERO_OWN, "stored"),
        ),
        measure=table_7,
        counted=True,
    ),
)  # fmt: skip
