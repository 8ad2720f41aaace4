"""A new run begins with the decoder, or with an adapter and all that it knows; an adapter is made again."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from concepts.errors import AdapterNotFound, ConceptNotFound
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.workflows.tuning import starting
from lambda_studio.workflows.tuning.starting import again, continued, new_run

QUICK = FinetuneConfig(steps=2, rank=2, learning_rate=0.01)


@pytest.fixture
def place(studio, add, photo, box):
    """A studio's workplace with three concepts, and an adapter that knows two of them."""
    add("rex", photo)
    add("max", box(1))
    add("mug", box(2), noun="mug")
    studio.finetune(["rex", "max"], QUICK)
    return studio.workplace


def names(start) -> list[str]:
    return [concept.name for concept in start.concepts]


def test_weights_are_for_concepts_that_are_trained(place) -> None:
    assert new_run(place, ["rex", "mug"], FinetuneConfig(weights={"mug": 2.0})).config.weights == {"mug": 2.0}
    with pytest.raises(InvalidSetting) as caught:
        new_run(place, ["rex", "mug"], FinetuneConfig(weights={"max": 2.0}))
    assert (caught.value.cause, caught.value.remedy) == (
        "A weight is given for max, which is not trained.", "Trained are: rex, mug.",
    )  # fmt: skip


def test_half_of_the_pictures_show_the_new_concepts_and_half_what_the_adapter_knows(place, studio) -> None:
    start = continued(place, 1, ["mug"], FinetuneConfig())
    assert names(start) == ["mug", "rex", "max"]
    (adapter,) = studio.adapters.list()
    assert (start.config.weights, start.config.start_from) == ({"mug": 2.0}, adapter.sha256)
    assert (start.config.rank, start.config.method, start.config.steps) == (2, "lora", 662)
    given = continued(place, adapter.sha256[:8], ["mug"], FinetuneConfig(weights={"mug": 5.0}))
    assert given.config.weights == {"mug": 5}
    both = continued(place, 1, ["rex", "mug"], FinetuneConfig())
    assert (names(both), both.config.weights) == (["rex", "mug", "max"], {"mug": 0.5, "rex": 0.5})
    whole = continued(place, 1, ["rex", "max"], FinetuneConfig())
    assert (names(whole), whole.config.weights, whole.config.steps) == (["rex", "max"], None, 662)


def test_a_stack_may_take_fewer_steps(place, monkeypatch) -> None:
    monkeypatch.setattr(place, "spec", replace(place.spec, steps_for_thirty=3_000))
    assert new_run(place, ["rex", "mug"], FinetuneConfig()).config.steps == 489
    assert continued(place, 1, ["mug"], FinetuneConfig()).config.steps == 489
    assert new_run(place, ["rex", "mug"], FinetuneConfig(steps=400)).config.steps == 400


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_begins_with_the_adapters_weights(studio, add, photo, box, method) -> None:
    add("rex", photo)
    add("mug", box(2), noun="mug")
    first = studio.finetune(["rex"], replace(QUICK, method=method)).adapter
    still = replace(QUICK, method=method, steps=1, learning_rate=1e-30)
    second = studio.finetune(["mug"], still, start_from=first.id).adapter
    assert second.knows == {"mug": 1, "rex": 1}
    before, after = (load_file(adapter.path) for adapter in (first, second))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert read_adapter_info(second.path).settings["start_from"] == first.sha256


def test_a_run_that_begins_with_an_adapter_is_resumed_bit_for_bit(studio, add, photo, box) -> None:
    add("rex", photo)
    add("mug", box(2), noun="mug")
    studio.finetune(["rex"], QUICK)
    config = replace(QUICK, steps=4)
    whole = studio.finetune(["mug"], config, start_from=1)
    asked = iter([False, False, True, True])
    stopped = studio.finetune(["mug"], config, start_from=1, should_stop=lambda: next(asked))
    assert stopped.adapter is None
    resumed = studio.finetune(["mug", "rex"], resume=True)
    assert resumed.run_id == stopped.run_id
    assert resumed.adapter.sha256 == whole.adapter.sha256


def test_a_run_whose_first_adapter_is_gone_says_so_and_stays_unfinished(studio, add, photo, box) -> None:
    add("rex", photo)
    add("mug", box(2), noun="mug")
    first = studio.finetune(["rex"], QUICK).adapter
    stopped = studio.finetune(
        ["mug"], QUICK, start_from=1, should_stop=lambda: any(studio.home.glob("runs/2/loss.jsonl"))
    )
    first.path.unlink()
    with pytest.raises(ModelFilesMissing) as caught:
        studio.finetune([], resume=True)
    assert caught.value.cause == f"The adapter that the training begins with is gone: {first.path}."
    assert studio.runs.get(stopped.run_id).state == "unfinished"


