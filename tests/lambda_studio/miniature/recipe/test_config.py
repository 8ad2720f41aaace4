"""The recipe's settings: a share of it, and what goes on from earlier weights."""

from pathlib import Path

from lambda_studio.miniature.recipe.config import CONTINUED, ON_GPU, STAGES, RecipeConfig


def test_a_share_shortens_every_stage_and_every_set_of_pictures() -> None:
    whole, part = RecipeConfig(), RecipeConfig().scaled(0.5)
    for name in STAGES:
        assert getattr(part, name).steps == getattr(whole, name).steps // 2, name
        assert getattr(part, name).checkpoint_every <= getattr(part, name).steps // 8, "a stop loses an eighth"
        assert getattr(part, name).learning_rate == getattr(whole, name).learning_rate, name
    for name in ("pictures", "prior_pictures", "decoder_pictures"):
        assert getattr(part, name) == getattr(whole, name) // 2, name
    assert RecipeConfig().scaled(1.0) == whole


def test_what_goes_on_has_fewer_steps_at_lower_rates_and_leaves_clip_as_it_is() -> None:
    whole, on = RecipeConfig(), RecipeConfig.continuing(Path("weights"), "gradient")
    assert (on.start, on.edges, on.clip) == (Path("weights"), "gradient", whole.clip)
    for name in set(CONTINUED) - {"control", "decoding"}:
        assert getattr(on, name).steps < getattr(whole, name).steps, name
        assert getattr(on, name).learning_rate < getattr(whole, name).learning_rate, name
    assert on.control == whole.control, "it always goes on from a prior"
    assert set(CONTINUED) == set(STAGES) - {"clip"}


def test_a_gpu_takes_larger_batches_and_more_pictures() -> None:
    cpu, gpu = RecipeConfig.from_nothing("cpu"), RecipeConfig.from_nothing("cuda")
    assert cpu == RecipeConfig() and gpu.device == "cuda"
    assert gpu.pictures > cpu.pictures and gpu.decoder_pictures > cpu.decoder_pictures
    assert set(ON_GPU) == set(STAGES)
    for name in STAGES:
        here, there = getattr(cpu, name), getattr(gpu, name)
        assert there.steps * there.batch_size > here.steps * here.batch_size, name
