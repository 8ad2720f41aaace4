"""LoRAs of other libraries become adapters of the library, and its adapters leave as folders."""

import pytest

from concepts.errors import ConceptNotFound
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
    assert studio.adapters.import_(lora, knows=["rex"]).sha256 == card.sha256


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


def test_an_adapter_goes_out_and_comes_in_again_as_the_same_update(studio, add, photo, tmp_path):
    add("rex", photo)
    made = studio.finetune(["rex"], FinetuneConfig(steps=1, rank=2)).adapter
    out = studio.adapters.export(made.id, tmp_path / "out")
    assert (out.id, out.format) == (made.id, "diffusers") and "load_lora_adapter" in out.load
    again = studio.adapters.import_(out.path, knows=["rex"])
    assert again.settings["rank"] == 2 and again.id != made.id
    made.path.unlink()
    with pytest.raises(ModelFilesMissing, match=f"The file of adapter {made.id} is missing"):
        studio.adapters.export(made.id, tmp_path / "other")
    assert not (tmp_path / "other").exists()
