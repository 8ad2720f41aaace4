"""A picture that is drawn again from its own texts."""

import re
from dataclasses import replace

import pytest
from PIL import Image

from concepts.errors import AdapterNotFound
from lambda_studio import Changes
from lambda_studio.config import BatchRow, FinetuneConfig, GenerateConfig
from lambda_studio.errors import ImageRefused, InvalidSetting, PromptInvalid
from lambda_studio.generation import generator
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.texts.picture_texts import read_texts

TWO_STEPS = GenerateConfig(num_inference_steps=2, seed=7, guidance_scale=3.0, negative_prompt="a hat")


def pixels(path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_a_picture_is_drawn_again_bit_for_bit_after_its_concept_changed(studio, add, box, tmp_path, notices) -> None:
    add("rex", box(0), box(1))
    studio.finetune(["rex"], FinetuneConfig(steps=2, rank=2))
    first = studio.generate("a <rex:0.7> in a <rex#2>", TWO_STEPS, count=3, adapter="1:0.5", out=tmp_path).pictures[2]
    studio.concepts.edit("rex", Changes(add=(box(5),), drop=(2,)))
    studio.concepts.rename("rex", "max")
    add("rex", box(6))
    again = studio.pictures.again(first.path, out=tmp_path)
    assert again.difference == 0
    assert again.changes == (
        "rex is not there today. max, which has the same images, is drawn.",
        "max is at version 2 today. Version 1 is drawn.",
    )
    assert set(again.changes) <= set(notices)
    (picture,) = again.drawn.pictures
    assert (picture.seed, pixels(picture.path)) == (9, pixels(first.path))
    assert Image.open(picture.path).text == Image.open(first.path).text


def test_what_is_given_replaces_what_the_picture_says(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    first = studio.generate("a <rex>", replace(TWO_STEPS, resolution=48), out=tmp_path).pictures[0].path
    assert studio.pictures.again(first, GenerateConfig(num_inference_steps=1), out=tmp_path).difference is None
    assert studio.pictures.again(first, GenerateConfig(score=True, metadata=False), out=tmp_path).difference == 0
    again = studio.pictures.again(first, GenerateConfig(height=32, width=64), count=2, out=tmp_path)
    assert (again.difference, again.drawn.height, again.drawn.width) == (None, 32, 64)
    assert [each.seed for each in again.drawn.pictures] == [7, 8]


def test_reused_features_are_drawn_again_and_can_be_switched_off(studio, tmp_path) -> None:
    config = GenerateConfig(num_inference_steps=5, seed=7, deep_cache_interval=3)
    first = studio.generate("a dog", config, out=tmp_path).pictures[0].path
    assert studio.pictures.again(first, out=tmp_path).difference == 0
    whole = studio.pictures.again(first, GenerateConfig(deep_cache_interval=1), out=tmp_path)
    assert whole.difference is None
    (picture,) = whole.drawn.pictures
    ordinary = studio.generate("a dog", replace(config, deep_cache_interval=1), out=tmp_path).pictures[0]
    assert pixels(picture.path) == pixels(ordinary.path) != pixels(first)


def test_a_concept_that_is_gone_is_refused_with_how_it_comes_back(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    first = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    studio.concepts.rename("rex", "max")
    studio.concepts.remove("max")
    gone = r"The picture shows rex in version 1, which library default does not have\."
    with pytest.raises(PromptInvalid, match=rf"{gone} Restore it: studio concepts restore max"):
        studio.pictures.again(first, out=tmp_path)
    studio.concepts.forget("max", None, lambda _: None)
    with pytest.raises(PromptInvalid, match=rf"{gone} It was forgotten, or is in another library"):
        studio.pictures.again(first, out=tmp_path)


def test_an_adapter_that_is_gone_is_refused_and_can_be_left_out(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    studio.finetune(["rex"], FinetuneConfig(steps=2, rank=2))
    first = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    studio.adapters.remove(1)
    with pytest.raises(AdapterNotFound, match="which library default does not have"):
        studio.pictures.again(first, out=tmp_path)
    again = studio.pictures.again(first, adapter="none", out=tmp_path)
    assert again.drawn.adapters == ()
    (change,) = again.changes
    assert re.fullmatch(r"The picture has adapter [0-9a-f]{12}, and is drawn with no adapter\.", change)


def test_edges_and_a_foreign_stack_are_asked_for(studio, box, tmp_path, stack_file) -> None:
    first = studio.generate("a cat", TWO_STEPS, edges=box(1), out=tmp_path).pictures[0].path
    with pytest.raises(InvalidSetting, match=r"follows the edges of 'box1\.png', which it does not contain"):
        studio.pictures.again(first, out=tmp_path)
    assert studio.pictures.again(first, edges=box(1), out=tmp_path).difference == 0
    other = tmp_path / "other.toml"
    other.write_text(stack_file.read_text().replace('name = "tiny"', 'name = "other"'))
    studio.workplace.work_with(str(other))
    with pytest.raises(InvalidSetting, match="drawn with the stack 'tiny', and other is in use"):
        studio.pictures.again(first, edges=box(1), out=tmp_path)


def test_given_pictures_are_asked_for_and_known_by_their_bytes(studio, box, tmp_path) -> None:
    white = tmp_path / "white.png"
    with Image.open(box(0)) as photo:
        mask = Image.new("L", photo.size)
    mask.paste(255, (5, 5, 40, 40))
    mask.save(white)
    first = studio.generate("a cat", TWO_STEPS, from_image=box(0), mask=white, out=tmp_path).pictures[0].path
    with pytest.raises(
        InvalidSetting, match=r"was drawn over 'box0\.png', which it does not contain\. Give .*: from_image=IMAGE"
    ):
        studio.pictures.again(first, mask=white, out=tmp_path)
    with pytest.raises(InvalidSetting, match=r"has the mask 'white\.png', which it does not contain"):
        studio.pictures.again(first, from_image=box(0), out=tmp_path)
    again = studio.pictures.again(first, from_image=box(0), mask=white, out=tmp_path)
    assert (again.difference, again.changes) == (0, ())
    other = studio.pictures.again(first, from_image=box(1), mask=white, out=tmp_path)
    assert other.changes == ("box1.png is not the file of then (box0.png): from_image differs.",)
    assert other.difference > 0


def test_a_photograph_may_be_added_to_a_picture_that_had_none(studio, box, tmp_path) -> None:
    first = studio.generate("a cat", TWO_STEPS, out=tmp_path).pictures[0].path
    again = studio.pictures.again(first, from_image=box(0), out=tmp_path)
    settings = read_texts(again.drawn.pictures[0].path).settings
    assert (again.difference, settings["strength"], settings["from_image"]) == (None, 0.5, "box0.png")


def test_a_picture_of_another_program_is_refused(studio, box, tmp_path) -> None:
    with pytest.raises(ImageRefused, match="it has no texts from λ-Studio"):
        studio.pictures.again(box(0), out=tmp_path)
    with pytest.raises(ImageRefused, match="There is no picture"):
        studio.pictures.again(tmp_path / "none.png", out=tmp_path)


def test_of_concepts_with_the_same_images_the_one_of_that_name_is_drawn(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    first = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    add("max", box(0))
    assert studio.pictures.again(first, out=tmp_path).changes == ()


def test_other_weights_than_then_are_said(studio, tmp_path, monkeypatch) -> None:
    first = studio.generate("a cat", TWO_STEPS, out=tmp_path).pictures[0].path
    stack = studio.workplace.stack
    today = {**stack.fingerprints(), "decoder": "0" * 64}
    monkeypatch.setattr(stack, "fingerprints", lambda: today)
    assert studio.pictures.again(first, out=tmp_path).changes == ("The decoder of tiny has other weights today.",)


def test_a_picture_of_no_prompt_is_refused_with_the_command_that_drew_it(studio, add, box, tmp_path) -> None:
    add("rex", box(0))
    way = studio.pictures.interpolate(["a <rex>", "a cat"], TWO_STEPS, frames=3, spherical=True, out=tmp_path)
    said = read_texts(way.pictures[1])
    assert (said.prompt, said.origin["position"], said.concepts[0]["name"]) == ("a <rex> to a cat", [0, 1], "rex")
    command = r"studio interpolate 'a <rex>' 'a cat' --frames 3 --seed 7 --spherical --steps 2 --guidance 3"
    with pytest.raises(ImageRefused, match=rf"is no picture of a prompt\. Draw all of that command again: {command}"):
        studio.pictures.again(way.pictures[1], out=tmp_path)
    drawn = studio.pictures.reconstruct(str(box(0)), TWO_STEPS, edges=True, count=2, out=tmp_path).pictures[1].path
    assert read_texts(drawn).seed == 8
    kept = studio.pictures.reconstruct("rex", TWO_STEPS, out=tmp_path).pictures[0].path
    assert read_texts(kept).origin == {"command": ["reconstruct", "rex", "--number", "1", "--seed", "7"]}
    plain = studio.pictures.reconstruct("rex", replace(TWO_STEPS, metadata=False), out=tmp_path).pictures[0].path
    assert Image.open(plain).text == {}


def test_adapters_that_generate_would_choose_today_and_those_that_are_given_are_told(
    studio, add, box, tmp_path
) -> None:
    add("rex", box(0))
    without = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    studio.finetune(["rex"], FinetuneConfig(steps=2, rank=2))
    tuned = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    assert studio.pictures.again(tuned, out=tmp_path).changes == ()
    again = studio.pictures.again(without, out=tmp_path)
    chosen = "Today, generate would choose adapter 1"
    assert (again.drawn.adapters, again.changes) == (
        (), (f"The picture has no adapter. {chosen}. Draw with it: --adapter 1",)
    )  # fmt: skip
    studio.finetune(["rex"], FinetuneConfig(steps=2, rank=2, seed=1))
    again = studio.pictures.again(tuned, out=tmp_path)
    assert (again.difference, again.changes) == (
        0, (f"The picture has adapter 1. {chosen[:-1]}2, which is newer. Draw with it: --adapter 2",)
    )  # fmt: skip
    said = {
        wanted: studio.pictures.again(tuned, adapter=wanted, out=tmp_path).changes
        for wanted in ("1", "2", "1:0.5", "none")
    }
    assert said == {
        "1": (),
        "2": ("The picture has adapter 1, and is drawn with adapter 2, which is newer.",),
        "1:0.5": ("The picture has adapter 1, and is drawn with adapter 1:0.5.",),
        "none": ("The picture has adapter 1, and is drawn with no adapter.",),
    }
    both = studio.generate("a <rex>", TWO_STEPS, adapter=["1", "2:0.5"], out=tmp_path).pictures[0].path
    (change,) = studio.pictures.again(both, out=tmp_path).changes
    assert (
        change
        == "The picture has adapters 1 and 2:0.5. Today, generate would choose adapter 2. Draw with it: --adapter 2"
    )


def test_a_picture_of_a_batch_is_drawn_in_its_row_of_such_a_batch(studio, add, box, tmp_path, monkeypatch) -> None:
    add("rex", box(0))
    several = studio.generate("a <rex>", TWO_STEPS, count=5, out=tmp_path / "first").pictures
    batches, sample_batch = [], generator.sample_batch

    def watched(decoder, batch, *rest):
        batches.append((len(batch.seeds), batch.only, set(batch.seeds)))
        return sample_batch(decoder, batch, *rest)

    monkeypatch.setattr(generator, "sample_batch", watched)
    again = studio.pictures.again(several[3].path, out=tmp_path / "again")
    assert (batches.pop(), again.difference, len(again.drawn.pictures)) == ((5, 3, {10}), 0, 1)
    assert read_texts(again.drawn.pictures[0].path).batch == BatchRow(3, 5)
    alone = studio.pictures.again(several[3].path, GenerateConfig(batch_size=1), out=tmp_path / "alone")
    assert batches.pop() == (1, None, {10}) and alone.difference is not None
    studio.pictures.again(several[3].path, GenerateConfig(sampler="euler"), out=tmp_path / "other")
    studio.pictures.again(several[3].path, count=2, out=tmp_path / "two")
    assert batches == [(1, None, {10}), (2, None, {10, 11})], "another picture needs no batch of then"


def test_a_picture_of_a_huge_batch_is_drawn_alone(studio, tmp_path) -> None:
    first = studio.generate("a cat", TWO_STEPS, out=tmp_path).pictures[0].path
    said = replace(read_texts(first), batch=BatchRow(0, 10_000))
    huge = write_picture(Image.open(first), said.chunks(32, 32), tmp_path, "huge")
    again = studio.pictures.again(huge, out=tmp_path)
    assert (again.difference, read_texts(again.drawn.pictures[0].path).batch) == (0, BatchRow(0, 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": "a <max>"}, "its prompt names 'max', which its concepts lack"),
        ({"prompt": "a <*:dog>"}, "its prompt names '*:dog', which its concepts lack"),
        ({"concepts": ()}, "its prompt names 'rex', which its concepts lack"),
        ({"settings": {"num_inference_steps": 0, "guidance_scale": 3.0, "sampler": "ddim"}}, "its settings are inv"),
    ],
)
def test_a_picture_that_somebody_edited_is_refused_by_its_name(studio, add, box, tmp_path, changes, said) -> None:
    add("rex", box(0))
    add("max", box(1))
    first = studio.generate("a <rex>", TWO_STEPS, out=tmp_path).pictures[0].path
    texts = replace(read_texts(first), **changes)
    with Image.open(first) as image:
        edited = write_picture(image, texts.chunks(32, 32) | {"parameters": ""}, tmp_path, "edited")
    with pytest.raises(ImageRefused) as refused:
        studio.pictures.again(edited, out=tmp_path)
    assert refused.value.cause.startswith(f"{edited}: {said}")


def test_what_a_picture_never_stores_is_not_taken_from_it(studio, tmp_path) -> None:
    first = studio.generate("a cat", TWO_STEPS, out=tmp_path).pictures[0].path
    said = read_texts(first)
    odd = replace(said, settings={**said.settings, "best": 3, "metadata": False, "batch_size": 9})
    with Image.open(first) as image:
        edited = write_picture(image, odd.chunks(32, 32), tmp_path, "edited")
    again = studio.pictures.again(edited, out=tmp_path)
    assert again.difference == 0 and read_texts(again.drawn.pictures[0].path).settings == said.settings
