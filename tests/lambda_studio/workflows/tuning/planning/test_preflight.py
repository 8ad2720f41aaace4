"""A plan says what a run would train, for how long and in what memory, and starts nothing."""

from dataclasses import asdict, replace

import pytest
from PIL import Image

from concepts.errors import ConceptNotFound
from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.errors import InvalidSetting, ModelFilesNotFetched, StudioError
from lambda_studio.models.memory.hardware import process_peak
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.masks.marks import Box
from lambda_studio.workflows.tuning.planning import planning, preflight
from lambda_studio.workflows.tuning.planning.plan import Bucket

GIB = 2**30
FEW = FinetuneConfig(steps=3, rank=2, batch_size=4, gradient_accumulation_steps=2)


@pytest.fixture
def quick(monkeypatch) -> list:
    """Steps that take a second, and the shapes that they were timed with."""
    timed: list = []

    def time_them(objective, config) -> float:
        timed.append(({tuple(each.latents.shape) for each in objective.examples}, config.steps))
        return 1.0

    monkeypatch.setattr(preflight, "seconds_a_step", time_them)
    return timed


def not_fetched(stack: Stack) -> None:
    """Stand for the check of a stack whose files are only on the hub."""
    raise ModelFilesNotFetched("tiny is not on this machine.", "Fetch it.")


def test_a_plan_has_shares_settings_time_and_what_is_to_be_encoded(studio, add, photo, box, quick) -> None:
    add("rex", photo, box(1))
    add("red-hat", box(2), noun="hat")
    plan = studio.plan_finetune(None, FEW)
    shares = [(each.name, each.noun, each.version, each.images, each.seen) for each in plan.concepts]
    assert shares == [("red-hat", "hat", 1, 1, 12), ("rex", "dog", 1, 2, 12)]
    assert (plan.stack, plan.steps, plan.images_a_step, plan.to_encode) == ("tiny", 3, 8, 3)
    assert plan.settings == {**asdict(FEW), "learning_rate": 1e-4, "preview_every": 0}
    assert (plan.of_gpu, plan.seconds_a_step, plan.not_measured) == (False, 1.0, None)
    assert 0 < plan.needed_bytes < plan.free_bytes
    assert plan.process_bytes and plan.process_bytes == pytest.approx(process_peak(), rel=0.1)
    assert plan.remarks[0].concept == "red-hat" and plan.remarks[0].said.startswith("1 image: ")
    stack = studio.workplace.stack
    assert quick == [({stack.decoder(("unet",)).latent_shape(Size.square(stack.resolution))}, 3)]
    with studio.database.reading() as registry:
        assert registry.runs("default") == []
    assert set(studio.plan_finetune(None, replace(FEW, background_weight=0.3)).unusual) == set(plan.unusual)
    studio.finetune(None, FEW)
    assert studio.plan_finetune(None, FEW).to_encode == 0


def test_the_steps_of_a_run_are_those_of_its_plan(studio, add, photo, box, quick, notices) -> None:
    add("rex", photo)
    add("max", box(1))
    assert studio.plan_finetune(["rex"]).steps == 400
    assert studio.plan_finetune(None).steps == 662
    assert studio.plan_finetune(None, FinetuneConfig(steps=400)).steps == 400
    stopped = studio.finetune(None, should_stop=lambda: any(studio.home.glob("runs/*/loss.jsonl")))
    assert studio.runs.get(stopped.run_id).steps == 662
    alone = "1 image: its pose and its background are learnt as parts of the subject. Add others."
    assert [said for said in notices if alone in said] == [f"max: {alone}", f"rex: {alone}"]


def test_the_shapes_of_buckets_are_in_the_plan_and_told_by_the_run(studio, add, tmp_path, quick, notices) -> None:
    for number, size in enumerate([(90, 60), (60, 90), (96, 64), (70, 70)]):
        Image.effect_noise(size, 40 + number).convert("RGB").save(tmp_path / f"{number}.png")
    add("rex", *(tmp_path / f"{number}.png" for number in range(4)))
    bucketed = replace(FEW, aspect_ratio_buckets=True, variants=2, resolution=64)
    wide, *others = studio.plan_finetune(None, bucketed).buckets
    assert (wide.images, wide.width > wide.height, [each.images for each in others]) == (2, True, [1, 1])
    assert Bucket(64, 64, 1) in others
    assert studio.plan_finetune(None, replace(bucketed, aspect_ratio_buckets=False)).buckets == ()
    notices.clear()
    studio.finetune(None, bucketed)
    told = ", ".join(map(str, (wide, *others)))
    assert f"Shapes that images are learnt in: {told}." in notices


@pytest.mark.parametrize(("each", "fits"), [(2, True), (20, False)])
def test_on_a_gpu_the_memory_is_in_the_plan_and_what_does_not_fit_is_not_timed(
    studio, add, photo, quick, monkeypatch, each, fits
) -> None:
    monkeypatch.setattr(Stack, "on_gpu", True)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    monkeypatch.setattr(planning, "training_bytes", lambda blueprint, way: each * way.batch_size * GIB)
    add("rex", photo)
    plan = studio.plan_finetune(["rex"], FEW)
    assert (plan.free_bytes, plan.process_bytes) == (8 * GIB, None)
    assert (plan.seconds_a_step, bool(quick)) == ((1.0, True) if fits else (None, False))
    assert (plan.needed_bytes <= plan.free_bytes) is fits
    assert (plan.images_a_step, plan.settings["batch_size"]) == ((8, 2) if fits else (8, 1))
    assert (plan.not_measured is None) is fits


