"""The claims that are counts: the paper's published numbers beside those of our models. Nothing is drawn."""

import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.paper.claim import Claim, Expected, Job, OfSeed
from lambda_studio.miniature.paper.players import Players, photographs
from lambda_studio.miniature.paper.priors import Trial, build_prior
from lambda_studio.miniature.paper.tuning import Tuning
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.networks import DIM
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stage import StageObjective
from lambda_studio.miniature.recipe.stages.prior import PriorBatches, prior_stage
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters
from lambda_studio.models.adapters.lora.shape import lora_shape
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.specification import BUILT_IN, WEIGHTS
from lambda_studio.pictures.crops import square_crop
from lambda_studio.training.finetuning import train_config
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.planning.timing import seconds_a_step

FLOAT = 4
"""Bytes of a number of an adapter or an embedding."""
MILLION, THOUSAND, HOUR = 1e6, 1e3, 3600.0
PAPER, LAYOUT, OWN = "the paper", "its layout, counted", "the miniature's recipe"
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
TUNING_HOURS = 0.2
"""Table 2 of the paper: GPU hours of its own fine-tuning."""
HOURS_HERE = "the miniature's are this computer's without a GPU, by the time of a step that was measured now"


def table_1(job: Job) -> OfSeed:
    """Count the parameters, steps and pictures of a prior's training, and time its steps."""
    stack, recipe = Players().stack, RecipeConfig()
    return {
        PAPER: {**IN_TABLE_1, "decoder": TUNED_DECODER},
        LAYOUT: {"prior": millions(published_prior()), "decoder": millions(published_unet())},
        OWN: {
            "prior": millions(stack.prior()),
            "decoder": millions(stack.decoder().unet),
            "steps": recipe.prior.steps / THOUSAND,
            "pictures": recipe.prior_pictures / THOUSAND,
            "hours": prior_seconds(recipe) * recipe.prior.steps / HOUR,
        },
    }


def prior_seconds(recipe: RecipeConfig) -> float:
    """Return the seconds that a step of the prior's training takes here, in batches of the recipe's size."""
    stage = recipe.prior
    with TemporaryDirectory() as folder:
        few = replace(RecipeConfig.continuing(WEIGHTS, BUILT_IN["miniature"].edges), prior_pictures=stage.batch_size)
        made, prior = Recipe(Path(folder), few), build_prior(Trial())
        batches = PriorBatches(made.train_clip(), made.embedded(), few.seed, stage.batch_size)
        loss_of = prior_stage(prior, batches)
        return seconds_a_step(StageObjective("prior", prior, loss_of, stage), stage.train_config("prior"))


def table_7(job: Job) -> OfSeed:
    """Count what a subject needs: pictures, steps, trained parameters, bytes. Time the encoding and the tuning."""
    players, kandinsky = Players(), FinetuneConfig().preferring(BUILT_IN["kandinsky-2.2"].finetune)
    config = FinetuneConfig().preferring(players.stack.spec.finetune)
    layout = lora_numbers(published_unet(), kandinsky)
    own = lora_numbers(Players().stack.decoder().unet, config)
    zero_hours, tuned_hours = encoding_seconds(players) / HOUR, tuning_seconds(players, config) * config.steps / HOUR
    nothing = {"steps": 0.0, "parameters": 0.0}
    return {
        ZERO_PAPER: {**nothing, "pictures": 1.0, "stored": 0.0},
        ZERO_OWN: {**nothing, "pictures": 1.0, "hours": zero_hours, "stored": DIM * FLOAT / MILLION},
        TUNED_PAPER: {"steps": float(TUNING_STEPS), "parameters": TUNED_DECODER, "hours": TUNING_HOURS},
        TUNED_LAYOUT: {
            "steps": float(kandinsky.steps), "parameters": layout / MILLION, "stored": layout * FLOAT / MILLION,
        },
        TUNED_OWN: {
            "steps": float(config.steps), "parameters": own / MILLION, "hours": tuned_hours,
            "stored": own * FLOAT / MILLION,
        },
    }  # fmt: skip


def encoding_seconds(players: Players) -> float:
    """Return the median seconds that CLIP takes for a photograph, of three after the first."""
    clip, times = players.stack.clip(), []
    (shown,) = photographs(players.subjects(1, 1)[0].who, 1, 1)
    for _ in range(4):
        began = time.perf_counter()
        clip.encode_images([square_crop(shown, clip.image_size)])
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def tuning_seconds(players: Players, config: FinetuneConfig) -> float:
    """Return the seconds that a step of fine-tuning takes here, as `studio finetune` learns by default."""
    tuning = Tuning(players, {0: players.subjects(1, 1)[0]}, 1, Path(), "scenes")  # the folder is not used
    objective = DecoderObjective(players.stack.decoder(), tuning.examples, config)
    return seconds_a_step(objective, train_config(config))


def millions(model: nn.Module) -> float:
    """Return the number of a network's parameters, in millions."""
    return sum(parameter.numel() for parameter in model.parameters()) / MILLION


def lora_numbers(unet: nn.Module, config: FinetuneConfig) -> int:
    """Return how many numbers the LoRA of these settings has on a UNet. The UNet keeps it."""
    add_lora(unet, lora_shape(config))
    return sum(parameter.numel() for parameter in lora_parameters(unet))


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
        here="Counted in the layouts of the published files, and in the miniature and its recipe from nothing on a "
        "CPU. The weights that ship went on from earlier ones, in more steps: see their model card.",
        ways=(PAPER, LAYOUT, OWN),
        columns={
            "prior": "parameters that are trained, in millions", "decoder": "parameters of the decoder, in millions",
            "steps": "thousands of steps of the prior", "pictures": "thousands of pictures of the prior's training",
            "hours": f"GPU hours; {HOURS_HERE}",
        },
        expected=(
            Expected(LAYOUT, PAPER, "prior", within=1.0), Expected(LAYOUT, PAPER, "decoder", within=100.0),
        ),
        measure=table_1,
        counted=True,
    ),
    Claim(
        key="table-7",
        title="What a subject takes",
        says="Zero-shot, one picture of a subject is enough, and nothing is learnt or stored for it (Table 7, appendix "
        "E). Fine-tuning trains 0.9B parameters in 0.2 GPU hours (Table 2), by the published script in 400 steps.",
        here="One reference's embedding, and a LoRA with each stack's default settings. The paper does not say how "
        "many bytes a fine-tuned subject takes.",
        ways=(ZERO_PAPER, ZERO_OWN, TUNED_PAPER, TUNED_LAYOUT, TUNED_OWN),
        columns={
            "pictures": "pictures of a subject that are needed", "steps": "steps of training for one subject",
            "parameters": "trained parameters, in millions", "hours": f"GPU hours for a subject; {HOURS_HERE}",
            "stored": "MB that are stored for a subject, in float32",
        },
        expected=(
            Expected(ZERO_OWN, ZERO_PAPER, "stored", within=0.01), Expected(TUNED_OWN, ZERO_OWN, "hours"),
        ),
        measure=table_7,
        counted=True,
    ),
)  # fmt: skip
