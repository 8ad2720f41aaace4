"""A batch is parted by the shape of its latents, and nothing of it is lost or changed."""

from dataclasses import replace

import pytest
import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.randomness import EvenOrder, MicroBatch, MicroStep, draw_micro_batch
from lambda_studio.training.tables import KEPT, Tables

SHAPES = [(4, 4, 4), (4, 2, 8), (4, 4, 4), (4, 8, 2)]
CPU = torch.device("cpu")


def examples(shapes=SHAPES, masks: bool = False, dim: int = 32) -> list[Example]:
    draw = torch.Generator().manual_seed(1)
    return [
        Example(
            "rex", str(row), torch.randn(shape, generator=draw), torch.randn(dim, generator=draw),
            mask=(torch.arange(shape[1] * shape[2]).view(shape[1:]) % 2).float() if masks and row else None,
        )
        for row, shape in enumerate(shapes)
    ]  # fmt: skip


def test_each_example_is_in_one_part_with_its_own_noise_and_timestep() -> None:
    rows, tables = examples(), Tables(examples(), CPU)
    assert tables.largest == (4, 8, 8)
    batch = MicroBatch(torch.tensor([3, 0, 1, 2, 0]), torch.randn(5, *tables.largest), torch.arange(5))
    parts = list(tables.parts(batch))
    assert sorted(int(step) for part in parts for step in part.batch.timesteps) == [0, 1, 2, 3, 4]
    for part in parts:
        latents, embeds, masks = tables.select(part.shape, part.batch.rows)
        assert masks is None and part.batch.noise.shape == latents.shape
        for at, step in enumerate(part.batch.timesteps.tolist()):
            example, (_, height, width) = rows[int(batch.rows[step])], latents.shape[1:]
            assert torch.equal(latents[at], example.latents) and torch.equal(embeds[at], example.image_embeds)
            assert torch.equal(part.batch.noise[at], batch.noise[step, :, :height, :width])


def test_masks_have_the_shape_of_their_latents_and_a_least_weight() -> None:
    rows = examples(masks=True)
    tables = Tables(rows, CPU, background=0.1)
    everything = MicroBatch(torch.arange(4), torch.randn(4, *tables.largest), torch.arange(4))
    found = {}
    for part in tables.parts(everything):
        _, _, masks = tables.select(part.shape, part.batch.rows)
        found |= dict(zip(part.batch.rows.tolist(), masks, strict=True))
    assert torch.equal(found[0], torch.ones(4, 4)), "without a mask all of it counts"
    for row in (1, 2, 3):
        assert torch.equal(found[row], rows[row].mask.clamp(min=0.1))


def test_of_an_embedding_of_another_place_only_the_subject_counts() -> None:
    rows = [replace(row, only_subject=number == 2) for number, row in enumerate(examples(SHAPES[:1] * 3, masks=True))]
    everything = torch.arange(3)
    for background, beside in ((None, torch.ones(4, 4)), (0.1, rows[1].mask.clamp(min=0.1))):
        _, _, masks = Tables(rows, CPU, background).select(0, everything)
        assert torch.equal(masks[2], rows[2].mask) and torch.equal(masks[1], beside)
    plain = Tables(rows[:2], CPU)
    assert plain.select(0, everything[:2])[2] is None and plain.learnt_of(0, everything[:2]) is None


def test_what_is_kept_around_a_subject_has_its_share_however_small_the_subject_is() -> None:
    rows = [replace(row, only_subject=number == 2) for number, row in enumerate(examples(SHAPES[:1] * 3, masks=True))]
    rows[2] = replace(rows[2], mask=torch.zeros(4, 4).index_fill(0, torch.tensor([1]), 1.0))
    tables, everything = Tables(rows, CPU, keeps=True), torch.arange(3)
    _, _, masks = tables.select(0, everything)
    learnt = tables.learnt_of(0, everything)
    assert torch.equal(masks[:2], torch.ones(2, 4, 4)) and torch.equal(learnt[:2], torch.ones(2, 4, 4))
    assert torch.equal(learnt[2], rows[2].mask)
    large = replace(rows[2], mask=torch.ones(4, 4).index_fill(0, torch.tensor([0]), 0.0))
    assert Tables([large], CPU, keeps=True).select(0, everything[:1])[2].max() == 1, "no latent counts more"
    inside = rows[2].mask.bool()
    assert masks[2][~inside].sum() == pytest.approx(KEPT * masks[2][inside].sum().item())


def test_a_batch_of_one_shape_is_one_part_as_it_is() -> None:
    tables = Tables(examples(SHAPES[:1] * 3), CPU)
    order = EvenOrder(["rex"] * 3, 0)
    batch = draw_micro_batch(order, MicroStep(0), 4, tables.largest, 1000)
    (part,) = tables.parts(batch)
    assert part.batch is batch


@pytest.fixture
def decoder(decoder_folder):
    return load_decoder(decoder_folder)


def test_the_loss_of_several_shapes_is_the_mean_over_the_examples(decoder) -> None:
    shapes = [(4, 8, 8), (4, 4, 8), (4, 8, 4)]
    objective = DecoderObjective(decoder, examples(shapes), FinetuneConfig(batch_size=3, rank=2))
    with objective.trainable(CPU), torch.no_grad():
        whole = objective.losses(decoder.unet, MicroStep(0))["loss"]
        drawn = draw_micro_batch(objective.order_at(0), MicroStep(0), 3, objective.tables.largest, 1000)
        alone = [
            objective._loss(decoder.unet, part)
            for at in range(3)
            for part in objective.tables.parts(
                MicroBatch(drawn.rows[at : at + 1], drawn.noise[at : at + 1], drawn.timesteps[at : at + 1])
            )
        ]
    assert len(alone) == 3
    torch.testing.assert_close(whole, torch.stack(alone).mean())


def test_a_run_of_several_shapes_is_resumed_to_the_same_weights(decoder_folder, tmp_path) -> None:
    rows, config = examples([(4, 8, 8), (4, 4, 8), (4, 8, 4)]), FinetuneConfig(steps=4, rank=2, batch_size=2)
    whole, parted = load_decoder(decoder_folder), load_decoder(decoder_folder)
    finetune_decoder(whole, rows, config, tmp_path / "whole")
    asked = iter([False, True])
    finetune_decoder(parted, rows, config, tmp_path / "parted", hooks=Hooks(should_stop=lambda: next(asked)))
    finetune_decoder(parted, rows, config, tmp_path / "parted", resume=True)
    for one, other in zip(whole.unet.parameters(), parted.unet.parameters(), strict=True):
        assert torch.equal(one, other)


def test_several_shapes_are_refused_for_several_processes(decoder) -> None:
    objective = DecoderObjective(decoder, examples(), FinetuneConfig(rank=2))
    with pytest.raises(InvalidSetting, match=r"3 shapes, and 2 processes train\. Leave out aspect_ratio_buckets\."):
        objective.describe(2)
    assert objective.describe(1)["latents"] == "4x2x8, 4x4x4, 4x8x2"
