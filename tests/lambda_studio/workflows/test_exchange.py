"""LoRAs of other libraries become adapters of the library, and its adapters leave as folders."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from concepts.errors import AdapterExists, ConceptNotFound, NameInvalid
from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from tests.lambda_studio.models.exchange.loras import tuned_unet

FEW_STEPS = GenerateConfig(num_inference_steps=2)


@pytest.fixture
def lora(decoder_folder, tmp_path):
    tuned_unet(decoder_folder).save_lora_adapter(tmp_path / "lora")
    return tmp_path / "lora"


def test_an_imported_lora_is_chosen_for_the_concepts_that_it_knows(studio, add, photo, lora, tmp_path):
    add("rex", photo)
    plain = studio.generate("a <rex>", FEW_STEPS, out=tmp_path / "plain.png")
    card = studio.adapters.import_(lora, knows=["rex"])
    assert (card.method, card.knows, card.run_id, card.missing) == ("lora", {"rex": 1}, None, False)
    assert (card.settings["rank"], card.settings["imported"]) == (4, "pytorch_lora_weights.safetensors")
    drawn = studio.generate("a <rex>", FEW_STEPS, out=tmp_path / "tuned.png")
    assert (plain.adapter, drawn.adapter) == (None, card.id)
    assert plain.pictures[0].path.read_bytes() != drawn.pictures[0].path.read_bytes()
    again = studio.adapters.import_(lora, knows=["rex"])
    assert (again.sha256, again.created, card.created) == (card.sha256, False, True)


def test_an_import_that_equals_an_adapter_is_said(studio, add, photo, lora, tmp_path, notices):
    add("rex", photo)
    plain = studio.finetune(["rex"], FinetuneConfig(steps=1, rank=2, learning_rate=0.05)).adapter
    scaled = studio.finetune(["rex"], FinetuneConfig(steps=1, rank=2, lora_alpha=8.0, learning_rate=0.05)).adapter
    exported = [studio.adapters.export(each.id, tmp_path / f"{each.id}").path for each in (plain, scaled)]
    notices.clear()
    ways = f"To name it: studio adapters rename {plain.id} NAME. To add a second one: --duplicate"
    kept = f"Its weights are those of adapter {plain.id}, so it is not added. {ways}"
    for knows in ([], ["rex"]):
        assert studio.adapters.import_(exported[0], knows=knows).id == plain.id
    assert (notices, len(studio.adapters.list())) == ([kept, kept], 2)
    studio.adapters.import_(exported[0], name="mine")
    assert notices.pop() == kept.replace("NAME", "mine")
    first = studio.adapters.import_(exported[0], duplicate=True)
    assert notices[2:] == [f"Its weights are those of adapter {plain.id}."] and first.id != plain.id
    again = studio.adapters.import_(exported[0], duplicate=True)
    assert (again.id, again.created, first.created) == (first.id, False, True)
    assert notices[3:] == [f"Adapter {first.id} is the same, and is the newest one again."]
    add("max", photo)
    taught = studio.adapters.import_(exported[0], knows=["max"])
    assert notices[4:] == [f"Its weights are those of adapter {first.id}."] and taught.knows == {"max": 1}
    notices[:] = notices[:2]
    studio.adapters.import_(lora)
    studio.adapters.import_(exported[1])
    assert len(notices) == 2, "another's weights, and weights that are scaled"


def test_an_import_may_be_named_and_a_name_that_is_taken_is_refused_before_a_file_is_read(studio, add, photo, lora):
    add("rex", photo)
    card = studio.adapters.import_(lora, name=" Portrait ")
    assert (card.name, studio.adapters.get("portrait").id) == ("Portrait", card.id)
    with pytest.raises(AdapterExists):
        studio.adapters.import_(lora / "none", name="PORTRAIT")
    with pytest.raises(NameInvalid):
        studio.adapters.import_(lora / "none", name="auto")


def test_a_lora_of_nobody_is_used_by_its_number_only(studio, add, photo, lora, tmp_path):
    add("rex", photo)
    card = studio.adapters.import_(lora)
    assert card.knows == {}
    assert studio.generate("a <rex>", FEW_STEPS, out=tmp_path / "a.png").adapter is None
    assert studio.generate("a <rex>", FEW_STEPS, adapter=card.id, out=tmp_path / "b.png").adapter == card.id


def test_nothing_is_added_where_the_file_or_the_name_is_wrong(studio, lora):
    with pytest.raises(ConceptNotFound):
        studio.adapters.import_(lora, knows=["nobody"])
    (lora / "pytorch_lora_weights.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(ModelFilesInvalid, match="it is empty"):
        studio.adapters.import_(lora)
    assert studio.adapters.list() == []


def test_a_lora_of_another_shape_draws_goes_out_and_comes_in_again(studio, add, photo, tmp_path):
    add("rex", photo)
    config = FinetuneConfig(
        steps=3, rank=2, learning_rate=0.05, lora_alpha=4.0, use_dora=True, use_rslora=True,
        targets="attention-and-convolutions",
    )  # fmt: skip
    seeded = replace(FEW_STEPS, seed=1)
    plain = studio.generate("a <rex>", seeded, out=tmp_path / "plain.png").pictures[0].path.read_bytes()
    made = studio.finetune(["rex"], config).adapter
    again = studio.adapters.import_(studio.adapters.export(made.id, tmp_path / "out").path, knows=["rex"])
    drawn = [
        studio.generate("a <rex>", seeded, adapter=number, out=tmp_path / f"{number}.png").pictures[0].path
        for number in (made.id, again.id)
    ]
    ours, theirs = (np.asarray(Image.open(path), dtype=float) for path in drawn)
    assert abs(ours - theirs).max() <= 1, "the scale is in the update now, which rounds differently"
    assert drawn[0].read_bytes() != plain
    studio.adapters.remove(made.id)
    studio.adapters.remove(again.id)
    assert studio.generate("a <rex>", seeded, out=tmp_path / "after.png").pictures[0].path.read_bytes() == plain


def test_an_adapter_goes_out_and_comes_in_again_as_the_same_update(studio, add, photo, tmp_path):
    add("rex", photo)
    made = studio.finetune(["rex"], FinetuneConfig(steps=1, rank=2)).adapter
    out = studio.adapters.export(made.id, tmp_path / "out")
    assert (out.id, out.layout) == (made.id, "diffusers") and "load_lora_adapter" in out.load
    again = studio.adapters.import_(out.path, knows=["rex"], duplicate=True)
    assert again.settings["rank"] == 2 and again.id != made.id
    made.path.unlink()
    with pytest.raises(ModelFilesMissing, match=f"The file of adapter {made.id} is missing"):
        studio.adapters.export(made.id, tmp_path / "other")
    assert not (tmp_path / "other").exists()
