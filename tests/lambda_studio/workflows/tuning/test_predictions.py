"""What Eq. 2 is conditioned on: predictions are those that `generate` draws from."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation import generator
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.models.clip import clip as clip_module
from lambda_studio.models.files import pretrained
from lambda_studio.training.examples import Example
from lambda_studio.training.objectives.objectives import DecoderObjective
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.tuning import predictions as predictions_module
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.other_scenes import PLACES
from lambda_studio.workflows.tuning.predictions import A_PICTURE, Predictor


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[list[Example]]:
    """The examples of each run."""
    seen: list[list[Example]] = []

    def watched(decoder, examples, *rest, **named):
        seen.append(list(examples))
        return DecoderObjective(decoder, examples, *rest, **named)

    monkeypatch.setattr(tuning, "DecoderObjective", watched)
    return seen


def test_a_prediction_is_what_generate_gives_the_decoder(studio, add, photo, box, tmp_path, monkeypatch) -> None:
    add("rex", photo, box(1))
    place = studio.workplace
    (concept,) = place.get_concepts(["rex"])
    ours = Predictor(place.stack, place.embedder, 7).predictions([concept])["rex"]
    assert ours.shape == (2 * A_PICTURE, place.embedder.zero().shape[-1])
    assert not torch.equal(ours[0], ours[1]), "each has its own noise"
    seen = []
    predict = generator.predict_image_embeds
    monkeypatch.setattr(generator, "predict_image_embeds", lambda *args: seen.append(predict(*args)) or seen[-1])
    studio.generate("a <rex>", out=tmp_path, config=GenerateConfig(num_inference_steps=1))
    likeness = torch.nn.functional.cosine_similarity(ours, seen[0].cpu())
    others = torch.nn.functional.cosine_similarity(ours, place.embedder.zero())
    assert likeness.min() > others.max()
    again = Predictor(place.stack, place.embedder, 7).predictions([concept])["rex"]
    assert torch.equal(ours, again), "a resumed run needs the same"
    assert not torch.equal(ours, Predictor(place.stack, place.embedder, 8).predictions([concept])["rex"])


@pytest.mark.parametrize("conditions, kinds", [("paper", {0}), ("prior", {1, 2}), ("both", {0, 1, 2})])
def test_a_run_learns_from_the_conditions_that_were_asked(studio, add, photo, trained_on, conditions, kinds) -> None:
    add("rex", photo)
    adapter = studio.finetune(["rex"], config=FinetuneConfig(steps=1, rank=2, conditions=conditions)).adapter
    (examples,) = trained_on
    assert {example.prediction for example in examples} == kinds
    assert len({example.latents.sum().item() for example in examples}) == 1, "all show the one picture"
    assert len({example.image_embeds.sum().item() for example in examples}) == len(kinds)
    assert adapter and read_adapter_info(adapter.path).settings["conditions"] == conditions


@pytest.fixture
def masked(studio, photo, box, tmp_path) -> None:
    """Two pictures of rex, each with its left half as the mask."""
    masks = []
    for number, path in enumerate((photo, box(1))):
        with Image.open(path) as image:
            mask = Image.new("L", image.size)
        mask.paste(255, (0, 0, mask.width // 2, mask.height))
        masks.append(tmp_path / f"mask{number}.png")
        mask.save(masks[-1])
    studio.concepts.add("rex", [photo, box(1)], noun="dog", masks=masks)


def test_of_other_places_only_the_subject_is_learnt(studio, masked, trained_on) -> None:
    studio.finetune(["rex"], config=FinetuneConfig(steps=1, rank=2, conditions="scenes"))
    (examples,) = trained_on
    elsewhere = [example for example in examples if example.only_subject]
    assert len(elsewhere) == 2 * len(PLACES) and len(examples) == len(elsewhere) + 2 * (1 + A_PICTURE)
    assert all(example.mask is not None and 0 < example.mask.mean() < 1 for example in elsewhere)
    assert len({(example.image_sha, example.prediction) for example in examples}) == len(examples)
    assert len({example.image_embeds.sum().item() for example in elsewhere}) == len(elsewhere)


@pytest.mark.parametrize("conditions", ["paper", "prior", "both", "scenes"])
def test_dressed_subjects_are_kept_as_they_are_by_so_many_prompts(studio, masked, trained_on, conditions) -> None:
    """Without its LoRA, the decoder predicts the whole target of these examples."""
    for count in (0, 2):
        studio.finetune(["rex"], config=FinetuneConfig(steps=1, rank=2, conditions=conditions, keep_dressed=count))
    without, examples = trained_on
    kept = [each for each in examples if each.mask is not None and not each.mask.any()]
    assert len(kept) == 2 * 2 == len(examples) - len(without) and all(each.only_subject for each in kept)
    assert len({each.image_embeds.sum().item() for each in kept}) == len(kept)
    assert len({(each.image_sha, each.prediction) for each in examples}) == len(examples)


def test_a_full_training_cannot_keep_dressed_subjects(studio, masked) -> None:
    with pytest.raises(InvalidSetting, match="keep_dressed is 2, and the whole UNet is trained"):
        studio.finetune(["rex"], config=FinetuneConfig(steps=1, method="full", keep_dressed=2))


def test_many_prompts_are_predicted_in_turns(studio, masked, monkeypatch) -> None:
    (concept,) = studio.workplace.get_concepts(["rex"])
    predictor = Predictor(studio.workplace.stack, studio.workplace.embedder, 7)
    whole = predictor._predict([concept], predictor._placed(concept))
    monkeypatch.setattr(predictions_module, "AT_ONCE", 5)
    torch.testing.assert_close(predictor._predict([concept], predictor._placed(concept)), whole)


def test_a_concept_without_masks_is_learnt_at_its_own_place_and_that_is_said(studio, add, photo, trained_on) -> None:
    add("rex", photo)
    config = FinetuneConfig(steps=1, rank=2, conditions="scenes")
    notices: list[str] = []
    studio.workplace.notify = notices.append
    studio.finetune(["rex"], config=config)
    (examples,) = trained_on
    assert not any(example.only_subject for example in examples) and len(examples) == 1 + A_PICTURE
    said = "rex: no image has a mask. Images without one are not learnt in other places or beside other concepts."
    assert any(notice.startswith(said) and "edit rex --segment 1=auto" in notice for notice in notices)
    assert any(f"rex: {remark.said}".startswith(said) for remark in studio.plan_finetune(["rex"], config).remarks)
    add("max", photo)  # the same picture: a mask found in it would be the same, too
    remarks = [f"{each.concept}: {each.said}" for each in studio.plan_finetune(["rex", "max"], config).remarks]
    assert said in remarks and said.replace("rex", "max") in remarks


def test_a_run_with_predictions_is_resumed_to_the_same_weights(studio, add, photo) -> None:
    add("rex", photo)
    config = FinetuneConfig(steps=4, rank=2, conditions="both", checkpoint_every=1)
    whole = studio.finetune(["rex"], config=config).adapter
    asked = iter((False, True))
    stopped = studio.finetune(["rex"], config=config, should_stop=lambda: next(asked, True))
    assert stopped.adapter is None
    resumed = studio.finetune(["rex"], resume=True).adapter
    assert whole and resumed and resumed.sha256 == whole.sha256


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The towers of CLIP and the other networks that were loaded."""
    found: list[str] = []
    load_clip, load_weights = clip_module.load_clip, pretrained.load_weights
    monkeypatch.setattr(clip_module, "load_clip", lambda *given: found.extend(given[3]) or load_clip(*given))
    monkeypatch.setattr(
        pretrained, "load_weights", lambda kind, *rest: found.append(kind.__name__) or load_weights(kind, *rest)
    )
    return found


