"""Which adapter draws a prompt, and what is said of it."""

import pytest
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.studio import Studio

QUICK = FinetuneConfig(steps=1, rank=2)
ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


def test_the_newest_adapter_that_knows_all_names_is_used(studio, add, box, tmp_path, notices) -> None:
    add("rex", box(0))
    add("hat", box(1), noun="hat")
    made = [studio.finetune(names, config=QUICK).adapter for names in (["rex", "hat"], ["rex"], ["hat"])]
    both, rex, hat = (adapter.id for adapter in made if adapter)

    def used(prompt: str) -> int | None:
        return studio.generate(prompt, out=tmp_path, config=ONE_STEP).adapter

    assert [used("a <rex> on a <hat>"), used("a <rex>"), used("a <hat>"), used("a cat")] == [both, rex, hat, None]
    studio.adapters.remove(both)
    notices.clear()
    assert used("a <rex> on a <hat>") is None
    said = "No adapter knows all of: rex, hat. Drawing without an adapter. Train one: studio finetune rex hat"
    assert notices == [said]


def test_a_stale_adapter_is_used_and_said_to_be_stale(studio, add, box, tmp_path, notices) -> None:
    add("rex", box(0))
    adapter = studio.finetune(["rex"], config=QUICK).adapter
    assert adapter is not None
    studio.concepts.remove("rex")
    add("rex", box(1))
    notices.clear()
    drawn = studio.generate("a <rex>", out=tmp_path, config=ONE_STEP)
    assert (drawn.adapter, drawn.stale) == (adapter.id, True)
    assert notices == [
        f"Adapter {adapter.id} is stale: it was trained on another version of rex. It is used nevertheless."
    ]
    assert [known.stale for known in studio.concepts.show("rex").adapters] == [True]


def test_an_adapter_of_another_stack_is_never_used(studio, add, box, tmp_path, stack_file) -> None:
    add("rex", box(0))
    adapter = studio.finetune(["rex"], config=QUICK).adapter
    assert adapter is not None
    twin = tmp_path / "twin.toml"
    twin.write_text(stack_file.read_text().replace('name = "tiny"', 'name = "twin"'))
    with Studio(tmp_path / "home", stack=str(twin)) as other:
        assert other.generate("a <rex>", out=tmp_path, config=ONE_STEP).adapter is None
        with pytest.raises(ModelFilesInvalid, match="trained for the stack tiny, but this stack is twin"):
            other.generate("a <rex>", out=tmp_path, adapter=str(adapter.id), config=ONE_STEP)


def test_an_adapter_whose_file_is_gone_is_told(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    adapter = studio.finetune(["rex"], config=QUICK).adapter
    assert adapter is not None
    adapter.path.unlink()
    with pytest.raises(ModelFilesMissing, match="The file of adapter 1 is missing"):
        studio.generate("a <rex>", out=tmp_path, config=ONE_STEP)


def test_several_adapters_know_what_one_of_them_knows(studio, add, box, tmp_path, notices) -> None:
    add("rex", box(0))
    add("hat", box(1), noun="hat")
    add("mug", box(2), noun="mug")
    rex, hat = (studio.finetune([name], config=QUICK).adapter for name in ("rex", "hat"))

    def notes(prompt: str) -> list[str]:
        notices.clear()
        drawn = studio.generate(prompt, out=tmp_path, adapter=[f"{rex.id}:0.5", hat.id], config=ONE_STEP)
        assert [(each.id, each.sha256, each.scale) for each in drawn.adapters] == [
            (rex.id, rex.sha256, 0.5),
            (hat.id, hat.sha256, 1.0),
        ]
        assert drawn.adapter == rex.id
        return notices.copy()

    assert notes("a <rex> on a <hat>") == []
    assert notes("a <rex> on a <mug>") == [f"Adapters {rex.id} and {hat.id} were not trained on: mug."]
    studio.concepts.edit("hat", add=[box(3)])
    assert notes("a <rex> on a <hat>") == [
        f"Adapters {rex.id} and {hat.id} are stale: they were trained on another version of hat. "
        "They are used nevertheless."
    ]


def test_a_scale_or_a_pair_that_is_refused_loads_no_model(studio, add, box, tmp_path, monkeypatch) -> None:
    add("rex", box(0))
    made = studio.finetune(["rex"], config=QUICK).adapter
    monkeypatch.setattr(type(studio.workplace.stack), "clip", None)
    for adapter, said in (
        (f"{made.id}:nan", "is not a number from -10 to 10"),
        ([f"{made.id}:0.5", "auto"], "The adapter is auto"),
        ([made.id, made.sha256[:12]], f"Adapter {made.id} is given twice"),
    ):
        with pytest.raises(InvalidSetting, match=said):
            studio.generate("a <rex>", out=tmp_path / "none", adapter=adapter, config=ONE_STEP)
    assert not list(tmp_path.glob("none/*"))


def test_an_adapter_of_auto_can_be_scaled(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    config = FinetuneConfig(steps=2, rank=2, learning_rate=0.05)
    adapter = studio.finetune(["rex"], config=config).adapter

    def pixels(wanted: str) -> bytes:
        drawn = studio.generate("a <rex>", out=tmp_path, adapter=wanted, config=ONE_STEP)
        assert [each.id for each in drawn.adapters] == ([] if wanted == "none" else [adapter.id])
        with Image.open(drawn.pictures[0].path) as image:
            return image.tobytes()

    assert pixels("auto:0.5") == pixels(f"{adapter.id}:0.5") != pixels("auto")
    assert pixels("auto:0") == pixels("none") != pixels("auto:0.5")


def test_a_scale_with_no_adapter_to_scale_is_said(studio, add, box, tmp_path, notices) -> None:
    add("rex", box(0))

    def notes(prompt: str, wanted: str) -> list[str]:
        notices.clear()
        assert studio.generate(prompt, out=tmp_path, adapter=wanted, config=ONE_STEP).adapters == ()
        return notices.copy()

    none = "There is no adapter of tiny to scale. Drawing without an adapter. Train one: studio finetune rex"
    assert notes("a <rex>", "auto:0.8") == [none]
    assert none not in notes("a dog", "auto:0.8")
    assert notes("a <rex>", "auto") == []