def test_the_shape_of_an_adapter_is_kept_and_another_is_refused(place, stack_file) -> None:
    with pytest.raises(InvalidSetting) as caught:
        continued(place, 1, ["mug"], FinetuneConfig(rank=4))
    assert (caught.value.cause, caught.value.remedy) == (
        "Adapter 1 has rank = 2, and rank = 4 is given.", "Leave out rank, or train without this adapter.",
    )  # fmt: skip
    with pytest.raises(InvalidSetting, match="Adapter 1 has use_dora = no, and use_dora = yes is given"):
        continued(place, 1, ["mug"], FinetuneConfig(use_dora=True))
    with pytest.raises(AdapterNotFound):
        continued(place, 7, ["mug"], FinetuneConfig())


def test_an_adapter_of_another_stack_or_decoder_is_refused(place, studio, monkeypatch) -> None:
    monkeypatch.setattr(studio.workplace.stack, "_fingerprints", {**place.stack.fingerprints(), "decoder": "f" * 64})
    with pytest.raises(ModelFilesInvalid, match="was made for another decoder"):
        studio.finetune(["mug"], QUICK, start_from=1)
    monkeypatch.setattr(studio.workplace, "spec", replace(place.spec, name="other"))
    with pytest.raises(ModelFilesInvalid) as caught:
        continued(place, 1, ["mug"], FinetuneConfig())
    assert caught.value.cause == "Adapter 1 was trained for the stack tiny, but this stack is other."


def test_a_removed_concept_stops_it_and_the_way_on_is_said(place, studio) -> None:
    studio.concepts.remove("max")
    with pytest.raises(ConceptNotFound) as caught:
        continued(place, 1, ["mug"], FinetuneConfig())
    assert (caught.value.cause, caught.value.remedy) == (
        "Adapter 1 knows concepts that were removed: max.",
        "Restore them, or train again without them: studio finetune --rebuild 1 --without max",
    )
    assert names(again(place, 1, ["max"], FinetuneConfig())) == ["rex"]


def test_each_gone_concept_has_a_without_of_its_own_and_is_removed_or_forgotten(studio, add, photo, box) -> None:
    for seed, name in enumerate(("rex", "Zoë's dog", "Pal", "mug")):
        add(name, box(seed))
    studio.finetune(None, QUICK)
    studio.concepts.remove("Zoë's dog")
    studio.concepts.forget("Pal", None, lambda *_: None)
    with pytest.raises(ConceptNotFound) as caught:
        again(studio.workplace, 1, ["rex"], FinetuneConfig())
    assert caught.value.cause == (
        "Adapter 1 knows concepts that were removed: Zoë's dog. Adapter 1 knows concepts that were forgotten: Pal."
    )
    assert caught.value.remedy == (
        "Restore Zoë's dog, or train again without all of these: "
        """studio finetune --rebuild 1 --without rex --without 'Zoë'"'"'s dog' --without Pal"""
    )
    studio.concepts.bring_back("Zoë's dog")
    with pytest.raises(ConceptNotFound) as caught:
        continued(studio.workplace, 1, ["mug"], FinetuneConfig())
    assert (caught.value.cause, caught.value.remedy) == (
        "Adapter 1 knows concepts that were forgotten: Pal.",
        "Train again without them: studio finetune --rebuild 1 --without Pal",
    )


def test_an_adapter_of_which_nothing_is_left_is_not_trained_again(place, studio) -> None:
    with pytest.raises(InvalidSetting) as refused:
        again(place, 1, ["rex", "max"], FinetuneConfig())
    assert (refused.value.cause, refused.value.remedy) == (
        "Nothing of adapter 1 is left to train.", "Train other concepts: studio finetune NAME",
    )  # fmt: skip
    studio.concepts.remove("rex")
    studio.concepts.remove("max")
    remedies = {
        (): "Restore them: studio concepts restore rex && studio concepts restore max",
        ("max",): "Restore them: studio concepts restore rex",
    }
    for without, remedy in remedies.items():
        with pytest.raises(ConceptNotFound, match=r"Nothing of it is left to train\.") as caught:
            again(place, 1, without, FinetuneConfig())
        assert caught.value.remedy == remedy
    for name in ("rex", "max"):
        studio.concepts.forget(name, None, lambda *_: None)
    for start in (
        lambda: again(place, 1, (), FinetuneConfig()),
        lambda: continued(place, 1, ["mug"], FinetuneConfig()),
    ):
        with pytest.raises(ConceptNotFound) as caught:
            start()
        assert (caught.value.cause, caught.value.remedy) == (
            "Adapter 1 knows concepts that were forgotten: rex, max. Nothing of it is left to train.",
            "Train other concepts: studio finetune NAME",
        )