def test_without_a_gpu_what_does_not_fit_the_machine_is_not_timed(studio, add, photo, quick, monkeypatch) -> None:
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    monkeypatch.setattr(planning, "training_bytes", lambda blueprint, way: 20 * way.batch_size * GIB)
    add("rex", photo)
    plan = studio.plan_finetune(["rex"], FEW)
    assert (plan.of_gpu, plan.process_bytes, plan.seconds_a_step, quick) == (False, None, None, [])
    assert "8.0 GiB of memory are free. It may not fit, and the system may then end" in plan.not_measured


def test_models_that_are_not_here_are_not_downloaded_for_a_plan(studio, add, photo, quick, monkeypatch) -> None:
    add("rex", photo)
    monkeypatch.setattr(Stack, "require_fetched", not_fetched)
    plan = studio.plan_finetune(["rex"], FEW)
    assert (plan.not_measured, plan.seconds_a_step, plan.to_encode, quick) == (
        "tiny is not on this machine.", None, None, [],
    )  # fmt: skip


def test_what_cannot_be_trained_is_refused(studio, add, photo) -> None:
    with pytest.raises(ConceptNotFound):
        studio.plan_finetune(["rex"])
    add("rex", photo)
    with pytest.raises(InvalidSetting):
        studio.plan_finetune(["rex"], FinetuneConfig(resolution=7))


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"random_flip": True}, None),
        ({"conditions": "both"}, None),
        ({"variants": 3}, "learnt in one crop."),
        ({"masked_loss": True}, "learnt with all that is around the subject."),
        ({"conditions": "both", "random_flip": True}, "not mirrored for predictions."),
        (
            {"conditions": "scenes", "variants": 2},
            "not learnt in other places or beside other concepts, and learnt in one crop.",
        ),
    ],
)
def test_how_images_without_masks_are_learnt_is_said(studio, photo, box, quick, settings, said) -> None:
    studio.concepts.add("rex", [photo, box(1), box(2)], noun="dog", segment="none")
    config = FinetuneConfig(steps=1, rank=2, **settings)

    def remarks() -> list[str]:
        found = [each.said for each in studio.plan_finetune(["rex"], config).remarks]
        return [said for said in found if "Images without one" in said]

    way = " To find the subject in them: studio concepts edit rex"
    assert remarks() == (
        [f"no image has a mask. Images without one are {said}{way} --segment 1=auto --segment 2=auto --segment 3=auto"]
        if said
        else []
    )
    studio.concepts.edit("rex", masks={2: Box(0, 0, 50, 90, percent=True)})
    assert remarks() == (
        [f"2 of 3 images have no mask. Images without one are {said}{way} --segment 1=auto --segment 3=auto"]
        if said
        else []
    )


def test_a_subject_that_is_cut_off_is_said_by_the_plan_and_the_run(
    studio, tmp_path, quick, notices, monkeypatch
) -> None:
    Image.effect_noise((200, 100), 40).convert("RGB").save(tmp_path / "wide.png")
    mask = Image.new("L", (200, 100))
    mask.paste(255, (5, 30, 195, 70))
    mask.save(tmp_path / "mask.png")
    studio.concepts.add("rex", [tmp_path / "wide.png"], noun="dog", masks=[tmp_path / "mask.png"])
    said = "more than a quarter of the subject is outside of the square that is learnt"
    plan = studio.plan_finetune(["rex"], FEW)
    assert sum(said in each.said for each in plan.remarks) == 1
    notices.clear()
    with monkeypatch.context() as patched:
        patched.setattr(Stack, "require_fetched", not_fetched)
        unfetched = studio.plan_finetune(["rex"], FEW)
    assert unfetched.not_measured and sum(said in each.said for each in unfetched.remarks) == 1
    result = studio.finetune(["rex"], FEW)
    assert sum(said in each for each in notices) == sum(said in each.said for each in result.remarks) == 1


def test_a_wrong_preview_is_refused_by_the_plan_and_the_run(studio, add, photo) -> None:
    add("rex", photo)
    for prompt, said in (("a <max>", "names max, which is not trained"), ("a <rex", "never closed")):
        for every in (None, 0):
            config = FinetuneConfig(steps=1, preview_prompts=(prompt,), preview_every=every)
            for run in (studio.plan_finetune, studio.finetune):
                with pytest.raises(StudioError, match=said):
                    run(["rex"], config)


@pytest.mark.parametrize(
    ("settings", "asks_again"), [({}, False), ({"conditions": "scenes"}, True), ({"keep_dressed": 2}, True)]
)
def test_the_timed_step_also_asks_the_decoder_without_its_lora_where_the_training_does(
    studio, add, photo, monkeypatch, settings, asks_again
) -> None:
    add("rex", photo)
    timed: list[bool] = []

    def time_them(objective, config) -> float:
        timed.append(any(each.only_subject for each in objective.examples))
        return 1.0

    monkeypatch.setattr(preflight, "seconds_a_step", time_them)
    studio.plan_finetune(["rex"], replace(FEW, **settings))
    assert timed == [asks_again]
