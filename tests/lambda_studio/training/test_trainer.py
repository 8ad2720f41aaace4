"""Eq. 2 as it is trained, and runs that can be interrupted anywhere."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from PIL import Image
from torch import Tensor

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import CheckpointFailed, InvalidSetting, OutputExists, ResumeRefused, TrainingDiverged
from lambda_studio.models.adapters.adapter import adapted, save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder as Decoder
from lambda_studio.training.checkpoints.checkpoint import latest_checkpoint
from lambda_studio.training.checkpoints.pace import Pace
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks, StepReport
from lambda_studio.training.objectives.objectives import DecoderObjective, NoisedBatch, noise_prediction_loss
from lambda_studio.training.randomness import EvenOrder, MicroStep, draw_micro_batch
from lambda_studio.training.scores import Rules, Scoreboard, Scored

DIM = 12
TINY: dict[str, Any] = {
    "sample_size": 4,
    "in_channels": 4,
    "out_channels": 8,
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "attention_head_dim": 8,
    "cross_attention_dim": 8,
    "encoder_hid_dim": DIM,
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "resnet_time_scale_shift": "scale_shift",
}


def _decoder(**changes: Any) -> Decoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(**{**TINY, **changes}).eval()
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, clip_sample=False)
    return Decoder(unet, None, scheduler, scale_factor=4)


def _examples(**counts: int) -> list[Example]:
    generator = torch.Generator().manual_seed(1)
    return [
        Example(concept, f"{concept}{number}", *(torch.randn(s, generator=generator) for s in ((4, 4, 4), (DIM,))))
        for concept, count in (counts or {"rex": 3, "hat": 1}).items()
        for number in range(count)
    ]


def _masked_examples() -> list[Example]:
    """Return `_examples()`, of which one has a mask."""
    first, *others = _examples()
    return [replace(first, mask=torch.eye(4)), *others]


def _config(**changes: Any) -> FinetuneConfig:
    settings = {"steps": 6, "rank": 2, "batch_size": 2, "checkpoint_every": 2, "learning_rate": 1e-2, "seed": 3}
    return FinetuneConfig(**{**settings, **changes})


def _weights(decoder: Decoder) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in decoder.unet.state_dict().items()}


def _assert_same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def _digest(folder: Path) -> str:
    """Of all that the newest checkpoint holds: weights, optimiser, losses."""
    checkpoint = latest_checkpoint(folder / "checkpoints")
    assert checkpoint is not None
    digest = hashlib.sha256(repr((checkpoint.step, checkpoint.meta)).encode())

    def add(value: Any) -> None:
        if isinstance(value, Tensor):
            digest.update(value.numpy().tobytes())
        elif isinstance(value, dict):
            for key in value:
                digest.update(str(key).encode())
                add(value[key])
        else:
            digest.update(repr(value).encode())

    add(checkpoint.load())
    return digest.hexdigest()


def _stop_after(step: int) -> Hooks:
    seen: list[int] = []
    return Hooks(on_step=lambda report: seen.append(report.step), should_stop=lambda: bool(seen) and seen[-1] >= step)


# Eq. 2


def _plain_eq_2(decoder: Decoder, x0: Tensor, image_embeds: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    betas = torch.linspace(0.00085, 0.012, 1000)
    abar = torch.cumprod(1 - betas, 0)[t].reshape(-1, 1, 1, 1)
    x_t = abar.sqrt() * x0 + (1 - abar).sqrt() * eps
    output = decoder.unet(x_t, t, encoder_hidden_states=None, added_cond_kwargs={"image_embeds": image_embeds}).sample
    assert output.shape[1] == 8
    return ((output[:, :4] - eps) ** 2).mean()


def test_our_loss_and_gradient_are_those_of_eq_2_written_out() -> None:
    generator = torch.Generator().manual_seed(4)
    latents, noise = torch.randn(2, 5, 4, 4, 4, generator=generator)
    image_embeds = torch.randn(5, DIM, generator=generator)
    timesteps = torch.tensor([0, 10, 500, 900, 999])
    ours, plain = _decoder(), _decoder()
    loss = noise_prediction_loss(ours, NoisedBatch(latents, image_embeds, noise, timesteps))
    loss.backward()
    expected = _plain_eq_2(plain, latents, image_embeds, noise, timesteps)
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-7)
    gradients = dict(ours.unet.named_parameters())
    for name, parameter in plain.unet.named_parameters():
        torch.testing.assert_close(gradients[name].grad, parameter.grad, rtol=1e-4, atol=1e-7)
    last = gradients["conv_out.weight"].grad
    assert last is not None
    assert last[:4].abs().max() > 0
    assert last[4:].abs().max() == 0


def test_the_loss_reads_the_network_as_the_decoder_does() -> None:
    decoder = _decoder()
    noise, image_embeds, timesteps = torch.randn(2, 4, 4, 4), torch.randn(2, DIM), torch.tensor([3, 700])
    with torch.no_grad():
        loss = noise_prediction_loss(decoder, NoisedBatch(noise, image_embeds, noise, timesteps))
        noisy = decoder.scheduler.add_noise(noise, noise, timesteps)
        prediction = decoder.predict_noise(noisy, timesteps, image_embeds)
    torch.testing.assert_close(loss, (prediction[:, :4] - noise).pow(2).mean())


def test_the_first_step_of_full_training_is_adamw_on_eq_2(tmp_path: Path) -> None:
    decoder, plain = _decoder(), _decoder()
    config = _config(method="full", steps=1, batch_size=2, gradient_accumulation_steps=2, max_grad_norm=1e-3)
    examples = _examples()
    result = finetune_decoder(decoder, examples, config, tmp_path / "run")
    rows = sorted(examples, key=lambda example: (example.concept, example.image_sha))
    order = EvenOrder([example.concept for example in rows], config.seed)
    losses = []
    for micro_step in range(2):
        batch = draw_micro_batch(order, MicroStep(micro_step), 2, (4, 4, 4), 1000)
        latents = torch.stack([rows[row].latents for row in batch.rows.tolist()])
        embeds = torch.stack([rows[row].image_embeds for row in batch.rows.tolist()])
        losses.append(_plain_eq_2(plain, latents, embeds, batch.noise, batch.timesteps))
        (losses[-1] / 2).backward()
    torch.nn.utils.clip_grad_norm_(plain.unet.parameters(), 1e-3)
    torch.optim.AdamW(plain.unet.parameters(), lr=1e-2, weight_decay=1e-2).step()
    assert result.losses[0] == pytest.approx(float(torch.stack(losses).detach().mean()), rel=1e-5)
    for (name, ours), expected in zip(decoder.unet.named_parameters(), plain.unet.parameters(), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=2e-5, msg=name)


# Runs


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_lowers_the_loss_on_what_it_saw(tmp_path: Path, method: str) -> None:
    examples = _examples(rex=1)
    latents, embeds = examples[0].latents.expand(64, 4, 4, 4), examples[0].image_embeds.expand(64, DIM)
    noise = torch.randn(64, 4, 4, 4, generator=torch.Generator().manual_seed(8))
    decoder = _decoder()

    def loss() -> float:
        timesteps = torch.linspace(0, 999, 64).long()
        with torch.no_grad():
            return noise_prediction_loss(decoder, NoisedBatch(latents, embeds, noise, timesteps)).item()

    before = loss()
    config = _config(method=method, steps=40, checkpoint_every=40, rank=8, learning_rate=3e-2)
    finetune_decoder(decoder, examples, config, tmp_path / "run")
    assert loss() < before * {"lora": 0.99, "full": 0.9}[method]


def test_a_run_leaves_a_log_a_picture_and_two_checkpoints(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    folder = tmp_path / "runs" / "1"
    result = finetune_decoder(_decoder(), _examples(), _config(), folder, hooks=Hooks(on_step=reports.append))
    assert (result.steps, result.folder, result.stopped) == (6, folder, False)
    assert result.loss_log == folder / "loss.jsonl"
    lines = [json.loads(line) for line in result.loss_log.read_text().splitlines()]
    assert lines == [{"step": step, "loss": loss} for step, loss in enumerate(result.losses, 1)]
    assert [(report.step, report.steps, report.loss) for report in reports] == [
        (step, 6, loss) for step, loss in enumerate(result.losses, 1)
    ]
    assert len(result.losses) == 6
    with Image.open(folder / "loss.png") as image:
        assert image.size == (960, 480)
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-00000004", "step-00000006"]
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "loss.jsonl", "loss.png"]


def test_lora_leaves_the_base_as_it_was_and_full_trains_every_weight(tmp_path: Path) -> None:
    base, lora, full = _weights(_decoder()), _decoder(), _decoder()
    finetune_decoder(lora, _examples(), _config(), tmp_path / "lora")
    trained = _weights(lora)
    kept = {name.replace(".base_layer", ""): weight for name, weight in trained.items() if "lora" not in name}
    _assert_same_bits(kept, base)
    assert all(weight.abs().max() > 0 for name, weight in trained.items() if "lora" in name)
    finetune_decoder(full, _examples(), _config(method="full"), tmp_path / "full")
    assert [name for name, weight in _weights(full).items() if torch.equal(weight, base[name])] == []


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_saved_adapter_predicts_what_the_trained_network_did(tmp_path: Path, method: str) -> None:
    decoder, base = _decoder(), _decoder()
    finetune_decoder(decoder, _examples(), _config(method=method), tmp_path / "run")
    generator = torch.Generator().manual_seed(6)
    inputs = (
        torch.randn(2, 4, 4, 4, generator=generator),
        torch.tensor([3, 700]),
        torch.randn(2, DIM, generator=generator),
    )
    with torch.no_grad():
        trained, untrained = decoder.predict_noise(*inputs), base.predict_noise(*inputs)
        save_adapter(decoder.unet, AdapterInfo(method, 2, "tiny", "", (), {}), tmp_path / "adapter.safetensors")
        with adapted(base, tmp_path / "adapter.safetensors"):
            torch.testing.assert_close(base.predict_noise(*inputs), trained, rtol=1e-4, atol=1e-5)
    assert (trained - untrained).abs().max() > 1e-2


def test_a_lora_of_an_earlier_run_is_taken_off(tmp_path: Path) -> None:
    decoder = _decoder()
    finetune_decoder(decoder, _examples(), _config(seed=9), tmp_path / "earlier")
    finetune_decoder(decoder, _examples(), _config(), tmp_path / "again", hooks=_stop_after(3))
    finetune_decoder(decoder, _examples(), _config(), tmp_path / "again", resume=True)
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "whole")
    assert _digest(tmp_path / "again") == _digest(tmp_path / "whole")


def test_the_model_is_left_without_a_trace_of_the_training(tmp_path: Path) -> None:
    decoder = _decoder()
    attributes, randomness = set(vars(decoder.unet)), torch.random.get_rng_state()
    finetune_decoder(decoder, _examples(), _config(method="full", mixed_precision="bf16"), tmp_path / "run")
    assert set(vars(decoder.unet)) == attributes
    assert not any(module.training for module in decoder.unet.modules())
    assert torch.equal(torch.random.get_rng_state(), randomness)


def test_the_order_of_the_examples_and_the_global_seed_do_not_matter(tmp_path: Path) -> None:
    torch.manual_seed(1)
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "one")
    torch.manual_seed(2)
    finetune_decoder(_decoder(), _examples()[::-1], _config(), tmp_path / "two")
    assert _digest(tmp_path / "one") == _digest(tmp_path / "two")


def test_another_seed_trains_otherwise(tmp_path: Path) -> None:
    one = finetune_decoder(_decoder(), _examples(), _config(seed=3), tmp_path / "one")
    two = finetune_decoder(_decoder(), _examples(), _config(seed=4), tmp_path / "two")
    assert one.losses[0] != two.losses[0]


def test_features_made_in_inference_mode_can_be_trained_on(tmp_path: Path) -> None:
    with torch.inference_mode():
        examples = _examples()
    assert finetune_decoder(_decoder(), examples, _config(method="full", steps=1), tmp_path / "run").steps == 1


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("mixed_precision", ["no", "bf16"])
def test_half_precision_weights_are_trained_in_float32(tmp_path: Path, method: str, mixed_precision: str) -> None:
    decoder = _decoder()
    decoder.unet.to(torch.bfloat16)
    config = _config(method=method, mixed_precision=mixed_precision, steps=2)
    finetune_decoder(decoder, _examples(), config, tmp_path / "run")
    trained = {name: p for name, p in decoder.unet.named_parameters() if method == "full" or "lora" in name}
    assert {parameter.dtype for parameter in trained.values()} == {torch.float32}
    assert all(torch.isfinite(parameter).all() for parameter in trained.values())


def test_runs_of_several_precisions_follow_each_other_in_one_process(tmp_path: Path) -> None:
    losses = []
    for number, name in enumerate(["no", "bf16", "no"]):
        config = _config(mixed_precision=name, steps=1)
        losses.append(finetune_decoder(_decoder(), _examples(), config, tmp_path / str(number)).losses)
    assert losses[0] == losses[2] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


# Interrupted runs


@pytest.mark.parametrize(("method", "accumulation"), [("lora", 1), ("full", 2)])
def test_a_run_stopped_at_any_step_ends_with_the_same_bits(tmp_path: Path, method: str, accumulation: int) -> None:
    config = _config(method=method, gradient_accumulation_steps=accumulation)
    whole = _decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole")
    for stop in range(1, 6):
        folder = tmp_path / f"stopped-{stop}"
        stopped = finetune_decoder(_decoder(), _examples(), config, folder, hooks=_stop_after(stop))
        assert (stopped.stopped, stopped.steps) == (True, stop)
        decoder = _decoder()
        result = finetune_decoder(decoder, _examples(), config, folder, resume=True)
        assert (result.stopped, result.steps) == (False, 6)
        _assert_same_bits(_weights(decoder), _weights(whole))
        assert _digest(folder) == _digest(tmp_path / "whole")
        assert (folder / "loss.jsonl").read_bytes() == (tmp_path / "whole" / "loss.jsonl").read_bytes()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_two_interruptions_change_no_bit(tmp_path: Path, method: str) -> None:
    config = _config(method=method, gradient_accumulation_steps=2)
    finetune_decoder(_decoder(), _examples(), config, tmp_path / "whole")
    folder = tmp_path / "twice"
    finetune_decoder(_decoder(), _examples(), config, folder, hooks=_stop_after(1))
    finetune_decoder(_decoder(), _examples(), config, folder, resume=True, hooks=_stop_after(3))
    result = finetune_decoder(_decoder(), _examples(), config, folder, resume=True)
    assert result.steps == len(result.losses) == 6
    assert _digest(folder) == _digest(tmp_path / "whole")


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(1, 7))
def test_a_run_killed_at_any_step_goes_on_from_its_last_checkpoint(tmp_path: Path, step: int) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "whole")

    def kill(report: StepReport) -> None:
        if report.step == step:
            raise _Killed

    with pytest.raises(_Killed):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "killed", hooks=Hooks(on_step=kill))
    steps: list[int] = []
    finetune_decoder(
        _decoder(),
        _examples(),
        _config(),
        tmp_path / "killed",
        resume=True,
        hooks=Hooks(on_step=lambda r: steps.append(r.step)),
    )
    assert steps[0] == (step - 1) // 2 * 2 + 1
    assert _digest(tmp_path / "killed") == _digest(tmp_path / "whole")
    logs = [(tmp_path / name / "loss.jsonl").read_bytes() for name in ("killed", "whole")]
    assert logs[0] == logs[1]


def test_a_run_whose_large_checkpoints_were_left_out_still_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, sizes = _decoder(), []
    finetune_decoder(whole, _examples(), _config(), tmp_path / "whole")

    def only_the_first(self: Pace, size: int) -> bool:
        sizes.append(size)
        return len(sizes) == 1

    monkeypatch.setattr(Pace, "allows", only_the_first)

    def kill(report: StepReport) -> None:
        if report.step == 6:
            raise _Killed

    with pytest.raises(_Killed):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "killed", hooks=Hooks(on_step=kill))
    saved = latest_checkpoint(tmp_path / "killed" / "checkpoints")
    assert saved is not None and saved.step == 2
    assert len(sizes) == 2 and sizes[0] > 10_000
    decoder = _decoder()
    assert finetune_decoder(decoder, _examples(), _config(), tmp_path / "killed", resume=True).steps == 6
    _assert_same_bits(_weights(decoder), _weights(whole))
    assert (tmp_path / "killed" / "loss.jsonl").read_bytes() == (tmp_path / "whole" / "loss.jsonl").read_bytes()


def test_a_stopped_run_is_saved_whatever_it_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "allows", lambda self, size: False)
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path, hooks=_stop_after(3))
    saved = latest_checkpoint(tmp_path / "checkpoints")
    assert saved is not None and saved.step == 3


def test_dropout_is_a_function_of_the_step_too(tmp_path: Path) -> None:
    plain = finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "plain")
    whole = finetune_decoder(_decoder(dropout=0.3), _examples(), _config(), tmp_path / "whole")
    assert whole.losses[0] != plain.losses[0]
    finetune_decoder(_decoder(dropout=0.3), _examples(), _config(), tmp_path / "stopped", hooks=_stop_after(3))
    finetune_decoder(_decoder(dropout=0.3), _examples(), _config(), tmp_path / "stopped", resume=True)
    assert _digest(tmp_path / "stopped") == _digest(tmp_path / "whole")


def test_a_finished_run_can_be_made_longer(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "whole")
    finetune_decoder(_decoder(), _examples(), _config(steps=3, checkpoint_every=50), tmp_path / "longer")
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "longer", resume=True)
    assert _digest(tmp_path / "longer") == _digest(tmp_path / "whole")


def test_resuming_a_finished_run_gives_back_what_it_learnt(tmp_path: Path) -> None:
    first, again = _decoder(), _decoder()
    whole = finetune_decoder(first, _examples(), _config(), tmp_path / "run")
    result = finetune_decoder(again, _examples(), _config(), tmp_path / "run", resume=True)
    assert (result.losses, result.stopped) == (whole.losses, False)
    _assert_same_bits(_weights(again), _weights(first))


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "whole")
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "step-00000006" / "optimizer.pt").write_bytes(b"rot")
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", resume=True)
    assert _digest(tmp_path / "run") == _digest(tmp_path / "whole")


# Refusals


@pytest.mark.parametrize(
    ("changes", "diff"),
    [
        ({"seed": 4}, "seed: 3 -> 4"),
        ({"rank": 4}, "rank: 2 -> 4"),
        ({"learning_rate": None}, "learning_rate: 0.01 -> 0.0001"),
        ({"method": "full"}, "method: lora -> full"),
        ({"batch_size": 1, "weight_decay": 0.0}, "batch_size: 2 -> 1; weight_decay: 0.01 -> 0.0"),
        ({"gradient_accumulation_steps": 2}, "gradient_accumulation_steps: 1 -> 2"),
        ({"max_grad_norm": 2.0}, "max_grad_norm: 1.0 -> 2.0"),
        ({"mixed_precision": "bf16"}, "mixed_precision: no -> bf16"),
    ],
)
def test_a_resume_with_other_settings_is_refused_with_the_difference(
    tmp_path: Path, changes: dict[str, Any], diff: str
) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", hooks=_stop_after(2))
    before = _digest(tmp_path / "run")
    decoder = _decoder()
    with pytest.raises(ResumeRefused) as refused:
        finetune_decoder(decoder, _examples(), _config(**changes), tmp_path / "run", resume=True)
    assert diff in refused.value.cause
    assert refused.value.cause.startswith("The run was started with other settings: ")
    assert refused.value.remedy == "Give the same settings as before, or start a new run without resume=True."
    assert _digest(tmp_path / "run") == before
    _assert_same_bits(_weights(decoder), _weights(_decoder()))


def test_a_resume_with_other_concepts_images_or_decoder_is_refused_by_name(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", hooks=_stop_after(2))

    def refusal(examples: list[Example], decoder: Decoder) -> str:
        with pytest.raises(ResumeRefused) as refused:
            finetune_decoder(decoder, examples, _config(), tmp_path / "run", resume=True)
        return refused.value.cause

    more = refusal([*_examples(), replace(_examples()[0], concept="mug")], _decoder())
    assert "concept mug: none -> 1 images" in more
    assert "rex" not in more
    fewer = refusal(_examples()[1:], _decoder())
    assert "concept rex: 3 images" in fewer
    assert "-> 2 images" in fewer
    changed = [replace(example, latents=example.latents + (example.concept == "hat")) for example in _examples()]
    assert "concept hat: 1 images" in refusal(changed, _decoder())
    other = _decoder()
    with torch.no_grad():
        other.unet.conv_in.weight += 1e-3
    assert "decoder: " in refusal(_examples(), other)


def test_steps_may_grow_and_never_shrink_below_what_is_done(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run")
    with pytest.raises(ResumeRefused, match=r"The run is at step 6, and steps is 5\. Give 6 or more\."):
        finetune_decoder(_decoder(), _examples(), _config(steps=5), tmp_path / "run", resume=True)


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(steps=1), tmp_path / "run")
    with pytest.raises(OutputExists, match=r"already holds a run. Continue with resume=True, or give another folder."):
        finetune_decoder(_decoder(), _examples(), _config(steps=1), tmp_path / "run")


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ResumeRefused, match=r"There is no run in .*empty\. Start one without resume=True\."):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "empty", resume=True)
    assert not (tmp_path / "empty").exists()


def test_a_run_whose_checkpoints_are_all_damaged_does_not_start_from_nothing(tmp_path: Path) -> None:
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run")
    for manifest in (tmp_path / "run" / "checkpoints").glob("*/manifest.json"):
        manifest.unlink()
    with pytest.raises(ResumeRefused, match=r"Every checkpoint in .*run is damaged\."):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", resume=True)


def test_a_disk_without_room_for_a_checkpoint_is_said_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 1000))
    steps: list[int] = []
    hooks = Hooks(on_step=lambda report: steps.append(report.step))
    with pytest.raises(CheckpointFailed, match="The first checkpoint needs"):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path, hooks=hooks)
    assert steps == []
    monkeypatch.undo()
    whole = finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 1000))
    again = finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", resume=True)
    assert again.losses == whole.losses, "a finished run needs no room"


def test_what_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"There is no picture to fine-tune on\."):
        finetune_decoder(_decoder(), [], _config(), tmp_path / "run")
    mixed = [*_examples(), Example("mug", "m", torch.zeros(4, 8, 8), torch.zeros(DIM + 1))]
    with pytest.raises(
        InvalidSetting, match=r"several numbers of channels and dimensions: .*Encode all with one stack\."
    ):
        finetune_decoder(_decoder(), mixed, _config(), tmp_path / "run")
    with pytest.raises(InvalidSetting, match=r"mixed_precision is fp16 and the device is a CPU. Give bf16 or no."):
        finetune_decoder(_decoder(), _examples(), _config(mixed_precision="fp16"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    decoder = _decoder()

    def spoil(report: StepReport) -> None:
        if report.step == 4:
            with torch.no_grad():
                decoder.unet.conv_in.weight.fill_(float("nan"))

    config = _config(checkpoint_every=3, steps=9)
    with pytest.raises(TrainingDiverged) as stopped:
        finetune_decoder(decoder, _examples(), config, tmp_path / "run", hooks=Hooks(on_step=spoil))
    assert stopped.value.cause == "The loss is nan at step 5."
    assert stopped.value.remedy == (
        "The checkpoint of step 3 was kept. Start again with a lower learning_rate, or mixed_precision=no."
    )
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.step == 3
    assert len((tmp_path / "run" / "loss.jsonl").read_text().splitlines()) == 4
    resumed = finetune_decoder(_decoder(), _examples(), config, tmp_path / "run", resume=True)
    assert resumed.steps == 9


def test_a_weight_that_is_no_number_is_never_checkpointed(tmp_path: Path) -> None:
    decoder = _decoder()

    def spoil(report: StepReport) -> None:
        if report.step == 4:
            with torch.no_grad():
                decoder.unet.conv_in.weight[0] = float("inf")

    with pytest.raises(
        TrainingDiverged, match=r"A weight is NaN or infinite after step 4. The checkpoint of step 2 was"
    ):
        finetune_decoder(decoder, _examples(), _config(method="full"), tmp_path / "run", hooks=Hooks(on_step=spoil))
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.step == 2


def test_a_run_that_diverges_at_once_says_that_nothing_was_kept(tmp_path: Path) -> None:
    examples = [replace(_examples()[0], latents=torch.full((4, 4, 4), float("nan")))]
    with pytest.raises(TrainingDiverged, match=r"The loss is nan at step 1. No checkpoint was made yet."):
        finetune_decoder(_decoder(), examples, _config(), tmp_path / "run")
    assert latest_checkpoint(tmp_path / "run" / "checkpoints") is None


def test_should_stop_at_the_last_step_is_a_finished_run(tmp_path: Path) -> None:
    result = finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", hooks=_stop_after(6))
    assert (result.steps, result.stopped) == (6, False)


# Scores


LIKENESSES = {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.6, 4: 0.65, 5: 0.6, 6: 0.6}


def _scoring(folder: Path, rules: Rules, values: dict[int, dict[str, float]] | None = None, **hooks: Any) -> Hooks:
    """Score each preview by a table, in place of pictures."""
    board = Scoreboard(rules, {"likeness": "a table", "composition": "none"}, 1, folder.with_suffix(".jsonl"))
    table = values or {step: {"rex": value, "hat": value} for step, value in LIKENESSES.items()}

    def score(report: Any) -> None:
        found = {name: {"likeness": value, "composition": 1.0} for name, value in table[report.step].items()}
        board.add(Scored(report.step, found))

    return Hooks(on_preview=score, preview_every=1, board=board, **hooks)


@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.5}, {"method": "full", "learning_rate": 1e-3}])
def test_the_weights_of_the_best_preview_are_kept(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = _config(checkpoint_every=100, **changes)
    early, whole = _decoder(), _decoder()
    finetune_decoder(early, _examples(), replace(config, steps=2), tmp_path / "early")
    kept = finetune_decoder(
        whole, _examples(), config, tmp_path / "whole", hooks=_scoring(tmp_path / "a", Rules(keep_best=True))
    )
    assert (kept.steps, kept.kept) == (6, 2)
    _assert_same_bits(_weights(early), _weights(whole))


def test_the_best_weights_are_the_last_ones_if_the_scores_only_rise(tmp_path: Path) -> None:
    rising = {step: {"rex": 0.1 * step, "hat": 0.1 * step} for step in range(7)}
    plain, scored = _decoder(), _decoder()
    finetune_decoder(plain, _examples(), _config(), tmp_path / "plain")
    hooks = _scoring(tmp_path / "a", Rules(keep_best=True), rising)
    assert finetune_decoder(scored, _examples(), _config(), tmp_path / "scored", hooks=hooks).kept is None
    _assert_same_bits(_weights(plain), _weights(scored))


def test_patience_ends_the_run_and_it_stays_ended(tmp_path: Path) -> None:
    one, other, early = _decoder(), _decoder(), _decoder()
    finetune_decoder(early, _examples(), _config(steps=4), tmp_path / "early")
    rules = Rules(patience=2)
    ended = finetune_decoder(one, _examples(), _config(), tmp_path / "run", hooks=_scoring(tmp_path / "a", rules))
    assert (ended.steps, ended.stopped, ended.kept) == (4, False, None)
    again = finetune_decoder(
        other, _examples(), _config(), tmp_path / "run", resume=True, hooks=_scoring(tmp_path / "b", rules)
    )
    assert again.steps == 4
    _assert_same_bits(_weights(early), _weights(one))
    _assert_same_bits(_weights(one), _weights(other))


DONE = {step: {"rex": 0.5, "hat": 0.5 + 0.1 * step} for step in range(9)}
EASING = Rules(patience=2, ease_off=True, keep_best=True)


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_a_run_with_scores_is_resumed_to_the_same_bits(tmp_path: Path, stop: int, accumulated: int) -> None:
    config = _config(steps=8, checkpoint_every=3, gradient_accumulation_steps=accumulated)
    whole, parts = _decoder(), _decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole", hooks=_scoring(tmp_path / "a", EASING, DONE))
    halt = _stop_after(stop)
    hooks = replace(_scoring(tmp_path / "b", EASING, DONE), on_step=halt.on_step, should_stop=halt.should_stop)
    stopped = finetune_decoder(_decoder(), _examples(), config, tmp_path / "parts", hooks=hooks)
    assert (stopped.stopped, stopped.steps) == (True, stop)
    resumed = _scoring(tmp_path / "b", EASING, DONE)
    finetune_decoder(parts, _examples(), config, tmp_path / "parts", resume=True, hooks=resumed)
    _assert_same_bits(_weights(whole), _weights(parts))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_killed_run_with_scores_goes_on_from_any_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    config = _config(steps=8, checkpoint_every=2)
    whole = _decoder()
    finetune_decoder(whole, _examples(), config, tmp_path / "whole", hooks=_scoring(tmp_path / "a", EASING, DONE))
    for folder in sorted((tmp_path / "whole" / "checkpoints").glob("step-*")):
        only = tmp_path / folder.name
        shutil.copytree(folder, only / "checkpoints" / folder.name)
        resumed = _decoder()
        hooks = _scoring(tmp_path / f"{folder.name}-b", EASING, DONE)
        finetune_decoder(resumed, _examples(), config, only, resume=True, hooks=hooks)
        _assert_same_bits(_weights(whole), _weights(resumed))


def test_a_concept_that_is_done_is_drawn_less(tmp_path: Path) -> None:
    hooks = _scoring(tmp_path / "a", Rules(patience=2, ease_off=True))
    assert hooks.board is not None
    for step in (0, 2, 4):
        hooks.board.add(Scored(step, {name: {"likeness": DONE[step][name], "composition": 1.0} for name in DONE[0]}))
    objective = DecoderObjective(_decoder(), _examples(), _config(), board=hooks.board)
    names = [example.concept for example in objective.examples]
    before = [names[row] for number in range(4) for row in objective.order_at(number).draw(2 * number, 2)]
    after = [names[row] for number in range(4, 34) for row in objective.order_at(number).draw(2 * number, 2)]
    assert [before.count(name) for name in ("rex", "hat")] == [4, 4]
    assert [after.count(name) for name in ("rex", "hat")] == [10, 50]


def test_scores_change_nothing_of_a_run_from_which_nothing_follows(tmp_path: Path) -> None:
    plain, scored = _decoder(), _decoder()
    finetune_decoder(plain, _examples(), _config(), tmp_path / "plain")
    finetune_decoder(scored, _examples(), _config(), tmp_path / "scored", hooks=_scoring(tmp_path / "a", Rules()))
    _assert_same_bits(_weights(plain), _weights(scored))


def test_a_run_is_not_resumed_with_other_scores(tmp_path: Path) -> None:
    halt = _stop_after(2)
    hooks = replace(_scoring(tmp_path / "a", EASING, DONE), on_step=halt.on_step, should_stop=halt.should_stop)
    finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", hooks=hooks)
    other = Hooks(board=Scoreboard(EASING, {"likeness": "another", "composition": "none"}, 1))
    with pytest.raises(ResumeRefused, match="scores: a table and none every 1 steps -> another and none every 1 steps"):
        finetune_decoder(_decoder(), _examples(), _config(), tmp_path / "run", resume=True, hooks=other)


def test_where_the_best_checkpoint_is_gone_the_last_weights_stay(tmp_path: Path) -> None:
    plain, scored = _decoder(), _decoder()
    finetune_decoder(plain, _examples(), _config(checkpoint_every=100), tmp_path / "plain")
    hooks = _scoring(tmp_path / "a", Rules(keep_best=True))

    def damage(report: StepReport) -> None:
        if report.step == 6:
            next((tmp_path / "run" / "checkpoints").glob("step-00000002*/manifest.json")).unlink()

    kept = finetune_decoder(
        scored, _examples(), _config(checkpoint_every=100), tmp_path / "run", hooks=replace(hooks, on_step=damage)
    )
    assert kept.kept is None
    _assert_same_bits(_weights(plain), _weights(scored))
