"""Plan a fine-tuning run before anything slow: what is trained, how long, in what memory, and what may spoil it."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import torch

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig, Size, chosen_settings
from lambda_studio.errors import ModelFilesNotFetched
from lambda_studio.models.memory.hardware import process_peak
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import train_config
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.training.planning.timing import seconds_a_step
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.cache.left_out import require_pictures
from lambda_studio.workflows.cache.training_set import ExampleTable
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.tuning.planning.dataset import TrainingPictures, not_told_apart
from lambda_studio.workflows.tuning.planning.framing import framing_remarks
from lambda_studio.workflows.tuning.planning.plan import Bucket, ConceptShare, FinetunePlan
from lambda_studio.workflows.tuning.planning.planning import note_emulation, plan_memory, weights_dtype
from lambda_studio.workflows.tuning.planning.requirements import require_trainable, start_file
from lambda_studio.workflows.tuning.settings import idle, unusual
from lambda_studio.workflows.workplace import Workplace


def plan_finetuning(place: Workplace, concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> FinetunePlan:
    """Return the plan of a run. If all models are on this machine, the decoder is loaded and a few steps are timed.

    Raises:
        PicturesLeftOut, ContentDamaged, InvalidSetting, the errors of prompts, and those of model loading.
    """
    require_trainable(place, concepts, config)
    remarks = tuple(checked(place, concepts, config))
    try:
        place.stack.require_fetched()
    except ModelFilesNotFetched as error:
        return replace(_plan(place.stack, concepts, config, remarks), not_measured=error.cause)
    start_file(place, config)
    return _measured(place, concepts, config, remarks)


def checked(place: Workplace, concepts: Sequence[ConceptRecord], config: FinetuneConfig) -> Iterator[Remark]:
    """Iterate over what may spoil the training. Raises PicturesLeftOut and ContentDamaged: they make it impossible."""
    require_pictures(concepts, "fine-tuning")
    pictures = TrainingPictures(place, concepts)
    pictures.require_whole()
    yield from pictures.remarks()
    yield from framing_remarks(pictures.crops, concepts, config)
    to_box = not_told_apart(concepts)
    effects = _without_masks(config)
    for concept in concepts if effects else ():
        if lacking := [number for number, image in enumerate(concept.images, start=1) if image.mask_sha is None]:
            count = len(concept.images)
            which = "no image has a mask" if len(lacking) == count else f"{len(lacking)} of {count} images have no mask"
            said = f"{which}. Images without one are {', and '.join(effects)}."
            marks = " ".join(f"--segment {number}=auto" for number in lacking)
            way = f" To find the subject in them: studio concepts edit {shlex.quote(concept.name)} {marks}"
            yield Remark(concept.name, said + way * (concept.name not in to_box))


def _without_masks(config: FinetuneConfig) -> list[str]:
    """Return how a training by these settings treats images without masks."""
    treated = {
        "not learnt in other places or beside other concepts": config.conditions == "scenes",
        "not mirrored for predictions": config.conditions != "paper" and config.random_flip,
        "learnt in one crop": config.variants > 1,
        "learnt with all that is around the subject": config.masked_loss,
    }
    return [how for how, happens in treated.items() if happens]


def _measured(
    place: Workplace, concepts: Sequence[ConceptRecord], config: FinetuneConfig, remarks: tuple[Remark, ...]
) -> FinetunePlan:
    note_emulation(place.stack, config, place.notify)
    stack, memory = place.stack, plan_memory(place.stack, config)
    config = memory.config
    table = ExampleTable(place.database, stack, place.progress, should_stop=lambda: False)
    training, resolution = hold_out(concepts, config.holdout).training, config.resolution or stack.resolution
    found = replace(
        _plan(stack, concepts, config, remarks),
        to_encode=table.to_encode(training, resolution, config),
        buckets=buckets(table, training, resolution, config),
        needed_bytes=memory.needed,
        free_bytes=memory.free,
        of_gpu=memory.of_gpu,
    )
    if not memory.fits:
        return replace(found, not_measured=memory.said())
    seconds = _seconds_a_step(stack, config)
    return replace(found, seconds_a_step=seconds, process_bytes=None if memory.of_gpu else process_peak())


def buckets(
    table: ExampleTable, concepts: Sequence[ConceptRecord], resolution: int, config: FinetuneConfig
) -> tuple[Bucket, ...]:
    """Return the shapes that images are learnt in, the most frequent first; none without `aspect_ratio_buckets`."""
    if not config.aspect_ratio_buckets:
        return ()
    shapes = table.shapes(concepts, resolution, config)
    return tuple(Bucket(size.width, size.height, images) for size, images in shapes.items())


def _plan(
    stack: Stack, concepts: Sequence[ConceptRecord], config: FinetuneConfig, remarks: tuple[Remark, ...]
) -> FinetunePlan:
    images_a_step = config.batch_size * config.gradient_accumulation_steps
    weights = {each.name: (config.weights or {}).get(each.name, 1.0) for each in concepts}
    of_one = config.steps * images_a_step / sum(weights.values())
    seen = {name: round(of_one * weight) for name, weight in weights.items()}
    held = hold_out(concepts, config.holdout)
    shares = (
        ConceptShare(
            each.name, each.noun, each.version, len(each.images), seen[each.name],
            tuple(image.source_name for image in held.held.get(each.name, ())),
        )
        for each in held.training
    )  # fmt: skip
    settings = {**asdict(config), "learning_rate": config.effective_learning_rate}
    said = (*remarks, *(Remark(name, text) for name, text in held.too_few.items()))
    without_effect = idle(config)  # a notice names them
    differing = unusual(chosen_settings(config), stack.spec.finetune)
    differing = {name: value for name, value in differing.items() if name not in without_effect}
    return FinetunePlan(stack.spec.name, tuple(shares), settings, config.steps, images_a_step, said, unusual=differing)


def _seconds_a_step(stack: Stack, config: FinetuneConfig) -> float:
    """Train a decoder of its own for a few steps on values of no meaning, and free it."""
    decoder = stack.own_decoder(("unet",), weights_dtype(config))
    shape = decoder.latent_shape(Size.square(config.resolution or stack.resolution))
    half = torch.full(shape[1:], 0.5)
    again = config.conditions == "scenes" or config.keep_dressed > 0  # these take another forward pass
    example = Example(
        "none", "", torch.zeros(shape), torch.zeros(stack.embedding_dim), mask=half, only_subject=again
    )  # fmt: skip
    return seconds_a_step(DecoderObjective(decoder, [example], config), train_config(config))
