"""The recipe end to end at a hundredth of its length, stopped and resumed, and what it exports."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from lambda_studio.errors import InvalidSetting, TrainingDiverged
from lambda_studio.miniature.recipe import recipe as recipes
from lambda_studio.miniature.recipe.corpus import build_corpus
from lambda_studio.miniature.recipe.fitting import FitConfig, draw_log, fit
from lambda_studio.miniature.recipe.networks import build_movq, build_prior, build_unet
from lambda_studio.miniature.recipe.recipe import STAGES, Recipe, RecipeConfig, open_recipe
from lambda_studio.miniature.world.scenes import render
from lambda_studio.models.clip import load_clip
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stack import Stack, resolve_stack
from lambda_studio.progress import silent

LIMIT = 16 * 2**20


def tiny() -> RecipeConfig:
    short = {name: replace(getattr(RecipeConfig(), name), steps=2, batch_size=8) for name in STAGES}
    return RecipeConfig(pictures=64, decoder_pictures=64, **short)


def linear(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(4, 4)


def loss_of(model):
    def loss(step: int) -> dict[str, torch.Tensor]:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        return {"loss": (model(x).float() - x).pow(2).mean()}

    return loss


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_stage_that_was_stopped_ends_with_the_same_weights(tmp_path, ema_decay):
    config = FitConfig(steps=9, batch_size=8, learning_rate=1e-2, ema_decay=ema_decay, checkpoint_every=4)
    whole, stopped, resumed = linear(), linear(), linear(5)
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    fit("x", whole, loss_of(whole), config, tmp_path / "a")

    def stops(step: int) -> dict[str, torch.Tensor]:
        if step == 6:
            raise KeyboardInterrupt
        return loss_of(stopped)(step)

    with pytest.raises(KeyboardInterrupt):
        fit("x", stopped, stops, config, tmp_path / "b")
    fit("x", resumed, loss_of(resumed), config, tmp_path / "b")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_stage_whose_loss_is_not_a_number_says_so(tmp_path):
    model = linear()
    config = FitConfig(steps=3, batch_size=8, learning_rate=1e-2)
    with pytest.raises(TrainingDiverged, match=r"loss of clip at step 1 is nan.*learning rate"):
        fit("clip", model, lambda step: {"loss": model.weight.sum() * torch.nan}, config, tmp_path)


def test_what_a_stage_measures_is_drawn_once_for_each_step(tmp_path):
    model = linear()
    fit("x", model, lambda step: loss_of(model)(step) | {"other": torch.ones(())}, FitConfig(
        steps=60, batch_size=8, learning_rate=1e-2, checkpoint_every=30), tmp_path)  # fmt: skip
    with open(tmp_path / "x.jsonl", encoding="utf-8") as log:
        assert [json.loads(line)["step"] for line in log] == [20, 40, 60]
    with Image.open(tmp_path / "x.png") as plot:
        assert plot.size == (960, 2 * 480), "a panel for the loss, and one for the other"
        before = plot.tobytes()
    with open(tmp_path / "x.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({"step": 40, "loss": 9.0, "other": 9.0}) + "\n")
    draw_log(tmp_path / "x.jsonl")
    with Image.open(tmp_path / "x.png") as plot:
        assert plot.size == (960, 2 * 480) and plot.tobytes() != before, "the later row of step 40 counts"


def test_compiling_needs_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InvalidSetting, match=r"C\+\+ compiler.*--compile"):
        open_recipe(tmp_path, 1.0, "cpu", True, silent)
    assert not open_recipe(tmp_path, 1.0, "cpu", False, silent).config.compiled


def test_a_trials_folder_does_not_pass_for_the_whole_training(tmp_path):
    open_recipe(tmp_path, 0.01, "cpu", False, silent)
    assert open_recipe(tmp_path, 0.01, "cpu", False, silent).config.decoder.steps == 200
    with pytest.raises(InvalidSetting, match=r"begun with --share 0\.01.*another folder"):
        open_recipe(tmp_path, 1.0, "cpu", False, silent)


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
    likeness = F.cosine_similarity(made["image_embeds"].float(), stack.clip(("vision",)).encode_pixels(images))
    assert likeness.min() > 0.98
    assert made["focus"].shape == (12, 16, 16) and made["alone"].dtype == torch.bool
    (tmp_path / "targets" / "8.safetensors").unlink()
    again = recipe.targets()
    assert [len(each.images) for each in drawn] == [8, 4, 4], "the file that is whole is not made again"
    assert all(torch.equal(made[name], again[name]) for name in made)


def test_a_stop_before_clips_first_step_leaves_no_untrained_weights_behind(tmp_path, monkeypatch):
    def stops(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "build_corpus", stops)
    with pytest.raises(KeyboardInterrupt):
        Recipe(tmp_path, tiny()).train_clip()
    assert not list((tmp_path / "clip").glob("*.safetensors")), "the next run would take them for trained"


@pytest.mark.slow
def test_the_recipe_trains_and_exports_a_stack_that_loads(tmp_path):
    recipe = Recipe(tmp_path / "work", tiny())
    recipe.run()
    recipe.export(tmp_path / "out")
    clip = load_clip(f"local-dir:{tmp_path / 'out' / 'clip'}")
    decoder = load_decoder(tmp_path / "out" / "decoder")
    prior = PriorTransformer.from_pretrained(tmp_path / "out" / "prior")
    assert clip.dim == prior.config["embedding_dim"] == 256
    assert decoder.resolution == clip.image_size == 64
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.safetensors")}
    Recipe(tmp_path / "work", tiny()).run()
    assert before == {path: path.stat().st_mtime_ns for path in before}, "what is done is not done again"
