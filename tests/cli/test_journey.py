"""The main job by its commands: add, look, generate, fine-tune, generate again."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.models import stack as stack_module


def test_a_concept_is_added_tuned_and_drawn(studio, photos, stack_file: Path) -> None:
    added = studio("add-concept", "rex", *photos, "--noun", "dog")
    assert (added.code, added.err) == (0, f"Library default now works with {stack_file}.\n")
    assert "Added rex (dog) in library default: 2 images." in added.out
    assert "Encoded 2 images with tiny; 0 had been before." in added.out
    tuned = studio("finetune", "rex", "--steps", 2, "--rank", 2)
    assert tuned.code == 0
    assert "Adapter 1 knows rex (2 steps of tiny)." in tuned.out
    drawn = studio("generate", "a <rex> on the beach", "-n", 2, "--seed", 3, "--steps", 2)
    assert drawn.code == 0
    assert drawn.out.split() == [f"outputs/a-rex-on-the-beach-000{number}.png" for number in (1, 2)]
    for path in drawn.out.split():
        with Image.open(path) as picture:
            assert picture.size == (32, 32)


def test_adding_the_same_files_again_encodes_nothing_and_loads_no_model(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    monkeypatch.setattr("lambda_studio.models.clip.load_clip", _must_not_load)
    again = studio("add-concept", "rex", *photos, "--noun", "dog")
    assert again.code == 0
    assert "Already there: rex (dog) in library default, 2 images." in again.out
    assert "Encoded 0 images with tiny; 2 had been before." in again.out


def _must_not_load(*args: object, **kwargs: object) -> None:
    raise AssertionError("a model was loaded")


def test_generating_loads_no_vision_tower(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    from lambda_studio.models import clip

    towers: list[tuple[str, ...]] = []
    load = clip.load_clip

    def watched(name, pretrained, device, dtype, wanted, on_download):
        towers.append(tuple(wanted))
        return load(name, pretrained, device, dtype, wanted, on_download)

    monkeypatch.setattr(clip, "load_clip", watched)
    assert studio("generate", "a <rex>", "--steps", 1).code == 0
    assert towers == [("text",)]


def test_pictures_are_never_overwritten(studio, tmp_path: Path) -> None:
    first = studio("generate", "a dog", "--steps", 1, "--out", "dog.png")
    before = (tmp_path / "dog.png").read_bytes()
    second = studio("generate", "a dog", "--steps", 1, "--seed", 9, "--out", "dog.png")
    assert (first.out, second.out) == ("dog.png\n", "dog-2.png\n")
    assert (tmp_path / "dog.png").read_bytes() == before
    assert (tmp_path / "dog-2.png").read_bytes() != before


def test_a_picture_says_what_it_is(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    path = studio("generate", "a <rex>", "--seed", 5, "--steps", 2, "--guidance", 3).out.strip()
    texts = Image.open(path).text
    adapter = json.loads(studio("adapters", "show", 1, "--json").out)
    assert texts["prompt"] == "a <rex>"
    assert texts["seed"] == "5"
    assert json.loads(texts["settings"]) == {"num_inference_steps": 2, "guidance_scale": 3.0, "resolution": None}
    concept = json.loads(studio("concepts", "show", "rex", "--json").out)["concept"]
    wanted = {key: concept[key] for key in ("name", "noun", "library", "version", "manifest")}
    assert json.loads(texts["concepts"]) == [wanted]
    assert (texts["stack"], texts["adapter"]) == ("tiny", adapter["sha256"])
    assert set(texts) == {"prompt", "seed", "settings", "concepts", "stack", "adapter", "Software"}


def test_the_same_seed_draws_the_same_picture(studio) -> None:
    paths = [studio("generate", "a cat", "-n", n, "--seed", 7, "--steps", 2).out.split()[-1] for n in (1, 1, 2)]
    first, again, other = (Image.open(path).tobytes() for path in paths)
    assert first == again != other


def test_show_tells_everything(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    assert "none; make one: studio finetune rex" in studio("concepts", "show", "rex").out
    studio("finetune", "--all", "--steps", 1, "--rank", 2)
    shown = studio("concepts", "show", "REX").out
    assert "rex (dog) in library default" in shown
    assert "version 1 of 20" in shown
    assert "photo1.png  64 x 64  none: all of it" in shown
    assert "tiny: 2 of 2" in shown
    assert "1 (lora, tiny) saw version 1" in shown


def test_mask_files_say_where_the_subject_is(studio, photos, tmp_path: Path) -> None:
    for number in (1, 2):
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 32, 64))
        mask.save(tmp_path / f"mask{number}.png")
    masks = ["--mask", "mask1.png", "--mask", "mask2.png"]
    assert studio("add-concept", "rex", *photos, "--noun", "dog", *masks).code == 0
    assert studio("concepts", "show", "rex").out.count("50% of it") == 2


def test_bare_groups_list(studio, photos) -> None:
    assert "has no concepts yet" in studio("concepts").out
    assert "No adapters yet" in studio("adapters").out
    studio("add-concept", "rex", *photos, "--noun", "dog")
    assert studio("concepts").out == studio("concepts", "list").out
    assert studio("concepts").out.splitlines()[1].split()[:4] == ["rex", "dog", "2", "1"]
    assert studio("library").out == studio("library", "list").out


def test_libraries_keep_concepts_apart_and_remember_their_stack(studio, photos, stack_file: Path, monkeypatch) -> None:
    assert studio("library", "create", "work").code == 0
    studio("add-concept", "rex", *photos, "--noun", "dog", "--library", "work")
    assert "has no concepts yet" in studio("concepts").out
    assert studio("library", "use", "work").out == f"Using library work with {stack_file}.\n"
    assert "rex" in studio("concepts").out
    monkeypatch.delenv("STUDIO_STACK")
    assert json.loads(studio("generate", "a <rex>", "--steps", 1, "--json").out)["stack"] == "tiny"


def test_a_rename_touches_no_version_and_an_adapter_still_knows_it(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    assert studio("concepts", "rename", "rex", "bello").out == "rex is now called bello.\n"
    drawn = studio("generate", "a <bello>", "--steps", 1, "--json")
    assert (json.loads(drawn.out)["adapter"], json.loads(drawn.out)["stale"], drawn.err) == (1, False, "")


def test_removing_says_which_adapters_saw_it(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    removed = studio("concepts", "remove", "rex", "--yes")
    assert (
        removed.out
        == "Removed rex. Undo it: studio concepts restore rex\nAdapter 1 saw it and still holds what it learned.\n"
    )
    assert studio("concepts", "show", "rex").code == 3


def test_removing_an_adapter_removes_its_file(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    files = list((tmp_path / "home" / "adapters").iterdir())
    assert [file.suffix for file in files] == [".safetensors"]
    assert studio("adapters", "remove", 1, "-y").out == "Removed adapter 1.\n"
    assert not files[0].exists()
    assert studio("adapters", "show", 1).code == 3


def test_edges_change_the_picture(studio, photos) -> None:
    plain = studio("generate", "a cat", "--steps", 1).out.strip()
    edged = studio("generate", "a cat", "--steps", 1, "--edges", photos[0]).out.strip()
    assert Image.open(plain).tobytes() != Image.open(edged).tobytes()
    assert json.loads(Image.open(edged).text["settings"])["edges"] == "photo1.png"


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_work_before_and_after_the_command(studio, photos, tmp_path: Path, place: str) -> None:
    options = ["--home", tmp_path / "elsewhere", "--library", "default", "--json"]
    args = [*options, "concepts", "list"] if place == "before" else ["concepts", "list", *options]
    answer = studio(*args)
    assert (answer.code, json.loads(answer.out)) == (0, [])
    assert (tmp_path / "elsewhere" / "studio.sqlite3").exists()
    assert not (tmp_path / "home").exists()


def test_an_option_outranks_the_environment(studio, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_LIBRARY", "nowhere")
    assert studio("concepts").code == 3
    assert studio("concepts", "--library", "default").code == 0


def test_every_command_that_reads_answers_in_json(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    for command in ("concepts", "concepts show rex", "library", "adapters", "adapters show 1", "doctor"):
        answer = studio(*command.split(), "--json")
        assert answer.code == 0, command
        assert json.loads(answer.out), command


def test_doctor_finds_a_damaged_adapter(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    studio("finetune", "rex", "--steps", 1, "--rank", 2)
    assert studio("doctor").out.count("ok ") == 4
    file = next((tmp_path / "home" / "adapters").iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    sick = studio("doctor")
    assert sick.code == 2
    assert "problem  adapter 1: its file is damaged" in sick.out
    assert "→ Forget it: studio adapters remove 1. Then fine-tune again." in sick.out


def test_the_default_stack_is_the_miniature(studio, monkeypatch) -> None:
    monkeypatch.delenv("STUDIO_STACK")
    used: list[str] = []
    monkeypatch.setattr(stack_module, "resolve_stack", lambda name: used.append(name) or _stop())
    assert studio("generate", "a cat").code == 130
    assert used == ["miniature"]


def test_the_demo_has_a_folder_of_its_own_and_says_what_it_wrote(studio, monkeypatch, tmp_path: Path) -> None:
    from lambda_studio.miniature.show import demo

    def run_demo(home: Path, out: Path, notify, progress) -> demo.DemoResult:
        assert home == out / "home"
        notify("drawing")
        before, after = (demo.Scores(*[value] * 6) for value in (0.25, 0.75))
        return demo.DemoResult(out / "sheet.png", out / "scores.json", out, before, after)

    monkeypatch.setattr(demo, "run_demo", run_demo)
    first, second = studio("demo"), studio("demo", "--json")
    assert (first.code, first.err) == (0, "drawing\n")
    assert first.out.splitlines() == [
        "identity     0.25 zero-shot -> 0.75 fine-tuned",
        "composition  0.25 zero-shot -> 0.75 fine-tuned",
        "Contact sheet: studio-demo/sheet.png",
        "Scores:        studio-demo/scores.json",
        "Everything:    studio-demo",
        "Go on with it: studio --home studio-demo/home concepts",
    ]
    assert json.loads(second.out)["folder"] == "studio-demo-2"
    assert not (tmp_path / "home").exists()


def _stop() -> None:
    raise KeyboardInterrupt
