"""`studio adapters`, as a person uses it."""

import json
import re
from pathlib import Path

from lambda_studio.studio import Studio


def test_removing_an_adapter_removes_its_file(studio, tuned, tmp_path: Path) -> None:
    files = list((tmp_path / "home" / "adapters").iterdir())
    assert [file.suffix for file in files] == [".safetensors"]
    assert studio("adapters", "remove", 1, "-y").out == "Removed adapter 1.\n"
    assert not files[0].exists()
    assert studio("adapters", "show", 1).code == 3


def test_an_adapter_is_listed_and_told_with_what_it_saw(studio, photos) -> None:
    assert studio("adapters").out == ("No adapters yet. Make one: studio finetune NAME..., or studio finetune --all\n")
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    headers, row = studio("adapters", "list").out.splitlines()
    assert headers.split() == ["ID", "NAME", "METHOD", "STACK", "KNOWS", "MADE", "BY", "SINCE"]
    assert row.split()[:6] == ["1", "lora", "tiny", "rex", "run", "1"]
    told = studio("adapters", "show", 1).out
    assert told.startswith("adapter 1: lora for tiny\n")
    assert "\ntrained on:\n  rex, version 1\nits update is " in told
    assert "\n  steps: 1\n" in told and "\n  rank: 2\n" in told
    studio("concepts", "edit", "rex", "--add", photos[1])
    assert "stale: a concept has changed since; the adapter is used nevertheless" in studio("adapters", "show", 1).out
    assert studio("adapters").out.splitlines()[1].split()[6] == "stale"


