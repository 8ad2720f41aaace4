"""Which adapter draws a prompt, and what is said of it."""

import pytest

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
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
    said = "No adapter knows all of: rex hat. Drawing without an adapter. Train one: studio finetune rex hat"
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