@pytest.mark.parametrize(("holdout", "vision"), [(0, 1), (1, 2)])
def test_text_tower_and_prior_are_loaded_once_for_previews_scores_and_predictions(
    studio, add, box, loaded, holdout, vision, monkeypatch
) -> None:
    add("rex", *(box(seed) for seed in range(3)))
    studio.workplace.stack.free("clip")
    loaded.clear()
    studio.workplace.database.write(lambda registry: registry.drop_features(registry.computed_features()))
    seen = []
    objective = tuning.DecoderObjective

    def begun(*given, **named):
        seen.append((list(loaded), studio.workplace.stack.loaded))
        return objective(*given, **named)

    monkeypatch.setattr(tuning, "DecoderObjective", begun)
    studio.finetune(
        ["rex"], config=FinetuneConfig(steps=1, rank=2, conditions="both", holdout=holdout, preview_every=1)
    )
    ((before, kept),) = seen
    assert [before.count(each) for each in ("text", "PriorTransformer", "vision")] == [1, 1, vision]
    assert not kept & {"clip", "prior"}


def test_a_resumed_run_predicts_nothing_and_its_predictions_go_with_its_checkpoints(
    studio, add, photo, trained_on, monkeypatch
) -> None:
    add("rex", photo)
    config = FinetuneConfig(steps=2, rank=2, conditions="both", preview_every=0)
    file = run_folder(studio.home, 1) / "checkpoints" / "predictions.safetensors"
    assert studio.finetune(["rex"], config=config, should_stop=file.exists).adapter is None
    predict = predictions_module.predict_image_embeds
    monkeypatch.setattr(  # other processors and numbers of threads round otherwise
        predictions_module, "predict_image_embeds", lambda *given: predict(*given) * 1.001
    )
    assert studio.finetune(["rex"], resume=True).adapter
    begun, resumed = ({each.image_embeds.sum().item() for each in examples} for examples in trained_on)
    assert begun == resumed
    assert not file.exists()