def test_an_edited_concept_is_trained_as_it_is_now(place, studio, notices) -> None:
    studio.concepts.edit("max", noun="cat")
    start = continued(place, 1, ["mug"], FinetuneConfig())
    assert "max was edited since adapter 1: its present version is trained." in notices
    assert {concept.name: concept.version for concept in start.concepts} == {"mug": 1, "max": 2, "rex": 1}


def test_an_adapter_is_made_again_with_its_settings_without_some_concepts(place, studio) -> None:
    recipe = studio.adapters.recipe(1)
    assert (recipe.names, recipe.config.steps, recipe.config.rank) == (("rex", "max"), 2, 2)
    rebuilt = studio.finetune(recipe.names, recipe.config).adapter
    assert rebuilt.sha256 == studio.adapters.get(1).sha256
    less = studio.adapters.recipe(1, without=["MAX"], config=FinetuneConfig(steps=3))
    assert (less.names, less.config.steps, less.config.learning_rate) == (("rex",), 3, 0.01)
    with pytest.raises(ConceptNotFound) as caught:
        studio.adapters.recipe(1, without=["mug"])
    assert (caught.value.cause, caught.value.remedy) == ("Adapter 1 does not know mug.", "It knows: rex, max.")


def test_a_rebuild_takes_no_preference_that_the_stack_got_later(place, studio, monkeypatch) -> None:
    record = starting._adapter(place, 1)
    earlier = {name: value for name, value in record.settings.items() if name != "random_flip"}
    monkeypatch.setattr(starting, "_adapter", lambda place, adapter_id: replace(record, settings=earlier))
    monkeypatch.setitem(place.spec.finetune, "random_flip", True)
    recipe = studio.adapters.recipe(1)
    assert not new_run(place, list(recipe.names), recipe.config).config.random_flip
    assert new_run(place, ["rex"], QUICK).config.random_flip
    assert "gradient_checkpointing" not in recipe.config.given, "it depends on the memory of now"


def test_a_rebuild_by_the_other_method_has_that_methods_learning_rate_and_says_so(place, studio, notices) -> None:
    recipe = studio.adapters.recipe(1, config=FinetuneConfig(method="full"))
    assert "Adapter 1 was trained with method=lora. With method=full the learning rate is 0.001." in notices
    config = new_run(place, list(recipe.names), recipe.config).config
    assert (config.method, config.effective_learning_rate, config.rank, config.steps) == ("full", 1e-3, 16, 2)
    studio.adapters.recipe(1)
    assert sum("was trained with method" in said for said in notices) == 1


def test_a_full_training_takes_a_tenth_of_the_rate_that_a_stack_prefers_for_a_lora(
    place, studio, add, photo, monkeypatch
) -> None:
    monkeypatch.setitem(place.spec.finetune, "learning_rate", 0.5)
    monkeypatch.setitem(place.spec.finetune, "rank", 4)
    monkeypatch.setitem(place.spec.finetune, "targets", "image")
    assert new_run(place, ["rex"], FinetuneConfig()).config.learning_rate == 0.5
    full = new_run(place, ["rex"], FinetuneConfig(method="full")).config
    assert (full.effective_learning_rate, full.rank) == (0.05, 16)
    adapter = studio.finetune(["rex"], replace(QUICK, method="full")).adapter
    assert continued(place, adapter.id, ["mug"], FinetuneConfig()).config.effective_learning_rate == 0.05
    assert continued(place, adapter.id, ["mug"], FinetuneConfig(rank=8)).config.method == "full", "it has no rank"
    again = studio.adapters.recipe(adapter.id, config=FinetuneConfig(method="lora"))
    lora = new_run(place, list(again.names), again.config).config
    assert (lora.learning_rate, lora.rank, lora.targets) == (0.5, 4, "image"), "the stack's, not those of no LoRA"
    assert new_run(place, ["rex"], FinetuneConfig(method="full", learning_rate=0.1)).config.learning_rate == 0.1


def test_a_setting_that_changes_nothing_is_told_at_the_start(place, notices) -> None:
    starting.started(place, ["rex"], FinetuneConfig(background_weight=0.5), None)
    assert notices.count("background_weight=0.5 has no effect without masked_loss=True.") == 1


