"""Train small decoders of two families on the same pictures, for the claim about other decoders."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from jaxtyping import Float
from torch import Tensor

from concepts.durable import make_folder, remove, staged_folder
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.networks import DIM, LATENTS, build_unet
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stage import LossOf, StageConfig, StageObjective, train_stage
from lambda_studio.miniature.recipe.stages.whitening import Whitening
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder
from lambda_studio.models.decoders.protocol import Decoder, Generators
from lambda_studio.models.decoders.unclip.image_noise import ImageNoise
from lambda_studio.models.decoders.unclip.parts import LoadedParts
from lambda_studio.models.decoders.unclip.stable_unclip import StableUnclipDecoder, TextStates
from lambda_studio.models.files.locating import fingerprint
from lambda_studio.models.stacks.specification import BUILT_IN, WEIGHTS
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.training.objectives.objectives import NoisedBatch, noise_prediction_loss

PICTURES = 24_576
STEPS, BATCH = 2_000, 64
SEED = 1
"""Of the decoders. The seeds of the claim change subjects and noise, not the training."""
WITHOUT = 0.1
"""The share of pictures that are learnt without their embedding, for guidance."""
PLACES_OF_TEXT = 8
"""Token states of Stable unCLIP's empty prompt. They are zeros here."""
TEXT_DIM = 32
KANDINSKY, STABLE = "Kandinsky 2.2", "Stable unCLIP"


class InMovqLatents(StableUnclipDecoder):
    """A decoder of Stable unCLIP whose latents are those of another decoder, `own`."""

    def __init__(self, parts: LoadedParts, scheduler: DDIMScheduler, own: Decoder):
        super().__init__(parts, scheduler, own.scale_factor)
        self._own = own

    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False, generators: Generators | None = None
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1."""
        return self._own.decode(latents, in_tiles)


def kandinsky(own: Any) -> Decoder:
    """Return the miniature's decoder with an untrained UNet. `own` has its MoVQ."""
    return KandinskyDecoder(build_unet(), own.movq, _schedule("epsilon"))


def stable_unclip(own: Any) -> Decoder:
    """Return a decoder of Stable unCLIP's family, with an untrained UNet of about as many parameters.

    Its UNet gets the image embedding with its noise level as a class, predicts the velocity, and reads the states of an
    empty prompt. No noise is added. The embeddings are whitened already, so that they are not normalised again.
    """
    unet = UNet2DConditionModel(
        sample_size=LATENTS, in_channels=4, out_channels=4, block_out_channels=(64, 112, 160), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=TEXT_DIM,
        attention_head_dim=(4, 7, 10), norm_num_groups=16, use_linear_projection=True,
        class_embed_type="projection", projection_class_embeddings_input_dim=2 * DIM,
    )  # fmt: skip
    condition = ImageNoise(torch.zeros(1, DIM), torch.ones(1, DIM), torch.ones(1000), noise_level=0)
    networks = {"unet": unet, "condition": condition, "text": TextStates(torch.zeros(1, PLACES_OF_TEXT, TEXT_DIM))}
    return InMovqLatents(LoadedParts({"unet": networks}, {}), _schedule("v_prediction"), own)


def _schedule(prediction_type: str) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False, steps_offset=1,
        prediction_type=prediction_type,
    )  # fmt: skip


BUILDERS: dict[str, Callable[[Any], Decoder]] = {KANDINSKY: kandinsky, STABLE: stable_unclip}


@dataclass(frozen=True)
class Decoders:
    """The decoders of a job's folder. A decoder that is there is not trained again; a stopped training goes on."""

    job: Job
    stack: Stack
    """Has the miniature's CLIP and MoVQ."""

    def trained(self, family: str) -> Decoder:
        """Return the decoder of a family. It draws whitened embeddings."""
        torch.manual_seed(SEED)
        decoder = BUILDERS[family](self.stack.decoder(("autoencoder",)))
        name = family.lower().replace(" ", "-")
        folder, runs = self._folder / name, self._folder / "runs"
        if not folder.is_dir():
            config = StageConfig(steps=STEPS, batch_size=BATCH, learning_rate=1e-3, ema_decay=0.995)
            train_stage(StageObjective(name, decoder.unet, self._loss(decoder), config), runs, self.job.progress)
            with staged_folder(folder) as staged:
                decoder.unet.save_pretrained(staged)
        remove(runs / name)
        decoder.unet.load_state_dict(UNet2DConditionModel.from_pretrained(folder).state_dict())
        decoder.unet.eval().requires_grad_(False)
        return decoder

    @cached_property
    def whiten(self) -> Whitening:
        """Makes embeddings those that the decoders learn from."""
        return Whitening.of(self._targets["image_embeds"])

    @cached_property
    def zero(self) -> Tensor:
        """The whitened embedding of no picture."""
        return self.whiten(self.stack.clip().zero_image_embeds())

    @cached_property
    def _folder(self) -> Path:
        said = {"pictures": PICTURES, "steps": STEPS, "batch": BATCH}
        folder = self.job.folder / f"{fingerprint(said, sorted(WEIGHTS.rglob('*.safetensors')))[:12]}-decoders"
        make_folder(folder)
        return folder

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        edges = BUILT_IN["miniature"].edges
        config = replace(RecipeConfig.continuing(WEIGHTS, edges), seed=SEED, decoder_pictures=PICTURES)
        return Recipe(self._folder / "pictures", config, self.job.progress).targets()

    def _loss(self, decoder: Decoder) -> LossOf:
        """Return Eq. 2's loss on the pictures, a share of them without their embedding."""
        latents, embeds = self._targets["latents"].float(), self.whiten(self._targets["image_embeds"])
        nothing, steps = decoder.no_picture(self.zero), decoder.scheduler.config.num_train_timesteps

        def loss_of(step: int) -> dict[str, Tensor]:
            generator = seeded(SEED, "decoder", step)
            rows = torch.randint(len(latents), (BATCH,), generator=generator)
            without = torch.rand(BATCH, 1, generator=generator) < WITHOUT
            noise = torch.randn(BATCH, *latents.shape[1:], generator=generator)
            timesteps = torch.randint(steps, (BATCH,), generator=generator)
            batch = NoisedBatch(latents[rows], torch.where(without, nothing, embeds[rows]), noise, timesteps)
            return {"loss": noise_prediction_loss(decoder, batch)}

        return loss_of
