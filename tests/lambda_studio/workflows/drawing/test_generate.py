"""A prompt on its way: read once, bound once, and refused before a model is loaded."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import event

from concepts.errors import AdapterNotFound
from concepts.registry import Registry
from lambda_studio.config import GenerateConfig
from lambda_studio.errors import ImageRefused, InvalidSetting, OutputExists, PromptInvalid
from lambda_studio.generation import generator
from lambda_studio.generation.template import parse
from lambda_studio.models.decoders import kandinsky
from lambda_studio.models.decoders.protocol import Footprint
from lambda_studio.models.stacks.planning import GIB
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.pictures.texts.picture_texts import read_texts
from lambda_studio.studio import Studio
from lambda_studio.workflows.drawing.asking import preparing
from lambda_studio.workflows.drawing.asking.naming import named_concepts

ONE_STEP = GenerateConfig(num_inference_steps=1, seed=0)


@pytest.fixture
def unloaded(monkeypatch):
    """Call it when nothing may be loaded from now on."""

    def forbid(*names):
        for name in names or ("clip", "prior", "decoder", "fingerprints"):
            monkeypatch.setattr(Stack, name, lambda *_: pytest.fail("a model was asked for"))

    return forbid


def test_each_name_is_drawn_with_the_mean_of_its_own_embeddings(studio, add, box, tmp_path, monkeypatch):
    add("rex", box(0), box(1))
    add("hat", box(2), noun="hat")
    calls = []
    original = generator.draw_each

    def watched(stack, requests, *rest):
        calls.append(requests)
        return original(stack, requests, *rest)

    monkeypatch.setattr(generator, "draw_each", watched)
    studio.generate("a <REX> on a <hat>", count=2, out=tmp_path, config=replace(ONE_STEP, seed=7))
    (requests,) = calls
    embeddings, _ = studio.workplace.embedder.subjects([studio.concepts.show(name).concept for name in ("rex", "hat")])
    assert [request.prompt.text for request in requests] == ["a dog on a hat"] * 2
    assert [request.seed for request in requests] == [7, 8]
    for request in requests:
        assert set(request.subjects) == {"rex", "hat"} and request.control_embeds is None
        torch.testing.assert_close(request.subjects["rex"], torch.stack(embeddings["rex"]).mean(0))
        torch.testing.assert_close(request.subjects["hat"], embeddings["hat"][0])


def test_a_prompt_without_names_needs_no_concept(studio, tmp_path, notices):
    drawn = studio.generate("a cat", out=tmp_path, config=ONE_STEP)
    assert read_texts(drawn.pictures[0].path).concepts == ()
    assert notices == []


@pytest.mark.parametrize("prompt", ["", " \n", "\u200d\ufe0f ", "\u200b\u2060\u00ad"])
def test_an_empty_prompt_is_refused_before_a_model_is_loaded(studio, tmp_path, unloaded, prompt):
    unloaded()
    with pytest.raises(PromptInvalid) as error:
        studio.generate(prompt, out=tmp_path / "out")
    assert (error.value.cause, not (tmp_path / "out").exists()) == ("The prompt is empty.", True)
    assert error.value.remedy == 'Say what to draw, for example: "a <rex> on the beach"'


@pytest.mark.parametrize(
    ("prompt", "remedy"),
    [
        ("a cat in Hat street", "Did you mean <hat>?"),
        ("[c++] in the rain", "Did you mean <C++>?"),
        ("a cat that hats", "Write names in angle brackets, for example <C++>."),
    ],
)
def test_a_prompt_that_names_nobody_prints_one_note_if_there_are_concepts(
    studio, add, box, tmp_path, notices, prompt, remedy
):
    for seed, name in enumerate(("hat", "rex", "C++")):
        add(name, box(seed))
    notices.clear()
    studio.generate(prompt, out=tmp_path, config=ONE_STEP)
    assert notices == [f"The prompt names no concept, so none of the library is drawn. {remedy}"]
    notices.clear()
    studio.generate("a <rex>", out=tmp_path, config=ONE_STEP)
    assert notices == []


def test_a_prompt_is_parsed_and_bound_once_and_its_names_are_read_once(studio, add, box, tmp_path, monkeypatch):
    add("rex", box(0))
    add("hat", box(1), noun="hat")
    calls = []

    def count(owner, name):
        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given: calls.append(name) or original(*given))

    count(preparing, "parse")
    count(preparing, "bind")
    for name in ("find_concepts", "get_concept", "concepts_near", "find_concept", "concepts"):
        count(Registry, name)
    studio.generate("a <rex> on a <hat> by a <rex>", out=tmp_path, config=ONE_STEP)
    assert calls == ["parse", "find_concepts", "bind"]


def test_more_names_are_no_more_queries(studio, add, box):
    names = ["rex", "hat", "cup"]
    for seed, name in enumerate(names):
        add(name, box(seed))
    statements = []
    with studio.database.reading() as registry:
        engine = registry._session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    counts = []
    for known in (names[:1], names):
        statements.clear()
        concepts = named_concepts(studio.workplace, parse(" ".join(f"<{name}>" for name in known)))
        assert [concept.name for concept in concepts] == known
        counts.append(len(statements))
    assert 0 < counts[1] <= counts[0]


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        ("a <rx> and <rex>", "The prompt names <rx>, which the library does not have.", "Did you mean <rex>?"),
        ("a <rx> in <het>", "The prompt names <rx>, <het>, which the library", "Did you mean <rex> or <hat>?"),
        ("a <bicycle>", "The prompt names <bicycle>, which", "The library has: hat, rex."),
        ("a <dog>", "The prompt names <dog>, which the library does not", "Did you mean <rex>? Its noun is dog."),
        (
            "a <rex> and <Vase>",
            "The prompt names <Vase>, which was removed.",
            "Restore it: studio concepts restore vase",
        ),
        ("a <rex", "This name is never closed", "Close it with >, or write < as \\<."),
    ],
)
def test_names_that_are_not_there_are_told_before_a_model_is_loaded(
    studio, add, box, tmp_path, unloaded, text, cause, remedy
):
    add("rex", box(0))
    add("hat", box(1), noun="hat")
    add("vase", box(2), noun="vase")
    studio.concepts.remove("vase")
    unloaded()
    with pytest.raises(PromptInvalid) as error:
        studio.generate(text, out=tmp_path)
    assert cause in error.value.cause and error.value.remedy == remedy


def test_an_empty_library_says_how_to_add_a_concept(studio, tmp_path, unloaded):
    unloaded()
    with pytest.raises(
        PromptInvalid, match="The library has no concepts yet: studio add-concept rex IMAGE --noun NOUN"
    ):
        studio.generate("a <rex>", out=tmp_path)


def test_a_prompt_that_is_too_long_is_told_before_a_model_is_loaded(studio, tmp_path, unloaded):
    unloaded()
    with pytest.raises(PromptInvalid, match="CLIP reads 24: it would ignore"):
        studio.generate("dog " * 30, out=tmp_path, adapter="none")


def test_refusals_come_in_their_order_and_before_a_model_is_loaded(studio, add, box, tmp_path, unloaded):
    add("rex", box(0))
    unloaded("clip", "prior", "decoder")
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "no.png").write_text("no picture")
    cases = {
        "count": (0, 1, InvalidSetting),
        "prompt": ("a <rx>", "a <rex>", PromptInvalid),
        "edges": (tmp_path / "no.png", None, ImageRefused),
        "out": (tmp_path / "taken" / "folder", tmp_path, OutputExists),
        "adapter": ("77", "none", AdapterNotFound),
    }
    given = {key: wrong for key, (wrong, _, _) in cases.items()}
    for key, (_, right, error) in cases.items():
        with pytest.raises(error):
            studio.generate(given["prompt"], **{name: value for name, value in given.items() if name != "prompt"})
        given[key] = right


def test_progress_counts_every_step_of_every_batch(tmp_path, stack_file):
    told = {}

    @contextmanager
    def progress(label, total):
        told[label] = [total, 0]

        def advance(steps=1, note=""):
            told[label][1] += steps
            told[label].append(note)

        yield advance

    with Studio(tmp_path / "home", stack=str(stack_file), progress=progress) as studio:
        config = GenerateConfig(num_inference_steps=2, batch_size=2, seed=0)
        studio.generate("a cat", count=3, out=tmp_path, config=config)
        assert told["Drawing"] == [4, 4, *["pictures 1 to 2 of 3"] * 2, *["picture 3 of 3"] * 2]
        studio.pictures.of_file("a cat\na dog --s 1\n", config, out=tmp_path)
        assert told["Drawing"] == [3, 3, *["picture 1 of 2"] * 2, "picture 2 of 2"]
        studio.pictures.interpolate(["a cat", "a dog"], config, frames=2, out=tmp_path)
        assert told["Drawing"] == [2, 2, *["pictures 1 to 2 of 2"] * 2]


def test_kept_features_count_for_the_number_of_pictures_at_once(studio, tmp_path, notices, monkeypatch):
    family = replace(kandinsky.FAMILY, footprint=lambda *_: Footprint(3 * GIB, GIB, GIB, kept=GIB))
    monkeypatch.setattr(kandinsky, "FAMILY", family)
    monkeypatch.setattr(Stack, "on_gpu", True)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    for interval in (1, 2):
        studio.generate("a cat", replace(ONE_STEP, deep_cache_interval=interval), count=5, out=tmp_path)
    told = [said.partition("pixels, ")[2] for said in notices if "GPU memory are free" in said]
    assert told == ["4 at a time, about 7.2 GiB.", "2 at a time, about 7.2 GiB."]


def test_a_small_machine_draws_as_many_at_once_as_fit_and_says_it_only_then(studio, tmp_path, notices, monkeypatch):
    family = replace(kandinsky.FAMILY, footprint=lambda *_: Footprint(3 * GIB, GIB, GIB))
    monkeypatch.setattr(kandinsky, "FAMILY", family)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 8 * GIB)
    for count in (4, 5):
        studio.generate("a cat", ONE_STEP, count=count, out=tmp_path)
    monkeypatch.setattr(Stack, "free_memory", lambda self: 4 * GIB)
    studio.generate("a cat", ONE_STEP, out=tmp_path)
    assert studio.workplace.stack.frees_idle
    monkeypatch.setattr(Stack, "drawing_plan", lambda *_: None)
    studio.generate("a cat", ONE_STEP, out=tmp_path)
    assert not studio.workplace.stack.frees_idle, "the plan of the picture before is over"
    first, *others = [said for said in notices if "GiB" in said]
    assert first == "8.0 GiB of memory are free: pictures of 32 pixels, 4 at a time, about 7.2 GiB."
    assert len(others) == 1 and others[0].endswith("or give precision=bf16, which is slower on most processors.")


def test_a_small_gpu_draws_as_many_at_once_as_fit_and_says_it_first(studio, add, photo, tmp_path, notices, monkeypatch):
    add("rex", photo)
    stack = studio.workplace.stack
    family = replace(kandinsky.FAMILY, footprint=lambda *_: Footprint(3 * GIB, GIB, 2 * GIB, GIB // 2))
    monkeypatch.setattr(kandinsky, "FAMILY", family)
    batches, tiles, sample_batch = [], [], generator.sample_batch

    def watched(decoder, batch, config, *rest):
        assert any("GPU memory are free" in said for said in notices)
        batches.append((len(batch.seeds), stack.frees_idle))
        tiles.append(config.decode_in_tiles)
        return sample_batch(decoder, batch, config, *rest)

    monkeypatch.setattr(generator, "sample_batch", watched)
    for free, expected in ((80, [(5, False)]), (8, [(4, True), (1, True)]), (5, [(1, True)] * 5), (4, [(1, True)] * 5)):
        monkeypatch.setattr(Stack, "on_gpu", True)
        monkeypatch.setattr(Stack, "free_memory", lambda self, free=free: free * GIB)
        batches.clear(), tiles.clear()
        studio.generate("a <rex>", replace(ONE_STEP, width=48), count=5, out=tmp_path / f"out{free}")
        assert batches == expected
        assert set(tiles) == {free < 5.25}
        picture = next((tmp_path / f"out{free}").iterdir())
        assert read_texts(picture).settings["decode_in_tiles"] is (free < 5.25)
    told = [said for said in notices if "GPU memory are free" in said]
    assert told[1].endswith("pictures of 48x32 pixels, 4 at a time, about 7.2 GiB.")
    assert told[2].endswith("pictures of 48x32 pixels, one at a time, decoded in tiles, about 4.2 GiB.")
    assert "It may not fit: close other programs" in told[3]


def test_a_negative_prompt_and_a_sampler_are_used_and_stored(studio, tmp_path, notices):
    plain = studio.generate("a dog", ONE_STEP, out=tmp_path).pictures[0].path
    config = replace(ONE_STEP, negative_prompt="a hat", sampler="unipc")
    other = studio.generate("a dog", config, out=tmp_path).pictures[0].path
    with Image.open(plain) as one, Image.open(other) as two:
        assert one.tobytes() != two.tobytes()
    settings = read_texts(other).settings
    assert (settings["negative_prompt"], settings["sampler"]) == ("a hat", "unipc")


def test_a_negative_prompt_names_no_concept_and_needs_guidance(studio, tmp_path, unloaded):
    with pytest.raises(PromptInvalid, match=r"The negative prompt names <rex>\. Say in words"):
        studio.generate("a dog", replace(ONE_STEP, negative_prompt="a <rex>"), out=tmp_path)
    with pytest.raises(InvalidSetting, match=r"With guidance_scale=1 it does nothing"):
        replace(ONE_STEP, negative_prompt="snow", guidance_scale=1.0)


def test_every_concept_of_a_noun_is_offered_for_it(studio, add, box, tmp_path, unloaded):
    for number, name in enumerate(("max", "rex")):
        add(name, box(number))
    unloaded()
    with pytest.raises(PromptInvalid, match=r"Did you mean <max> or <rex>\? Their noun is dog\."):
        studio.generate("a <dog>", ONE_STEP, out=tmp_path)


def test_prompts_with_the_same_settings_are_drawn_together_and_each_as_if_alone(
    studio, add, box, tmp_path, monkeypatch
):
    add("rex", box(0), box(1))
    add("max", box(2))
    batches, sample_batch = [], generator.sample_batch

    def watched(decoder, batch, *rest):
        batches.append(len(batch.seeds))
        return sample_batch(decoder, batch, *rest)

    monkeypatch.setattr(generator, "sample_batch", watched)
    lines = "a <*:dog>\na <rex#2:0.5> --n a hat\na cat --s 2\na <rex> --d 8"
    drawn = studio.pictures.of_file(lines, ONE_STEP, out=tmp_path)
    assert [each.prompt for each in drawn] == ["a <max>", "a <rex>", "a <rex#2:0.5>", "a cat", "a <rex>"]
    assert batches == [3, 1, 1]
    assert [picture.seed for each in drawn for picture in each.pictures] == [0, 0, 0, 0, 8]
    assert read_texts(drawn[2].pictures[0].path).settings["negative_prompt"] == "a hat"
    alone = studio.generate("a <rex>", ONE_STEP, out=tmp_path).pictures[0].path
    with Image.open(drawn[1].pictures[0].path) as one, Image.open(alone) as other:
        apart = np.abs(np.asarray(one).astype(int) - np.asarray(other))
    assert apart.max() <= 1 and apart.mean() < 0.01, "a batch may round otherwise"


def test_the_references_of_a_concept_are_chosen_by_the_setting(studio, add, box, tmp_path, monkeypatch):
    concept = add("rex", box(0), box(1)).concept
    calls, original = [], generator.draw_each

    def watched(stack, requests, *rest):
        calls.extend(requests)
        return original(stack, requests, *rest)

    monkeypatch.setattr(generator, "draw_each", watched)
    studio.generate("a <rex> by a <rex#1>", replace(ONE_STEP, references="each"), count=2, out=tmp_path)
    (views,) = studio.workplace.embedder.subjects([concept])[0].values()
    assert [torch.equal(each.subjects["rex"], view) for each, view in zip(calls, views, strict=True)] == [True, True]
    assert all(torch.equal(each.subjects["rex#1"], views[0]) for each in calls)


def test_one_answer_cannot_be_that_of_a_wildcard(studio, add, box, tmp_path, unloaded):
    add("rex", box(0))
    add("max", box(1))
    unloaded("clip", "prior", "decoder")
    with pytest.raises(PromptInvalid, match=r"stands for 2 prompts\. Draw it with Studio.generate_all"):
        studio.generate("a <*>", ONE_STEP, out=tmp_path)
