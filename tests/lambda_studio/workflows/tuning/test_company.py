"""Concepts are learnt beside each other, from pictures that are composed of their cut-outs."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from concepts.records import sha256
from lambda_studio.bundles.contents import canonical
from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import PromptInvalid
from lambda_studio.pictures.beside import CutOut
from lambda_studio.training.examples import Example
from lambda_studio.workflows.tuning import company as company_module
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.company import EACH, PICTURES, Company, pairs
from lambda_studio.workflows.tuning.other_scenes import PLACES
from lambda_studio.workflows.tuning.predictions import Predictor


@pytest.fixture
def add_masked(studio, tmp_path):
    """Add a concept with pictures of a coloured box on grey, and the box as its mask."""

    def add(name: str, colour: str, noun: str, count: int = 2) -> None:
        files = []
        for number in range(count):
            image, mask = Image.new("RGB", (64, 48), "grey"), Image.new("L", (64, 48))
            box = (4 + 6 * number, 10, 30 + 6 * number, 40)
            ImageDraw.Draw(image).rectangle(box, fill=colour)
            ImageDraw.Draw(mask).rectangle(box, fill=255)
            files.append([tmp_path / f"{name}{number}.png", tmp_path / f"{name}{number}-mask.png"])
            image.save(files[-1][0])
            mask.save(files[-1][1])
        studio.concepts.add(name, [f[0] for f in files], noun=noun, masks=[f[1] for f in files])

    return add


def made(studio, names: list[str], seed: int = 7) -> list[Example]:
    place = studio.workplace
    predictor = Predictor(place.stack, place.embedder, seed)
    return Company(place.database, predictor).examples(place.get_concepts(names), place.stack.resolution)


def test_each_concept_has_two_partners_at_most() -> None:
    def found(names: str) -> list[str]:
        return ["".join(pair) for pair in pairs(list(names))]

    assert found("a") == [] and found("ab") == ["ab", "ba"]
    assert found("abc") == ["ab", "ac", "bc", "ba", "ca", "cb"]
    assert found("abcd") == ["ab", "ac", "bc", "bd", "cd", "ca", "da", "db"]


def test_of_two_concepts_beside_each_other_only_they_count(studio, add_masked) -> None:
    add_masked("rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    examples = made(studio, ["rex", "hat"])
    assert [example.concept for example in examples] == ["hat"] * 2 * EACH + ["rex"] * 2 * EACH
    assert all(example.only_subject and 0 < float(example.mask.mean()) < 0.6 for example in examples)
    for example in examples:
        left, right = example.mask.chunk(2, dim=1)
        assert left.sum() > 0 and right.sum() > 0, "one subject on each side"
    assert len({(each.concept, each.image_sha, each.prediction) for each in examples}) == len(examples)
    assert len({each.image_embeds.sum().item() for each in examples}) == len(examples), "each by its own noise"


@pytest.mark.parametrize("count", [4, PICTURES])
def test_half_of_the_prompts_name_a_place_and_each_place_comes(studio, add_masked, count: int) -> None:
    add_masked("my rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    place = studio.workplace
    company = Company(place.database, Predictor(place.stack, place.embedder, 7))
    prompts = [prompt.template for prompt in company._prompts(tuple(place.get_concepts(["my rex", "hat"])), count)]
    assert set(prompts[:count]) == {"a <my rex> beside a <hat>", "a <my rex> and a <hat>"}
    named = [prompt for prompt in prompts if prompt.endswith(PLACES)]
    assert len(named) == len(prompts) / 2
    assert all(any(prompt.endswith(each) for prompt in named) for each in PLACES)


def test_the_composed_pictures_show_both_subjects(studio, add_masked, monkeypatch) -> None:
    add_masked("rex", "red", "dog", count=PICTURES + 2)
    add_masked("hat", "blue", "hat", count=PICTURES + 2)
    seen: list[Image.Image] = []
    encode = company_module.encode_latents
    monkeypatch.setattr(
        company_module,
        "encode_latents",
        lambda decoder, images, size: seen.extend(images) or encode(decoder, images, size),
    )
    made(studio, ["rex", "hat"])
    assert len(seen) == 2 * PICTURES
    for number, picture in enumerate(seen):
        pixels = np.asarray(picture).astype(int)
        red, blue = (
            np.argwhere(pixels[..., channel] - pixels[..., 2 - channel] > 90)[:, 1].mean() for channel in (0, 2)
        )
        assert (blue < red) == (number < PICTURES), "the first is on the left"


def test_subjects_that_are_turned_are_mirrored_beside_others(studio, add_masked, monkeypatch) -> None:
    add_masked("rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    place, cut, beside, shown = studio.workplace, company_module.cut, company_module.beside, []
    concepts, predictor = place.get_concepts(["rex", "hat"]), Predictor(place.stack, place.embedder, 7)
    monkeypatch.setattr(company_module, "cut", lambda image, *rest: cut(_brighter_on_the_right(image), *rest))
    monkeypatch.setattr(company_module, "beside", lambda both, *rest: shown.extend(both) or beside(both, *rest))
    plain = Company(place.database, predictor).examples(concepts, 32)
    assert not any(map(_is_brighter_on_the_left, shown))
    shown.clear()
    turned = {("rex", concepts[0].images[0].sha)}
    some = Company(place.database, predictor, turned).examples(concepts, 32)
    assert sum(map(_is_brighter_on_the_left, shown)) == 2, "one picture of rex, beside the hat on both of its sides"
    assert not all(torch.equal(one.latents, other.latents) for one, other in zip(plain, some, strict=True))


def _brighter_on_the_right(image: Image.Image) -> Image.Image:
    ramp = Image.linear_gradient("L").rotate(90).resize(image.size)
    return Image.blend(image, Image.merge("RGB", [ramp] * 3), 0.5)


def _is_brighter_on_the_left(cutout: CutOut) -> bool:
    left, right = np.array_split(np.asarray(cutout.image, dtype=float), 2, axis=1)
    return left.mean() > right.mean()


def test_what_was_computed_is_known_to_a_resumed_run(studio, add_masked, tmp_path, monkeypatch) -> None:
    add_masked("rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    place = studio.workplace
    concepts = place.get_concepts(["rex", "hat"])
    first = Predictor(place.stack, place.embedder, 7)
    before = Company(place.database, first).examples(concepts, 32)
    first.write(tmp_path)
    again = Predictor(place.stack, place.embedder, 7)
    again.read(tmp_path)
    monkeypatch.setattr(again, "_predict", lambda *_: pytest.fail("predicted again"))
    monkeypatch.setattr(company_module, "encode_latents", lambda *_: pytest.fail("encoded again"))
    after = Company(place.database, again).examples(concepts, 32)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one.latents, other.latents) and torch.equal(one.image_embeds, other.image_embeds)


def test_nouns_that_clip_cannot_read_together_are_told_of_and_the_run_goes_on(studio, add_masked, monkeypatch) -> None:
    add_masked("rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    add_masked("long", "green", "mug")
    bind = company_module.bind

    def short(template, nouns, *rest):
        if "long" in nouns:
            raise PromptInvalid("The prompt has too many tokens.", "Shorten it.")
        return bind(template, nouns, *rest)

    monkeypatch.setattr(company_module, "bind", short)
    place, notes = studio.workplace, []
    predictor = Predictor(place.stack, place.embedder, 7, notes.append)
    examples = Company(place.database, predictor).examples(place.get_concepts(["rex", "hat", "long"]), 32)
    assert {example.concept for example in examples} == {"rex", "hat"}
    assert any(note.startswith("hat and long are not learnt beside each other: ") for note in notes)


def test_the_order_of_the_names_changes_nothing(studio, add_masked) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "green"), ("d", "brown")):
        add_masked(name, colour, "dog", count=1)
    one, other = made(studio, list("abcd")), made(studio, list("dbca"))
    keys = [[(each.concept, each.image_sha, each.prediction) for each in table] for table in (one, other)]
    assert keys[0] == keys[1] and all(torch.equal(a.latents, b.latents) for a, b in zip(one, other, strict=True))


def test_partners_that_share_a_photograph_are_told_apart(studio, add_masked, tmp_path) -> None:
    add_masked("rex", "red", "dog", count=1)
    add_masked("hat", "blue", "hat", count=1)
    shared = {"images": [tmp_path / "hat0.png"], "masks": [tmp_path / "hat0-mask.png"]}
    studio.concepts.add("scarf", noun="scarf", **shared)
    keys = [(each.concept, each.image_sha, each.prediction) for each in made(studio, ["rex", "hat", "scarf"])]
    assert len(set(keys)) == len(keys) == 6 * EACH


def test_a_concept_without_a_mask_has_no_company(studio, add_masked, add, photo) -> None:
    add_masked("rex", "red", "dog")
    add("max", photo)
    assert made(studio, ["rex", "max"]) == []


def test_pairs_without_a_mirrored_subject_are_cached_as_if_none_were_mirrored(studio, add_masked) -> None:
    for name, colour in (("rex", "red"), ("hat", "blue"), ("mug", "green")):
        add_masked(name, colour, "dog", count=1)
    place, known = studio.workplace, []
    concepts = place.get_concepts(["rex", "hat", "mug"])
    for to_mirror in (frozenset(), {("mug", concepts[2].images[0].sha)}):
        predictor = Predictor(place.stack, place.embedder, 7)
        Company(place.database, predictor, to_mirror).examples(concepts, 32)
        known.append(set(predictor.known))
    predictions_and_pairs = 6 + 6
    assert len(known[0]) == predictions_and_pairs and len(known[0] - known[1]) == 4, "the pairs with mug"
    print_of, images = place.stack.fingerprints()["autoencoder"], [concept.images[0] for concept in concepts]
    pair = [[[image.sha, image.mask_sha] for image in (images[1], images[0])]]
    assert sha256(canonical({"autoencoder": print_of, "images": pair, "side": 32, "seed": 7})) in known[0] & known[1]


@pytest.mark.parametrize("random_flip", [False, True])
def test_a_run_in_scenes_learns_pairs_and_is_resumed_to_the_same_weights(
    studio, add_masked, monkeypatch, random_flip
) -> None:
    add_masked("rex", "red", "dog")
    add_masked("hat", "blue", "hat")
    first = studio.workplace.get_concepts(["rex"])[0].images[0]
    given, found = [], {("rex", first.sha)} if random_flip else set()
    monkeypatch.setattr(tuning, "pictures_to_mirror", lambda _: found)
    monkeypatch.setattr(tuning, "Company", lambda *args: given.append(args[2]) or Company(*args))
    config = FinetuneConfig(
        steps=3, rank=2, conditions="scenes", checkpoint_every=1, preview_every=0, random_flip=random_flip
    )
    whole = studio.finetune(["rex", "hat"], config=config).adapter
    asked = iter((False, True))
    assert studio.finetune(["rex", "hat"], config=config, should_stop=lambda: next(asked, True)).adapter is None
    resumed = studio.finetune(["rex", "hat"], resume=True).adapter
    assert whole and resumed and resumed.sha256 == whole.sha256
    assert given == [found] * 3
    alone = studio.finetune(["rex"], config=config).adapter
    assert alone and alone.sha256 != whole.sha256