@pytest.mark.parametrize("damage", [b"", b"no safetensors", None])
def test_damaged_or_missing_predictions_are_predicted_again(studio, add, photo, damage) -> None:
    add("rex", photo)
    config = FinetuneConfig(steps=2, rank=2, conditions="prior", preview_every=0)
    file = run_folder(studio.home, 1) / "checkpoints" / "predictions.safetensors"
    assert studio.finetune(["rex"], config=config, should_stop=file.exists).adapter is None
    file.unlink()
    if damage is not None:
        file.write_bytes(damage)
    assert studio.finetune(["rex"], resume=True).adapter


def test_predictions_of_other_images_nouns_and_seeds_are_not_taken(studio, add, photo, box, tmp_path) -> None:
    add("rex", photo)
    place = studio.workplace
    (concept,) = place.get_concepts(["rex"])
    first = Predictor(place.stack, place.embedder, 7)
    known = first.predictions([concept])["rex"]
    first.write(tmp_path)

    def found(seed: int) -> torch.Tensor:
        other = Predictor(place.stack, place.embedder, seed)
        other.read(tmp_path)
        return other.predictions(place.get_concepts(["rex"]))["rex"]

    assert torch.equal(found(7), known)
    assert not torch.equal(found(8), known)
    studio.concepts.edit("rex", noun="cat")
    assert not torch.equal(found(7), known)
    studio.concepts.edit("rex", noun="dog", add=[box(1)])
    assert found(7).shape[0] == 2 * A_PICTURE


def test_the_second_prediction_of_a_captioned_picture_is_for_its_caption(studio, put, plain, trained_on) -> None:
    images = [plain("red"), replace(plain("blue"), caption="rex on a sofa"), plain("green")]
    put("rex", *images)
    place = studio.workplace
    (concept,) = place.get_concepts(["rex"])
    bare = replace(concept, images=tuple(replace(image, caption=None) for image in concept.images))
    predictor = Predictor(place.stack, place.embedder, 7)
    said, unsaid = predictor.predictions([concept])["rex"], predictor.predictions([bare])["rex"]
    assert len(predictor.known) == 2, "the key says the caption"
    apart = (said - unsaid).abs().amax(dim=1) > 1e-3
    assert apart.tolist() == [False, False, False, False, True, False]
    prompts = [prompt.text for prompt in predictor._prompts(concept)]
    assert prompts == ["a dog", "a dog", "a dog", "a dog", "dog on a sofa", "a dog"]
    studio.finetune(["rex"], config=FinetuneConfig(steps=1, rank=2, conditions="both", preview_every=0))
    kinds = [(each.image_sha, each.prediction) for each in trained_on[0]]
    assert kinds == [(image.sha, number) for number in range(3) for image in images], "each caption at its picture"


def test_a_long_caption_is_cut_after_the_subject_and_a_wrong_one_is_not_learnt(studio, put, plain) -> None:
    long = " ".join(["snow"] * 90)
    put("rex", *(replace(plain(colour), caption=text) for colour, text in [
        ("red", f"rex in {long}"), ("blue", f"{long} with rex"), ("green", "rex <end_of_text>")
    ]))  # fmt: skip
    place, notes = studio.workplace, []
    (concept,) = place.get_concepts(["rex"])
    prompts = Predictor(place.stack, place.embedder, 7, notes.append)._prompts(concept)[3:]
    assert [prompt.text[:12] for prompt in prompts] == ["dog in snow ", "a dog, snow ", "a dog"]
    (note,) = notes
    assert note.startswith("rex: the caption of green.png is not learnt: CLIP reads a part of ")
