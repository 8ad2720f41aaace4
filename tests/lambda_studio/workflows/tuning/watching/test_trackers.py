"""Curves are passed on to other programs, whose failures do not end a run."""

import json
import sys
from collections import defaultdict
from dataclasses import replace

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.training.hooks import StepReport
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.tuning.watching.trackers import PROJECT, Trackers, require_trackers, tracking

CONFIG = FinetuneConfig(steps=4, rank=2, preview_every=0, report_to=("tensorboard",))


def events(folder):
    """The events of TensorBoard's files, in the order in which they were written."""
    for path in sorted(folder.rglob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            body, told = data[12 : 12 + size], int.from_bytes(data[12 + size : 16 + size], "little")
            assert masked_crc32c(body) == told
            yield Event.FromString(body)
            data = data[16 + size :]


def curve(folder):
    """The last value of each tag at each step."""
    found = defaultdict(dict)
    for event in events(folder):
        for value in event.summary.value:
            found[value.tag][event.step] = value.simple_value
    return found


def test_tensorboard_has_the_losses_also_of_a_resumed_run_and_the_adapter_is_the_same(studio, add, photo) -> None:
    add("rex", photo)
    plain = studio.finetune(["rex"], replace(CONFIG, report_to=()))
    asked = iter([False, True, True])
    stopped = studio.finetune(["rex"], CONFIG, should_stop=lambda: next(asked))
    assert not stopped.adapter
    whole = studio.finetune([], resume=True)
    assert whole.adapter.sha256 == plain.adapter.sha256
    folder = run_folder(studio.home, whole.run_id)
    assert (plain.tensorboard, whole.tensorboard) == (None, folder / "tensorboard")
    logged = map(json.loads, (folder / "loss.jsonl").read_text().splitlines())
    passed_on = curve(folder / "tensorboard")["loss"]
    assert list(passed_on) == [1, 2, 3, 4]
    assert [passed_on[line["step"]] - line["loss"] for line in logged] == pytest.approx([0] * 4, abs=1e-6)
    told = b"".join(path.read_bytes() for path in (folder / "tensorboard").rglob("*") if path.is_file())
    assert b"learning_rate" not in told and b"rank" in told and b"rex" not in told


def test_a_missing_package_is_refused_before_a_run_begins(studio, add, photo, monkeypatch) -> None:
    add("rex", photo)
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(InvalidSetting) as caught:
        studio.finetune(["rex"], CONFIG)
    said = f"{caught.value.cause} {caught.value.remedy}"
    assert (
        said == "report_to is tensorboard, which needs the package tensorboard or tensorboardX. pip install tensorboard"
    )
    assert studio.runs.list() == []
    require_trackers(replace(CONFIG, report_to=()))


class Failing:
    """A tracker whose network is gone after the first step."""

    name = "wandb"

    def __init__(self):
        self.steps = []

    def log(self, losses, step):
        if step > 1:
            raise ConnectionError("no network")
        self.steps.append((step, losses))

    def finish(self):
        raise AssertionError("closed after it failed")


def test_a_tracker_that_fails_is_left_out_and_the_others_go_on() -> None:
    failing, said = Failing(), []
    trackers = Trackers([failing], said.append)
    for step in (1, 2, 3):
        trackers.log(StepReport(step, 3, 0.5, {"mse": 0.25}))
    trackers.close()
    assert failing.steps == [(1, {"loss": 0.5, "mse": 0.25})]
    assert said == ["wandb failed, and gets no more of this run: no network"]


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_a_program_is_given_the_project_and_the_run(name, tmp_path, monkeypatch) -> None:
    calls = []

    class Program:
        """As much of trackio and W&B as accelerate calls."""

        config = type("Config", (), {"update": lambda self, *args, **named: calls.append(("config", *args))})()

        def init(self, **named):
            calls.append(("init", named))
            return self

        def log(self, values, step):
            calls.append((step, values))

        def finish(self):
            calls.append("finish")

    monkeypatch.setitem(sys.modules, name, Program())
    config = replace(CONFIG, report_to=(name,), preview_prompts=("a <rex>",), weights={"rex": 2.0})
    with tracking(config, tmp_path, 0, "run-7", calls.append) as trackers:
        trackers.log(StepReport(1, 4, 0.5))
    begun, settings, *rest = calls
    assert begun[1].items() >= {"project": PROJECT, "name": "run-7", "resume": "allow"}.items()
    assert settings == ("config", {"steps": 4, "rank": 2, "preview_every": 0})
    assert rest == [(1, {"loss": 0.5}), "finish"]


def test_a_program_that_cannot_start_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", type("Broken", (), {}))
    with (
        pytest.raises(InvalidSetting, match=r"wandb cannot start: .*no attribute .init."),
        tracking(replace(CONFIG, report_to=("wandb",)), tmp_path, 0, "run-7", print),
    ):
        pass
