"""Fine-tuning that is stopped, by a person or a full disk: an orderly end, and the same adapter after going on."""

import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from cli.training.finetune import use_line
from lambda_studio.models.stacks.stack import Stack
from tests.cli.conftest import TUNE


def test_a_resumed_run_makes_the_adapter_of_one_that_was_not_interrupted(studio, stopped_after_two) -> None:
    resumed = studio("finetune", "--resume", "--json")
    assert resumed.code == 0
    assert json.loads(resumed.out)["steps"] == 4
    whole = studio(*TUNE, "--json")
    adapters = [json.loads(answer.out)["adapter"]["sha256"] for answer in (resumed, whole)]
    assert adapters[0] == adapters[1]


def test_a_finished_answer_has_the_remarks_of_the_plan(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    planned, done = (studio(*TUNE, *more, "--json") for more in (["--plan"], ["--conditions", "paper"]))
    remarks = json.loads(done.out)["remarks"]
    assert remarks == json.loads(planned.out)["remarks"] and remarks[0]["concept"] == "rex"
    assert all(f"rex: {each['said']}\n" in done.err for each in remarks)


def test_other_settings_are_refused_with_what_differs(studio, stopped_after_two) -> None:
    answer = studio("finetune", "rex", "--seed", 4, "--resume")
    assert answer.code == 2
    assert "seed: 3 -> 4" in answer.err
    fewer = studio("finetune", "rex", "--seed", 4, "--steps", 3, "--resume")
    assert fewer.code == 2 and "ends now" not in fewer.err
    assert studio("finetune", "rex", "--resume").code == 0


@pytest.mark.parametrize(("resolution", "nearest"), [(7, 8), (12, 16)])
def test_a_resolution_that_cannot_be_trained_is_refused_before_a_run_begins(
    studio, photos, resolution, nearest, monkeypatch
) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    answer = studio("finetune", "rex", "--resolution", resolution)
    cause, remedy = f"Pictures of {resolution} pixels cannot be drawn.", "This decoder draws multiples of 8."
    assert (answer.code, answer.err) == (2, f"Error: {cause}\n  → {remedy} The nearest is {nearest}.\n")
    assert json.loads(studio("runs", "--json").out) == []
    monkeypatch.setenv("STUDIO_FINETUNE_RESOLUTION", str(resolution))
    said = f"  → STUDIO_FINETUNE_RESOLUTION gives --resolution. {remedy}"
    assert said in studio("finetune", "rex").err


def test_a_plan_that_does_not_fit_names_options(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    monkeypatch.setattr(Stack, "free_memory", lambda self: 0)
    answer = studio("finetune", "rex", "--plan")
    assert answer.code == 0 and ", and 0.0 GiB of memory are free\n" in answer.out
    assert "or give a smaller resolution, or --precision bf16, which is slower on most processors.\n" in answer.out


def test_an_optimiser_that_cannot_be_used_is_refused_before_a_run_begins(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    refused = {
        "adam": "Error: --optimizer is 'adam'.\n  → Give adamw, adamw-8bit, or a class of an installed package",
        "torch.optim:LBFGS": "Error: --optimizer is torch.optim:LBFGS, which training cannot use: LBFGS.step() missing",
        "torch.optim:SGD": "Error: --optimizer is torch.optim:SGD, and --learning-rate is not given.\n  → Give",
    }
    for name, said in refused.items():
        answer = studio("finetune", "rex", "--optimizer", name)
        assert (answer.code, answer.err[: len(said)]) == (2, said)
    assert json.loads(studio("runs", "--json").out) == []


def test_a_run_keeps_its_optimiser_and_another_is_refused(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    sgd = ("--optimizer", "torch.optim:SGD", "--learning-rate", 0.5)
    adapter = json.loads(studio(*TUNE, *sgd, "--json").out)["adapter"]
    assert adapter["settings"]["optimizer"] == "torch.optim:SGD"
    (run,) = json.loads(studio("runs", "--json").out)
    assert run["settings"]["optimizer"] == "torch.optim:SGD"


def test_a_run_is_not_resumed_with_another_optimiser(studio, stopped_after_two) -> None:
    other = ("--optimizer", "torch.optim:SGD", "--learning-rate", 0.0001, "--keep-dressed", 2)
    answer = studio("finetune", "--resume", *other)
    assert answer.code == 2
    assert "The run was started with other settings: --optimizer: adamw -> torch.optim:SGD" in answer.err
    assert "; --keep-dressed: 0 -> 2.\n" in answer.err


@pytest.mark.parametrize("spelled", ["--use_8bit_adam", "--optimizer=adamw-8bit"])
def test_8_bit_states_may_be_asked_for_as_diffusers_scripts_do(studio, photos, monkeypatch, spelled: str) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    answer = studio("finetune", "rex", spelled)
    assert answer.code == 2
    assert answer.err.startswith("Error: --optimizer is adamw-8bit, which needs the package bitsandbytes")
    assert answer.err.endswith("  → pip install bitsandbytes\n")


def test_more_steps_may_be_asked_for(studio, stopped_after_two) -> None:
    answer = studio("finetune", "rex", "--resume", "--steps", 6)
    assert "Adapter 1 knows rex (6 steps of tiny)." in answer.out
    assert answer.out.endswith('\nUse it: studio generate "a <rex> …"\n')
    assert json.loads(studio("runs", "--json").out)[0]["steps"] == 6


def test_the_same_weights_again_are_said(studio, stopped_after_two) -> None:
    said = "The weights are those of adapter 1, which is the newest one again."
    assert said not in studio("finetune", "--resume").err
    assert said in studio(*TUNE).err


def test_what_a_command_is_missing_is_told_with_its_own_help(studio) -> None:
    assert studio("finetune", "--from").err.endswith("  → See: studio finetune --help\n")
    said = "Name what adapter 1 shall learn: new concepts, or some that it knows. It keeps the others."
    assert said in studio("finetune", "--from", 1).err


def test_a_finished_run_is_not_resumed(studio, stopped_after_two) -> None:
    assert studio("finetune", "--resume").code == 0
    assert "Library default has no unfinished run with tiny." in studio("finetune", "--resume").err


def test_a_run_goes_on_with_the_pictures_that_it_began_with(studio, stopped_after_two, photos) -> None:
    whole = studio(*TUNE, "--json")
    assert studio("concepts", "edit", "rex", "--noun", "cat", "--drop", 1).code == 0
    resumed = studio("finetune", "rex", "--resume", "--json")
    assert "The run goes on with version 1; version 2 is learnt by a new run." in resumed.err
    adapters = [json.loads(answer.out)["adapter"] for answer in (whole, resumed)]
    assert adapters[0]["knows"] == adapters[1]["knows"] == {"rex": 1}
    assert adapters[0]["sha256"] == adapters[1]["sha256"]
    assert adapters[1]["stale"]


def test_a_run_whose_concept_is_gone_is_refused(studio, stopped_after_two) -> None:
    studio("concepts", "remove", "rex", "--yes")
    answer = studio("finetune", "--resume")
    assert answer.code == 2
    assert re.search(r"Run 1 cannot be resumed: rex was removed since it started", answer.err)
    assert "or restore: studio concepts restore rex\n" in answer.err


def test_a_finished_run_keeps_its_curve_and_not_its_checkpoints(studio, stopped_after_two, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "runs" / "1"
    assert any((folder / "checkpoints").iterdir())
    studio("finetune", "--resume")
    assert sorted(path.name for path in folder.iterdir()) == ["loss.jsonl", "loss.png", "report.html"]


def test_a_disk_that_is_full_at_the_adapter_leaves_a_run_to_resume(
    studio, photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")

    def on_a_full_disk(*_: object) -> str:
        raise OSError(28, "No space left on device", "adapters")

    with monkeypatch.context() as full:
        full.setattr("lambda_studio.workflows.tuning.run_row.save_adapter_by_hash", on_a_full_disk)
        refused = studio("finetune", "rex", "--steps", 1, "--rank", 2)
    assert (refused.code, refused.err.splitlines()[-2]) == (7, "Error: No space left on device: adapters")
    assert studio("finetune", "--resume").code == 0
    assert len(json.loads(studio("adapters", "--json").out)) == 1


def test_a_plan_is_shown_and_nothing_is_trained(studio, added, tmp_path) -> None:
    answer = studio("finetune", "rex", "--steps", 70, "--rank", 2, "--plan")
    assert answer.code == 0
    shown = answer.out.splitlines()
    assert [line.split() for line in shown[:2]] == [
        ["CONCEPT", "NOUN", "VERSION", "IMAGES", "DRAWN"],
        ["rex", "dog", "1", "2", "280"],
    ]
    assert shown.pop(3) == "learnt from the images' own embeddings (--conditions paper)"
    assert re.fullmatch(r"memory: about \d\.\d GiB for this process, measured here", shown.pop(3))
    assert shown[2:4] == [
        "lora of rank 2 for tiny: 70 steps of 4 images, learning rate 0.0001",
        "first, 2 crops of the images will be encoded for the decoder",
    ]
    assert re.fullmatch(r"time: about [\d\w ]+ for the steps \([\d.e-]+ s for each, measured here\)", shown[4])
    assert shown[-1] == "Nothing was trained. To train, leave out --plan."
    assert json.loads(studio("runs", "--json").out) == []
    (tmp_path / "mine.toml").write_text("rank = 8\n")
    idle = studio("finetune", "rex", "--method", "full", "--config", tmp_path / "mine.toml", "--lr-power", 2, "--plan")
    assert "\n--lr-power 2 has no effect with --lr-scheduler constant.\n" in f"\n{idle.err}"
    assert "\nrank=8 has no effect with --method full.\n" in idle.err and "power" not in idle.out
    plan = json.loads(studio("finetune", "--all", "--plan", "--json").out)
    assert (plan["steps"], plan["concepts"][0]["seen"], plan["settings"]["method"]) == (400, 1600, "lora")


def test_the_command_that_draws_several_concepts_names_two_of_them() -> None:
    drawn = 'Use it: studio generate "a <rex> and a <red-hat> …"'
    assert [use_line(names) for names in (("rex", "red-hat"), ("rex", "red-hat", "mug"))] == [drawn, drawn]


def test_a_plan_is_not_for_a_run_that_goes_on(studio, stopped_after_two) -> None:
    answer = studio("finetune", "--resume", "--plan")
    assert answer.code == 2
    assert "Only a new run takes --plan: leave out --plan, or --resume." in answer.err


def test_a_concept_is_added_to_an_adapter_and_an_adapter_is_made_again_without_one(studio, tuned, photos) -> None:
    assert studio("add-concept", "mug", photos[0], "--noun", "mug").code == 0
    more = studio("finetune", "mug", "--from", 1, "--steps", 1, "--weight", "mug=3", "--json")
    assert json.loads(more.out)["adapter"]["knows"] == {"mug": 1, "rex": 1}
    settings = json.loads(studio("adapters", "show", 2, "--json").out)["settings"]
    assert (settings["weights"], settings["rank"]) == ({"mug": 3.0}, 2)
    plan = json.loads(studio("finetune", "mug", "--from", 1, "--weight", "mug=3", "--steps", 8, "--plan", "--json").out)
    assert [(each["name"], each["seen"]) for each in plan["concepts"]] == [("mug", 24), ("rex", 8)]
    less = studio("finetune", "--rebuild", 2, "--without", "rex", "--json")
    assert json.loads(less.out)["adapter"]["knows"] == {"mug": 1}
    assert json.loads(studio("adapters", "show", 3, "--json").out)["settings"]["start_from"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("rex", "--rebuild", 1), "--rebuild takes the concepts of the adapter"),
        (("--rebuild", 1, "--resume"), "--rebuild takes the concepts of the adapter"),
        (("rex", "--without", "max"), "--without belongs to --rebuild"),
        (("--resume", "--from", 1), "Only a new run takes --from: leave"),
        (("--resume", "--from", 1, "--plan"), "Only a new run takes --plan and --from: leave"),
        (("rex", "--weight", "2"), "'2' is not NAME=NUMBER, for example rex=2"),
        (("rex", "--weight", "rex=nan"), "The weight of rex is nan.\n  → Give 0.1 to 1000. To leave a concept out"),
        (("rex", "--weight", "rex=0"), "The weight of rex is 0."),
        (("rex", "--weight", "max=2"), "A weight is given for max, which is not trained."),
    ],
)
def test_options_that_contradict_each_other_are_refused(studio, added, options, said) -> None:
    answer = studio("finetune", *options)
    assert answer.code == 2
    assert said in answer.err
    assert json.loads(studio("runs", "--json").out) == []


def test_a_rebuild_without_previews_names_the_scores_of_the_adapter_and_the_way_out_works(
    studio, photos, tmp_path
) -> None:
    Image.effect_noise((60, 60), 50).save(tmp_path / "third.png")
    studio("add-concept", "rex", *photos, tmp_path / "third.png", "--noun", "dog")
    trained = studio("finetune", "rex", "--steps", 1, "--rank", 2, "--holdout", 1, "--preview-every", 1)
    best = "The adapter has the weights of step 1, the last one, whose score was the best.\n"
    assert trained.code == 0 and best in trained.out and best in studio("runs", "show", 1).out
    refused = studio("finetune", "--rebuild", 1, "--preview-every", 0, "--plan")
    assert (refused.code, refused.err.rpartition("Error: ")[2]) == (
        2,
        "Adapter 1 was trained with --holdout 1, which contradicts --preview-every 0.\n"
        "  → Leave out --preview-every, or give --holdout 0 too.\n",
    )
    assert studio("finetune", "--rebuild", 1, "--preview-every", 0, "--holdout", 0, "--plan").code == 0


def test_what_follows_from_scores_is_refused_without_them_in_the_words_of_the_command(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    scores = "needs scores, and no image is held back for them.\n  → Give --holdout 1 with it.\n"
    refused = {
        ("--keep", "best"): f"Error: --keep {scores}",
        ("--patience", "2"): f"Error: --patience {scores}",
        (
            "--holdout",
            1,
            "--ease-off",
        ): "Error: --ease-off is given without --patience.\n  → Give --patience 2 with it.\n",
        ("--holdout", 1, "--preview-every", 0): (
            "Error: --holdout is given, and --preview-every is 0.\n  → Give --preview-every 50, for instance.\n"
        ),
    }
    for options, said in refused.items():
        answer = studio("finetune", "rex", *options)
        assert (answer.code, answer.err) == (2, said)
    assert json.loads(studio("runs", "--json").out) == []


def test_the_curves_for_tensorboard_are_named_at_the_end(studio, added, tmp_path: Path) -> None:
    out = studio("finetune", "rex", "--steps", 1, "--rank", 2, "--report-to", "tensorboard").out
    runs = tmp_path / "home" / "runs"
    assert f"\nTensorBoard: {runs / '1' / 'tensorboard'}. See all runs: tensorboard --logdir {runs}\n" in out
    assert "TensorBoard" not in studio("finetune", "rex", "--steps", 1, "--rank", 2).out


def test_a_resume_that_is_refused_does_not_say_that_it_goes_on(studio, stopped_after_two, tmp_path) -> None:
    refused = studio("finetune", "--resume", "--rank", 8)
    assert refused.code != 0 and "goes on" not in refused.err and "other settings: --rank: " in refused.err
    below = studio("finetune", "--resume", "--steps", 1)
    assert below.err == "Error: Run 1 is at step 2, and --steps is 1.\n  → Give 2 or more.\n"
    (tmp_path / "mine.toml").write_text("rank = 8\n")
    of_a_file = studio("finetune", "--resume", "--config", tmp_path / "mine.toml").err
    assert "other settings: rank: " in of_a_file and f"→ {tmp_path / 'mine.toml'} gives rank. " in of_a_file
    full = studio("finetune", "--resume", "--method", "full").err
    assert full.startswith("Error: The run was started with other settings: --method: lora -> full.\n")
    assert "Run 1 (rex) goes on after step 2." in studio("finetune", "--resume").err
