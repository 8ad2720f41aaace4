"""The recipe end to end at a hundredth of its length, stopped and resumed, and what it exports."""

from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vq_model import VQModel
from safetensors.torch import load_file

from lambda_studio.miniature.recipe import recipe as recipes
from lambda_studio.miniature.recipe.config import STAGES, RecipeConfig
from lambda_studio.miniature.recipe.corpus import build_corpus
from lambda_studio.miniature.recipe.embedded import embed
from lambda_studio.miniature.recipe.networks import build_movq, build_prior, build_unet
from lambda_studio.miniature.recipe.opening import open_recipe
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.world.rendering import PIXELS, SEEN, render, seen
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import WEIGHTS, Stack, resolve_stack
from lambda_studio.progress import silent

LIMIT = 16 * 2**20


def tiny() -> RecipeConfig:
    short = {name: replace(getattr(RecipeConfig(), name), steps=2, batch_size=8) for name in STAGES}
    return RecipeConfig(pictures=64, prior_pictures=64, decoder_pictures=64, **short)


def test_a_file_that_could_not_be_written_whole_is_not_there(tmp_path, monkeypatch):
    def stops(tensors, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("lambda_studio.miniature.recipe.corpus.save_file", stops)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(tmp_path / "corpus", 4, seed=5)
    assert not (tmp_path / "corpus" / "scene.safetensors").exists(), "it says that the corpus is done"
    monkeypatch.undo()
    assert len(build_corpus(tmp_path / "corpus", 4, seed=5)) == 4


def test_every_shipped_file_will_be_under_sixteen_mebibytes():
    for build in (build_movq, build_unet, build_prior):
        halves = 2 * sum(parameter.numel() for parameter in build().parameters())
        assert halves < LIMIT, build.__name__


def test_the_decoders_pictures_are_encoded_once_and_a_stop_costs_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "PICTURES_A_FILE", 8)
    stack, drawn = Stack(resolve_stack("miniature")), []
    movq = stack.decoder().movq
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: stack.clip(("vision",)))
    monkeypatch.setattr(Recipe, "train_movq", lambda recipe: movq)

    def watched(scene, *args):
        drawn.append(render(scene, *args))
        return drawn[-1]

    monkeypatch.setattr(recipes, "render", watched)
    recipe = Recipe(tmp_path, RecipeConfig(decoder_pictures=12))
    made, images = recipe.targets(), torch.cat([each.images for each in drawn])
    back = movq.decode(made["latents"].float(), force_not_quantize=True).sample / 2 + 0.5
    assert (back - images).pow(2).mean() < 0.005, "latents of the pictures drawn"
    likeness = F.cosine_similarity(made["image_embeds"].float(), stack.clip(("vision",)).encode_pixels(seen(images)))
    assert likeness.min() > 0.98
    assert made["focus"].shape == (12, 16, 16) and made["alone"].dtype == torch.bool
    (tmp_path / "targets" / "8.safetensors").unlink()
    again = recipe.targets()
    assert [len(each.images) for each in drawn] == [8, 4, 4], "the file that is whole is not made again"
    assert all(torch.equal(made[name], again[name]) for name in made)


def test_the_priors_scenes_are_embedded_in_files_and_only_the_missing_ones_again(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "PICTURES_A_FILE", 8)
    stack, embedded = Stack(resolve_stack("miniature")), []
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: stack.clip(("vision",)))

    def watched(scene, *args):
        embedded.append(len(scene))
        return embed(scene, *args)

    monkeypatch.setattr(recipes, "embed", watched)
    recipe = Recipe(tmp_path, RecipeConfig(prior_pictures=12, edges="gradient"))
    made = recipe.embedded()
    assert len(made) == 12 and made.cutout_rows.max() == len(made.cutouts) - 1
    (tmp_path / "embedded" / "0.safetensors").unlink()
    again = recipe.embedded()
    assert embedded == [8, 4, 8]
    assert again.images.equal(made.images) and again.cutouts.equal(made.cutouts)


@pytest.mark.parametrize("goes_on", [True, False])
def test_only_a_recipe_from_nothing_trains_movq_before_it_encodes_the_decoders_pictures(tmp_path, monkeypatch, goes_on):
    torch.manual_seed(0)
    given, trained = build_movq(), build_movq()
    given.save_pretrained(tmp_path / "start" / "decoder" / "movq")
    stack, encoders, trainings = Stack(resolve_stack("miniature")), [], []
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: stack.clip(("vision",)))
    monkeypatch.setattr(Recipe, "train_movq", lambda recipe: trainings.append(1) or trained)
    monkeypatch.setattr(Recipe, "_encode", lambda recipe, whole, clip, movq: encoders.append(movq) or {"x": whole.x})
    Recipe(tmp_path, RecipeConfig(decoder_pictures=4, start=tmp_path / "start" if goes_on else None)).targets()
    [encoder] = encoders
    assert trainings == ([] if goes_on else [1])
    expected = (given if goes_on else trained).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in encoder.state_dict().items())
    assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize("start, learns", [
    (None, {"encoder", "quant_conv", "quantize", "post_quant_conv", "decoder"}),
    (3, {"post_quant_conv", "decoder", "encoder"}),
    (4, None),
], ids=["from nothing", "from one for smaller pictures", "from its like"])  # fmt: skip
def test_a_movq_that_goes_on_keeps_its_latents(tmp_path, monkeypatch, start, learns):
    asked = {}

    def movq_stage(movq, seed, batch_size, former, compiled):
        asked.update(former=former, learns={n.split(".")[0] for n, p in movq.named_parameters() if p.requires_grad})
        return lambda step: {}

    if start:
        begun = movq_of(start)
        begun.save_pretrained(tmp_path / "start" / "decoder" / "movq")
    monkeypatch.setattr(recipes, "movq_stage", movq_stage)
    monkeypatch.setattr(recipes, "train_stage", lambda *args: None)
    movq = Recipe(tmp_path, RecipeConfig(start=tmp_path / "start" if start else None)).train_movq()
    assert asked.get("learns") == learns, "one of the same size is taken as it is"
    assert (asked.get("former") is not None) == (start == 3)
    if start:
        there = begun.state_dict()["decoder.conv_in.weight"]
        assert movq.state_dict()["decoder.conv_in.weight"].equal(there.half().float())
    assert (tmp_path / "movq.safetensors").is_file() and not any(p.requires_grad for p in movq.parameters())