def test_weights_are_kept_in_a_rebuild_but_not_those_that_replayed_an_adapter(studio, add, photo, box) -> None:
    add("rex", photo)
    add("mug", box(2), noun="mug")
    weighted = replace(QUICK, weights={"rex": 2.0})
    first = studio.finetune(["rex", "mug"], weighted).adapter
    recipe = studio.adapters.recipe(first.id)
    assert recipe.config.weights == {"rex": 2.0}
    assert studio.finetune(recipe.names, recipe.config).adapter.sha256 == first.sha256
    assert studio.adapters.recipe(first.id, without=["rex"]).config.weights is None
    second = studio.finetune(["mug"], QUICK, start_from=first.id).adapter
    assert second.settings["weights"] and studio.adapters.recipe(second.id).config.weights is None


def test_an_adapter_that_was_not_trained_is_not_rebuilt(place, studio) -> None:
    scaled = studio.adapters.scale(1, 0.5)
    with pytest.raises(InvalidSetting, match=r"was made by scale of other adapters, not by training\. Rebuild one of"):
        studio.adapters.recipe(scaled.id)


def test_an_imported_adapter_is_not_rebuilt(place, studio, tmp_path) -> None:
    exported = studio.adapters.export(1, tmp_path / "exported").path
    imported = studio.adapters.import_(exported, knows=["rex"], duplicate=True)
    with pytest.raises(InvalidSetting, match=r"was imported, so there is no training to repeat\. Train a new one"):
        studio.adapters.recipe(imported.id)
    with pytest.raises(InvalidSetting, match=rf"go on from it: studio finetune NAME --from {imported.id}$"):
        studio.adapters.recipe(imported.id)


def test_an_imported_adapter_goes_on_if_a_training_changes_its_layers(
    studio, add, photo, tmp_path, monkeypatch
) -> None:
    add("rex", photo)
    made = [
        studio.finetune(["rex"], replace(QUICK, steps=1, targets=each)).adapter
        for each in ("attention-and-convolutions", "image")
    ]
    exported = studio.adapters.export(made[0].id, tmp_path / "exported").path
    imported = studio.adapters.import_(exported, knows=["rex"], duplicate=True)
    assert (
        continued(studio.workplace, imported.id, ["rex"], FinetuneConfig()).config.targets
        == "attention-and-convolutions"
    )
    assert studio.finetune(["rex"], replace(QUICK, steps=1), start_from=imported.id).adapter.knows == {"rex": 1}
    info = replace(read_adapter_info(imported.path), targets="any")  # as earlier versions wrote it
    with monkeypatch.context() as earlier:
        earlier.setattr(starting, "read_adapter_info", lambda file: info)
        again = continued(studio.workplace, imported.id, ["rex"], FinetuneConfig())
        assert again.config.targets == "attention-and-convolutions"
    mixed = studio.adapters.merge([each.id for each in made])
    with pytest.raises(InvalidSetting, match=r"no training changes together.* as it is: studio generate PROMPT --adap"):
        continued(studio.workplace, mixed.id, ["rex"], FinetuneConfig())


def test_an_adapter_that_is_not_rebuilt_is_not_said_to_be_when_a_concept_is_gone(place, studio, tmp_path) -> None:
    exported = studio.adapters.export(1, tmp_path / "exported").path
    imported = studio.adapters.import_(exported, knows=["rex", "max"], duplicate=True).id
    scaled = studio.adapters.scale(1, 0.5).id
    studio.concepts.remove("max")
    for adapter in (imported, scaled):
        with pytest.raises(ConceptNotFound, match=r"were removed: max\. Restore them: studio concepts restore max$"):
            continued(place, adapter, ["mug"], FinetuneConfig())
    studio.concepts.forget("max", None, lambda *_: None)
    for adapter in (imported, scaled):
        with pytest.raises(ConceptNotFound, match=r"were forgotten: max\. Train other concepts: studio finetune NAME$"):
            continued(place, adapter, ["mug"], FinetuneConfig())


def test_another_concept_of_the_name_is_not_said_to_be_edited(place, studio, add, box, notices) -> None:
    studio.concepts.edit("rex", noun="hound")
    studio.concepts.remove("max")
    add("max", box(5))
    again(place, 1, (), FinetuneConfig())
    assert "rex was edited since adapter 1: its present version is trained." in notices
    assert "max is another concept than adapter 1 learnt. The new one is trained." in notices
