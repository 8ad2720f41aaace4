"""A plan in words: the memory where there is a GPU, the time where it was measured, and every remark."""

from dataclasses import replace

from cli.texts.training_plan import plan_lines
from lambda_studio.workflows.answers.runs import Remark
from lambda_studio.workflows.tuning.planning.plan import Bucket, ConceptShare, FinetunePlan

PLAN = FinetunePlan(
    stack="kandinsky-2.2",
    concepts=(ConceptShare("rex", "dog", 2, 5, 1600),),
    settings={"method": "full", "rank": 16, "learning_rate": 1e-5},
    steps=1200,
    images_a_step=4,
    remarks=(Remark("rex", "1 image."),),
)


def test_what_is_known_is_said_and_nothing_else() -> None:
    lines = list(plan_lines(PLAN))
    assert [line.split() for line in lines[:2]] == [
        ["CONCEPT", "NOUN", "VERSION", "IMAGES", "DRAWN"],
        ["rex", "dog", "2", "5", "1,600"],
    ]
    assert lines[2:] == [
        "full for kandinsky-2.2: 1,200 steps of 4 images, learning rate 1e-05",
        "learnt from the images' own embeddings (--conditions paper)",
        "rex: 1 image.",
    ]
    assert list(plan_lines(PLAN, "hats"))[3] == "begins with adapter hats, and trains what it knows too"
    scenes = replace(PLAN, settings={**PLAN.settings, "conditions": "scenes"})
    assert list(plan_lines(scenes))[3].endswith("in other places and beside others (--conditions scenes)")
    mirrored = replace(PLAN, settings={**PLAN.settings, "random_flip": True})
    assert list(plan_lines(mirrored))[4] == "mirror images are learnt too (--no-random-flip mirrors none)"
    one_way = "from predictions, subjects as they face in most images with a mask (--no-random-flip mirrors none)"
    for conditions, too in (("both", "mirror images are learnt too; "), ("prior", "")):
        predicted = replace(PLAN, settings={**mirrored.settings, "conditions": conditions})
        assert list(plan_lines(predicted))[4] == f"{too}{one_way}"
    for count, said in ((1, "1 prompt"), (2, "2 prompts")):
        kept = replace(PLAN, settings={**PLAN.settings, "keep_dressed": count})
        line = f'the LoRA changes nothing for {said} for each picture, such as "a <name> wearing a hat"'
        assert list(plan_lines(kept))[4] == f"{line} (--keep-dressed {count})"
    other = {"steps": 1200, "rank": 4, "use_dora": True, "ema_decay": 0.99, "weights": {"rex": 2.0}}
    said = "other settings: use_dora yes, ema_decay 0.99, weights rex 2"
    assert list(plan_lines(replace(PLAN, unusual=other)))[4] == said
    single = replace(PLAN, steps=1, images_a_step=1)
    assert list(plan_lines(single))[2] == "full for kandinsky-2.2: 1 step of 1 image, learning rate 1e-05"
    on_gpu = replace(PLAN, needed_bytes=5 * 2**30, free_bytes=2**33, of_gpu=True, seconds_a_step=0.25, to_encode=3)
    assert list(plan_lines(on_gpu))[4:-1] == [
        "memory: about 5.0 GiB, and 8.0 GiB of GPU memory are free",
        "first, 3 crops of the images will be encoded for the decoder",
        "time: about 5 min 0 s for the steps (0.25 s for each, measured here)",
    ]
    on_cpu = replace(PLAN, needed_bytes=2**33, free_bytes=2**32, of_gpu=False)
    assert list(plan_lines(on_cpu))[4] == "memory: about 8.0 GiB, and 4.0 GiB of memory are free"
    measured = list(plan_lines(replace(on_cpu, process_bytes=3 * 2**29)))
    assert measured[4:-1] == ["memory: about 1.5 GiB for this process, measured here"]
    absent = replace(PLAN, not_measured="It is not on this machine.")
    assert list(plan_lines(absent))[4] == "time: not measured. It is not on this machine."


def test_the_shapes_of_buckets_are_said() -> None:
    shaped = replace(PLAN, buckets=(Bucket(576, 448, 3), Bucket(512, 512, 1)))
    assert list(plan_lines(shaped))[4] == "shapes that images are learnt in: 576x448 (3 images), 512x512 (1 image)"


def test_files_that_are_held_back_are_named() -> None:
    held = replace(PLAN, concepts=(ConceptShare("rex", "dog", 2, 5, 1600, ("a.jpg", "b.jpg")),))
    assert list(plan_lines(held))[4] == "rex: not trained on, for the scores: a.jpg, b.jpg"