def test_the_decoding_half_alone_goes_on_and_is_exported(tmp_path, monkeypatch):
    begun, stack = {}, Stack(resolve_stack("miniature"))

    def train_stage(objective, work, progress):
        begun["learns"] = {n.split(".")[0] for n, p in objective.model.named_parameters() if p.requires_grad}
        with torch.no_grad():
            objective.model.decoder.conv_in.weight.add_(1)

    monkeypatch.setattr(recipes, "train_stage", train_stage)
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: stack.clip(("vision",)))
    recipe = Recipe(tmp_path, RecipeConfig(start=WEIGHTS))
    before, after = recipe.train_movq().state_dict(), recipe.train_decoding().state_dict()
    assert begun["learns"] == {"post_quant_conv", "decoder"}
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["decoder.conv_in.weight"]


def movq_of(blocks: int) -> VQModel:
    """Return the miniature's MoVQ, or one for pictures of half the side, with a block less."""
    config = dict(build_movq().config)
    config |= {"block_out_channels": config["block_out_channels"][-blocks:], "sample_size": PIXELS // 2 ** (4 - blocks)}
    for name in ("down_block_types", "up_block_types"):
        config[name] = config[name][:blocks]
    return VQModel.from_config(config)


def test_a_stop_before_clips_first_step_leaves_no_untrained_weights_behind(tmp_path, monkeypatch):
    def stops(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "build_corpus", stops)
    with pytest.raises(KeyboardInterrupt):
        Recipe(tmp_path, tiny()).train_clip()
    assert not list((tmp_path / "clip").glob("*.safetensors")), "the next run would take them for trained"


def test_a_recipe_that_goes_on_begins_with_the_weights_that_it_was_given(tmp_path, monkeypatch):
    begun = {}

    def train_stage(objective, work, progress):
        begun[objective.name] = {name: value.clone() for name, value in objective.model.state_dict().items()}

    monkeypatch.setattr(recipes, "train_stage", train_stage)
    monkeypatch.setattr(Recipe, "_decoder_stage", lambda recipe, unet: lambda step: {})
    monkeypatch.setattr(Recipe, "targets", lambda recipe: {"image_embeds": torch.randn(300, 256)})
    for stage in ("decoding_stage", "prior_stage", "control_stage", "oracle_stage"):
        monkeypatch.setattr(recipes, stage, lambda *args, **kwargs: lambda step: {})
    folded = []
    monkeypatch.setattr(recipes, "control_whitening", lambda data: Mock(fold_into=folded.append))
    monkeypatch.setattr(Recipe, "_prompts", lambda recipe, stage: None)
    monkeypatch.setattr(Recipe, "embedded", lambda recipe: None)
    recipe = open_recipe(tmp_path, 1.0, "cpu", False, silent, start=WEIGHTS)
    recipe.run()
    for name, part in {
        "decoding": "decoder/movq",
        "decoder": "decoder/unet",
        "prior": "prior",
        "control": "prior",
        "oracle": "oracle",
    }.items():
        shipped = load_file(WEIGHTS / part / recipes.PART_WEIGHTS)
        assert begun[name].keys() == shipped.keys(), name
        assert all(torch.equal(begun[name][key], value.float()) for key, value in shipped.items()), name
    assert len(folded) == 1, "the control's layer reads plain embeddings again"
    assert not {"clip", "movq"} & begun.keys() and (tmp_path / "clip" / recipes.CLIP_WEIGHTS).is_file()


@pytest.mark.slow
def test_the_recipe_trains_and_exports_a_stack_that_loads(tmp_path):
    recipe = Recipe(tmp_path / "work", tiny())
    recipe.run()
    recipe.export(tmp_path / "out")
    clip = load_clip(f"local-dir:{tmp_path / 'out' / 'clip'}")
    decoder = load_decoder(tmp_path / "out" / "decoder")
    prior = PriorTransformer.from_pretrained(tmp_path / "out" / "prior")
    assert clip.dim == prior.config["embedding_dim"] == 256
    assert decoder.resolution == PIXELS and clip.image_size == SEEN
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.safetensors")}
    Recipe(tmp_path / "work", tiny()).run()
    assert before == {path: path.stat().st_mtime_ns for path in before}, "what is done is not done again"