def test_an_adapter_is_exported_for_diffusers_and_imported_again(studio, tuned, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = studio("adapters", "export", 1, out, "--format", "diffusers").out
    assert told == f'Wrote {out}. diffusers loads it: pipeline.unet.load_lora_adapter("{out}", use_safetensors=True)\n'
    assert studio("adapters", "export", 1, out).code == 4
    answer = json.loads(studio("adapters", "export", 1, tmp_path / "other", "--json").out)
    assert (answer["format"], answer["layout"]) == (1, "diffusers")
    told = studio("adapters", "import", out, "--knows", "rex")
    assert told.out == "Kept adapter 1, of rank 2. Use it: studio generate PROMPT --adapter 1\n"
    assert "Its weights are those of adapter 1, so it is not added." in told.err
    assert json.loads(studio("adapters", "import", out, "--knows", "rex", "--json").out)["created"] is False
    told = studio("adapters", "import", out, "--knows", "rex", "--name", "Mine", "--duplicate").out
    assert told == "Added adapter 2 (Mine), of rank 2. Use it: studio generate PROMPT --adapter 2\n"
    assert studio("adapters", "import", tmp_path / "none").code == 6


def test_adapters_are_merged_scaled_and_extracted_and_shown_with_what_they_came_of(studio, tuned) -> None:
    studio("finetune", "rex", "--steps", 2, "--rank", 3, "--learning-rate", 0.05)
    sha = json.loads(studio("adapters", "show", 1, "--json").out)["sha256"][:12]
    merged = studio("adapters", "merge", 1, "2:0.5", "--name", "Both").out.splitlines()
    assert merged[0] == "Made adapter 3 (Both) of rank 5. It knows rex."
    assert re.fullmatch(r"its update is [\d.e-]+ % of the weights that it changes.*", merged[1])
    told = studio("adapters", "show", 3).out
    assert told.startswith("adapter 3 (Both): lora for tiny\n") and " by merge of 1, 2:0.5\n" in told
    assert "\n  name: Both\n" not in told and "made_of" not in told
    assert studio("adapters").out.splitlines()[1].split()[:6] == ["3", "Both", "lora", "tiny", "rex", "merge"]
    assert studio("adapters", "scale", 2, 0.8).out.startswith("Made adapter 4 of rank 3. It knows rex.\nits update")
    refused = studio("adapters", "extract", 2, "--rank", 32).err
    assert refused == "Error: --rank is 32, which is not below that of adapter 2, 3.\n  → Give a lower --rank.\n"
    extracted = studio("adapters", "extract", 2, "--rank", 1).out.splitlines()
    assert extracted[0] == "Made adapter 5 of rank 1. It knows rex."
    assert re.fullmatch(r"It has [\d.]+ % of the norm of the update of adapter 2\.", extracted[-1])
    answer = json.loads(studio("adapters", "extract", 2, "--rank", 1, "--json").out)
    assert 0 < answer["settings"]["kept"] < 1 and answer["update_size"] > 0 and answer["vanishes"] is False
    negative = studio("adapters", "scale", 2, "--", "-0.5", "--json")
    assert negative.code == 2, "options come before the dashes"
    assert (
        json.loads(studio("adapters", "scale", 2, "--json", "--", "-0.5").out)["settings"]["made_of"][0]["scale"]
        == -0.5
    )
    refused = studio("adapters", "scale", 2, "nan")
    assert refused.code == 2 and "The scale of the adapter '2:nan' is not a number" in refused.err
    studio("adapters", "remove", 1, "--yes")
    assert f" by merge of {sha} (removed), 2:0.5\n" in studio("adapters", "show", "both").out


def test_an_adapter_that_changes_nothing_is_said_at_the_end_of_its_training_and_when_shown(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    warned = "it changes nothing, or almost nothing\n"
    bf16 = "bf16 rounds away changes below 0.2 % of a weight (1/512). Train longer, or with a higher --learning-rate.\n"
    out = studio("finetune", "rex", "--steps", 1, "--rank", 2, "--learning-rate", 1e-6).out
    assert warned + bf16 in out and warned + bf16 in studio("adapters", "show", 1).out
    out = studio("finetune", "rex", "--steps", 2, "--rank", 2, "--learning-rate", 0.05).out
    assert "its update is " in out and warned not in out and warned not in studio("adapters", "show", 2).out


def test_an_adapter_of_others_that_changes_nothing_is_not_said_to_need_training(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2, "--learning-rate", 1e-6)
    bf16 = "bf16 rounds away changes below 0.2 % of a weight (1/512)."
    for words, larger in (
        (("scale", 1, "0.8"), " Give a SCALE farther from 0."),
        (("merge", 1, 2), " Give a SCALE farther from 0."),
        (("extract", 1, "--rank", 1), ""),
    ):
        assert f"{bf16}{larger}\n" in studio("adapters", *words).out
    assert f"{bf16} Give a SCALE farther from 0.\n" in studio("adapters", "show", 2).out


def test_an_import_and_a_folder_for_peft_are_said(studio, tuned, tmp_path: Path) -> None:
    out = tmp_path / "peft"
    told = studio("adapters", "export", 1, out, "--format", "peft").out
    assert told == f'Wrote {out}. peft loads it: unet = PeftModel.from_pretrained(unet, "{out}")\n'
    imported = studio("adapters", "import", out, "--duplicate")
    assert imported.out.splitlines()[1] == (
        "It knows no concept, so auto never chooses it. To have it chosen, import it with --knows NAME."
    )
    assert " by import of adapter_model.safetensors\n" in studio("adapters", "show", 2).out


def test_an_early_end_and_the_kept_step_are_shown(studio, tuned, tmp_path: Path) -> None:
    assert "the training ended" not in studio("adapters", "show", 1).out
    with Studio(tmp_path / "home") as made, made.database.transaction() as registry:
        run = registry.find_run(1)
        config = {**run.settings["config"], "steps": 20}
        registry.continue_run(1, {**run.settings, "config": config, "ended": {"steps": 8, "kept": 5}})
    told = studio("adapters", "show", 1).out
    ended = "The scores rose no more: the training ended after step 8 of 20.\n"
    assert f"\n{ended}The adapter has the weights of step 5, whose score was the best.\nits update" in told


def test_an_adapter_is_called_by_its_name_wherever_one_is_named(studio, tuned, tmp_path: Path) -> None:
    assert studio("adapters", "rename", 1, "pets").out == "Adapter 1 is now called pets.\n"
    assert studio("adapters", "show", "pets").out == studio("adapters", "show", 1).out
    drawn = json.loads(studio("generate", "a <rex>", "--steps", 1, "--adapter", "Pets:0.5", "--json").out)
    assert [(each["id"], each["scale"]) for each in drawn["adapters"]] == [(1, 0.5)]
    assert studio("adapters", "export", "pets", tmp_path / "out").code == 0
    assert "Made adapter 2 (half) of rank 2." in studio("adapters", "scale", "pets", 0.5, "--name", "half").out
    assert studio("adapters", "merge", "pets", "half").out.startswith("Made adapter 3 of rank 4.")
    assert studio("adapters", "extract", "half", "--rank", 1).code == 0
    assert studio("finetune", "rex", "--from", "half", "--steps", 1).code == 0
    assert studio("finetune", "--rebuild", "pets", "--plan").code == 0
    unknown = studio("adapters", "show", "pet").err
    assert "No adapter 'pet' is in library 'default'. It has: 5, 4, 3, 2 (half), 1 (pets)." in unknown
    assert studio("adapters", "remove", "half", "--yes").out == "Removed adapter 2 (half).\n"


def test_a_name_that_is_taken_or_means_something_else_is_refused_before_anything_is_made(studio, tuned) -> None:
    studio("adapters", "rename", 1, "pets")
    taken = studio("adapters", "scale", 1, 0.5, "--name", "PETS")
    assert (taken.code, "Adapter 1 of the library has the name 'PETS'." in taken.err) == (4, True)
    assert "Choose another name, or rename that one: studio adapters rename 1 NAME" in taken.err
    refused = studio("adapters", "merge", 1, "1:2", "--name", "auto")
    assert (refused.code, "The name 'auto' chooses an adapter by itself." in refused.err) == (5, True)
    assert len(json.loads(studio("adapters", "--json").out)) == 1
