"""The plan of a fine-tuning run, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.texts.tables import counted, spoken, table

if TYPE_CHECKING:
    from lambda_studio.studio import FinetunePlan


PREDICTIONS = "the prior's predictions for names and captions"
LEARNT = {
    "paper": "learnt from the images' own embeddings",
    "prior": f"learnt only from {PREDICTIONS}",
    "both": f"learnt also from {PREDICTIONS}",
    "scenes": f"learnt also from {PREDICTIONS}; where masks show the subjects, in other places and beside others",
}
"""What a training with these conditions learns from."""


SAID = (
    "batch_size", "conditions", "gradient_accumulation_steps", "keep_dressed", "learning_rate", "method", "rank",
    "random_flip", "start_from", "steps",
)  # fmt: skip
"""Settings that have a line of their own."""


def plan_lines(plan: "FinetunePlan", start_from: str | None = None) -> Iterator[str]:
    """Yield a plan in words. `start_from` is the adapter that the training begins with."""
    from lambda_studio.settings.written import written

    rows = [(each.name, each.noun, f"{each.version}", f"{each.images}", f"{each.seen:,}") for each in plan.concepts]
    yield from table(("CONCEPT", "NOUN", "VERSION", "IMAGES", "DRAWN"), rows)
    settings = plan.settings
    method = f"lora of rank {settings['rank']}" if settings["method"] == "lora" else settings["method"]
    steps = "1 step" if plan.steps == 1 else f"{plan.steps:,} steps"
    rate = f"learning rate {settings['learning_rate']:g}"
    yield f"{method} for {plan.stack}: {steps} of {counted(plan.images_a_step, 'image')}, {rate}"
    if start_from:
        yield f"begins with adapter {start_from}, and trains what it knows too"
    conditions = settings.get("conditions", "paper")
    yield f"{LEARNT[conditions]} (--conditions {conditions})"
    if settings.get("random_flip"):
        too = [] if conditions == "prior" else ["mirror images are learnt too"]
        one_way = (
            [] if conditions == "paper" else ["from predictions, subjects as they face in most images with a mask"]
        )
        yield f"{'; '.join(too + one_way)} (--no-random-flip mirrors none)"
    if prompts := settings.get("keep_dressed"):
        said = counted(prompts, "prompt")
        such = 'such as "a <name> wearing a hat"'
        yield f"the LoRA changes nothing for {said} for each picture, {such} (--keep-dressed {prompts})"
    if others := [f"{name} {written(value)}" for name, value in plan.unusual.items() if name not in SAID]:
        yield f"other settings: {', '.join(others)}"
    if plan.process_bytes is not None:
        yield f"memory: about {gib(plan.process_bytes)} for this process, measured here"
    elif plan.needed_bytes is not None and plan.free_bytes is not None:
        whose = "GPU memory" if plan.of_gpu else "memory"
        yield f"memory: about {gib(plan.needed_bytes)}, and {gib(plan.free_bytes)} of {whose} are free"
    if plan.buckets:
        yield f"shapes that images are learnt in: {', '.join(map(str, plan.buckets))}"
    if plan.to_encode:
        yield f"first, {counted(plan.to_encode, 'crop')} of the images will be encoded for the decoder"
    if plan.seconds is not None:
        yield f"time: about {spoken(plan.seconds)} for the steps ({plan.seconds_a_step:.2g} s for each, measured here)"
    if plan.not_measured:
        yield f"time: not measured. {plan.not_measured}"
    for each in plan.concepts:
        if each.held_back:
            yield f"{each.name}: not trained on, for the scores: {', '.join(each.held_back)}"
    yield from map(str, plan.remarks)


def gib(size: int) -> str:
    """Return a size of memory."""
    return f"{size / 2**30:.1f} GiB"
