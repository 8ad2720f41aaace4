"""Adapters of the library from others of it: what they know, say and draw, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from concepts.errors import AdapterExists, AdapterNotFound, NameInvalid, NotPermitted
from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.studio import Studio

QUICK = FinetuneConfig(steps=2, rank=2, learning_rate=0.05)
DRAWN = GenerateConfig(num_inference_steps=2, seed=3)


@pytest.fixture
def tuned(studio, add, box):
    """Fine-tune on a concept, which is added first."""

    def made(name: str, **changes):
        add(name, box(len(studio.concepts.list())))
        return studio.finetune([name], replace(QUICK, **changes)).adapter

    return made


@pytest.fixture
def drawn(studio, tmp_path):
    """The pixels of a prompt with adapters."""

    def pixels(*adapters):
        path = studio.generate("a <rex>", DRAWN, adapter=adapters, out=tmp_path).pictures[0].path
        with Image.open(path) as image:
            return np.asarray(image, dtype=float)

    return pixels


def test_a_merged_adapter_knows_all_and_draws_as_the_others_together(studio, tuned, drawn) -> None:
    rex, hat = tuned("rex"), tuned("hat", use_dora=True, targets="image")
    files = {card.path: card.path.read_bytes() for card in (rex, hat)}
    made = studio.adapters.merge([rex.id, f"{hat.id}:0.5"], name="Pets")
    assert (made.method, made.stack, made.knows, made.run_id) == ("lora", "tiny", {"rex": 1, "hat": 1}, None)
    assert made.settings == {
        "method": "lora",
        "rank": 4,
        "use_dora": True,
        "base_fingerprint": rex.settings["base_fingerprint"],
        "made_by": "merge",
        "made_of": [{"sha256": rex.sha256, "scale": 1.0}, {"sha256": hat.sha256, "scale": 0.5}],
        "name": "Pets",
        "update_size": made.update_size,
    }
    info = read_adapter_info(made.path)
    assert [(each["name"], each["version"]) for each in info.concepts] == [("rex", 1), ("hat", 1)]
    assert (info.targets, info.settings["name"]) == ("any", "Pets")
    together = drawn(rex.id, f"{hat.id}:0.5")
    assert abs(drawn(made.id) - together).max() <= 1
    assert abs(drawn("none") - together).max() > 1
    assert studio.generate("a <rex> with a <hat>", DRAWN).adapter == made.id, "the newest that knows both"
    assert all(path.read_bytes() == before for path, before in files.items())
    assert {card.id for card in studio.adapters.list()} == {rex.id, hat.id, made.id}
    again = [studio.adapters.merge([rex.id, f"{hat.id}:0.5"]).id for _ in range(2)]
    assert again[0] == again[1], "the same bytes"
    with pytest.raises(AdapterExists, match=f"Adapter {made.id} of the library has the name 'pets'"):
        studio.adapters.merge([rex.id, hat.id], name="pets")


def test_a_scaled_full_unet_and_its_extract_say_what_they_came_of(studio, tuned, drawn) -> None:
    full = tuned("rex", method="full", learning_rate=0.005)
    half = studio.adapters.scale(full.id, 0.5)
    assert (half.method, half.settings["made_by"], half.knows) == ("full", "scale", {"rex": 1})
    assert half.settings["made_of"] == [{"sha256": full.sha256, "scale": 0.5}]
    assert half.update_size == pytest.approx(full.update_size / 2, rel=1e-3)
    assert abs(drawn(half.id) - drawn(f"{full.id}:0.5")).max() <= 1
    lora = studio.adapters.extract(full.sha256[:12], rank=3)
    assert (lora.method, lora.settings["rank"], lora.settings["made_by"]) == ("lora", 3, "extract")
    assert 0.1 < lora.settings["kept"] < 1
    assert read_adapter_info(lora.path).settings["kept"] == lora.settings["kept"]
    assert abs(drawn(lora.id) - drawn("none")).max() > 0
    mixed = studio.adapters.merge([lora.id, full.id])
    assert (mixed.method, "rank" in mixed.settings) == ("full", False)


def test_a_merged_adapter_can_be_trained_on_and_is_not_rebuilt(studio, tuned) -> None:
    rex, hat = tuned("rex"), tuned("hat")
    made = studio.adapters.merge([rex.id, hat.id])
    assert (made.settings["rank"], made.settings["targets"]) == (4, "attention")
    further = studio.finetune(["hat"], FinetuneConfig(steps=1), start_from=made.id).adapter
    assert (further.settings["rank"], further.knows) == (4, {"hat": 1, "rex": 1})
    with pytest.raises(InvalidSetting, match=r"made by merge of other adapters, not by training"):
        studio.adapters.recipe(made.id)


def test_what_was_forgotten_is_still_known(studio, tuned) -> None:
    rex, hat = tuned("rex"), tuned("hat")
    studio.concepts.forget("rex", None, lambda _: None)
    made = studio.adapters.merge([rex.id, hat.id])
    assert (made.knows, made.forgotten) == ({"rex": 1, "hat": 1}, ("rex",))
    assert studio.concepts.forget("hat", None, lambda _: None).adapters == (made.id, hat.id)


def test_what_cannot_be_is_refused_and_nothing_is_made(studio, tuned) -> None:
    rex = tuned("rex")
    for call, said in (
        (lambda: studio.adapters.merge([rex.id]), "One adapter is given"),
        (lambda: studio.adapters.merge([rex.id, rex.sha256[:8]]), f"Adapter {rex.id} is given twice"),
        (lambda: studio.adapters.merge(["auto", rex.id]), "The adapter is auto"),
        (lambda: studio.adapters.merge([f"{rex.id}:0", 2]), "A scale is 0, which changes nothing"),
        (lambda: studio.adapters.scale(rex.id, float("nan")), "is not a number from -10 to 10"),
        (lambda: studio.adapters.scale(rex.id, 0.0), "A scale is 0"),
        (lambda: studio.adapters.extract(rex.id, rank=2), f"rank is 2, which is not below that of adapter {rex.id}, 2"),
        (lambda: studio.adapters.extract(rex.id, rank=0), r"The rank is 0\. Give 1 to 4096"),
    ):
        with pytest.raises(InvalidSetting, match=said):
            call()
    for name in ("a\nb", " ", "12", "deadbeef"):
        with pytest.raises(NameInvalid):
            studio.adapters.scale(rex.id, 0.5, name=name)
    with pytest.raises(AdapterNotFound):
        studio.adapters.merge([rex.id, 99])
    rex.path.unlink()
    with pytest.raises(ModelFilesMissing, match=f"The file of adapter {rex.id} is missing"):
        studio.adapters.scale(rex.id, 0.5)
    assert [card.id for card in studio.adapters.list()] == [rex.id]


def test_an_adapter_of_another_stack_or_a_readers_library_is_refused(
    studio, tuned, tmp_path, stack_file, monkeypatch
) -> None:
    rex = tuned("rex")
    twin = tmp_path / "twin.toml"
    twin.write_text(stack_file.read_text().replace('name = "tiny"', 'name = "twin"'))
    with (
        Studio(tmp_path / "home", stack=str(twin)) as other,
        pytest.raises(ModelFilesInvalid, match="trained for tiny, but this stack is twin"),
    ):
        other.adapters.scale(rex.id, 0.5)

    def refuse() -> None:
        raise NotPermitted("You are a reader.", "Ask the owner.")

    monkeypatch.setattr(studio.workplace, "require_editor", refuse)
    for call in (lambda: studio.adapters.scale(rex.id, 0.5), lambda: studio.adapters.extract(rex.id, rank=1)):
        with pytest.raises(NotPermitted):
            call()
