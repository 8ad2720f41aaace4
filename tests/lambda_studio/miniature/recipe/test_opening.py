"""A recipe is opened with checked settings, in a folder of the same settings."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.miniature.recipe.config import RecipeConfig
from lambda_studio.miniature.recipe.opening import open_recipe
from lambda_studio.models.stacks.stack import WEIGHTS
from lambda_studio.progress import silent


def test_compiling_needs_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InvalidSetting, match=r"C\+\+ compiler.*compiled"):
        open_recipe(tmp_path, 1.0, "cpu", True, silent)
    assert not open_recipe(tmp_path, 1.0, "cpu", False, silent).config.compiled


def test_a_trials_folder_does_not_pass_for_the_whole_training(tmp_path):
    open_recipe(tmp_path, 0.01, "cpu", False, silent)
    assert open_recipe(tmp_path, 0.01, "cpu", False, silent).config.decoder.steps == 200
    with pytest.raises(InvalidSetting, match=r"started with share=0\.01.*another folder"):
        open_recipe(tmp_path, 1.0, "cpu", False, silent)


def test_a_folder_of_another_seed_is_refused(tmp_path):
    assert open_recipe(tmp_path / "a", 1.0, "cpu", False, silent).config.seed == RecipeConfig().seed == 20
    assert open_recipe(tmp_path / "b", 1.0, "cpu", False, silent, WEIGHTS, 21).config.seed == 21
    with pytest.raises(InvalidSetting, match=r"started with seed=21"):
        open_recipe(tmp_path / "b", 1.0, "cpu", False, silent, WEIGHTS)
    (tmp_path / "a/seed.txt").unlink()  # as of a folder that was begun before there was a choice
    with pytest.raises(InvalidSetting, match=r"started with seed=20"):
        open_recipe(tmp_path / "a", 1.0, "cpu", False, silent, seed=21)
    assert open_recipe(tmp_path / "a", 1.0, "cpu", False, silent).config.seed == 20


def test_a_recipe_refuses_a_folder_without_weights_and_one_that_began_otherwise(tmp_path):
    with pytest.raises(InvalidSetting, match=r"is not there.*--export"):
        open_recipe(tmp_path / "a", 1.0, "cpu", False, silent, start=tmp_path)
    open_recipe(tmp_path / "b", 1.0, "cpu", False, silent)
    with pytest.raises(InvalidSetting, match=r"started with start=none"):
        open_recipe(tmp_path / "b", 1.0, "cpu", False, silent, start=WEIGHTS)


def test_the_folder_of_a_training_is_no_folder_of_exported_weights(tmp_path):
    work, other = tmp_path / "my work", tmp_path / "other"
    open_recipe(work, 1.0, "cpu", False, silent)
    own = r"is the folder of this training itself, not exported weights. Leave out start to go on with a stopped "
    with pytest.raises(InvalidSetting, match=own + r"training\.$"):
        open_recipe(work, 1.0, "cpu", False, silent, start=tmp_path / "other" / ".." / "my work")
    of_another = r"that another training works in, not exported weights. Export its result: .*my work' --export DIR$"
    with pytest.raises(InvalidSetting, match=of_another):
        open_recipe(other, 1.0, "cpu", False, silent, start=work)
    assert not other.exists()
