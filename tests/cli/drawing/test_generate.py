"""`studio generate`: what is drawn, where it goes, and what a picture says of itself."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.models.stacks import toml
from lambda_studio.pictures.texts.picture_texts import read_texts

SIZES = ("resolution", "height", "width")


def test_generating_loads_no_vision_tower(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    from lambda_studio.models.clip import clip

    towers: list[tuple[str, ...]] = []
    load = clip.load_clip

    def watched(source, device, dtype, wanted, on_size):
        towers.append(tuple(wanted))
        return load(source, device, dtype, wanted, on_size)

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


def test_several_pictures_with_a_name_sort_by_their_numbers(studio, tmp_path: Path) -> None:
    (tmp_path / "[dog].png").write_bytes(b"mine")
    said = [studio("generate", "a dog", "-n", 2, "--steps", 1, "--out", "[dog].png").out.split() for _ in range(2)]
    assert [*said[0], *said[1]] == [f"[dog]-000{number}.png" for number in (1, 2, 3, 4)]
    assert (tmp_path / "[dog].png").read_bytes() == b"mine"


@pytest.mark.parametrize(("name", "option"), [("p.txt", "--file"), ("p.png", "--from")])
def test_a_file_in_the_prompts_place_is_refused_with_its_option(studio, tmp_path: Path, name: str, option: str) -> None:
    assert studio("generate", f"a {name}", "--steps", 1).code == 0, "words may look like the name of a file"
    absent = studio("generate", name)
    assert absent.code == 2 and f"There is no file {name}. A file is given with {option}." in absent.err
    (tmp_path / name).write_text("a dog")
    refused = studio("generate", name)
    assert refused.code == 2 and f"{name} is a file. Give it with {option}." in refused.err


def test_the_end_of_a_files_line_is_no_word_of_a_prompt(studio) -> None:
    refused = studio("generate", "a dog --d 3 --s 20")
    assert refused.code == 2 and "The prompt has --d, as a line of a file or session may." in refused.err
    assert "Here, give --seed beside the prompt." in refused.err
    assert studio("generate", "a well--known dog -- d", "--steps", 1).code == 0


def test_a_picture_says_what_it_is(studio, tuned) -> None:
    path = studio("generate", "a <rex>", "--seed", 5, "--steps", 2, "--guidance", 3).out.strip()
    texts = json.loads(Image.open(path).text["lambda-studio"])
    adapter = json.loads(studio("adapters", "show", 1, "--json").out)
    assert texts["prompt"] == "a <rex>"
    assert texts["seed"] == 5
    others = {
        **dict.fromkeys(SIZES),
        "decode_in_tiles": False,
        "sampler": "ddim",
        "negative_prompt": "",
        "references": "mean",
        "deep_cache_interval": 1,
        "strength": None,
        "edges_low": None,
        "edges_high": None,
    }
    assert texts["settings"] == {"num_inference_steps": 2, "guidance_scale": 3.0, **others}
    concept = json.loads(studio("concepts", "show", "rex", "--json").out)["concept"]
    wanted = {key: concept[key] for key in ("name", "noun", "library", "version", "manifest")}
    assert texts["concepts"] == [wanted]
    assert (texts["stack"], texts["adapters"]) == ("tiny", [{"sha256": adapter["sha256"], "scale": 1.0}])
    rest = ["format", "prompt", "seed", "settings", "concepts", "stack", "adapters", "weights", "batch"]
    assert list(texts) == rest, "what it has not is not written"
    assert set(Image.open(path).text) == {"parameters", "lambda-studio"}


def test_a_picture_says_that_features_were_reused(studio) -> None:
    path = studio("generate", "a dog", "--seed", 5, "--steps", 4, "--deep-cache", 3).out.strip()
    assert read_texts(Path(path)).settings["deep_cache_interval"] == 3
    again = studio("generate", "--from", path)
    assert Image.open(again.out.strip()).tobytes() == Image.open(path).tobytes()
    refused = studio("generate", "a dog", "--deep-cache-interval", 11)
    assert refused.code == 2 and "--deep-cache is 11.\n  → Give 1 to 10." in refused.err


def test_a_picture_says_which_adapters_it_has_with_which_scale(studio, tuned) -> None:
    studio("finetune", "rex", "--steps", 2, "--rank", 2)
    shas = [json.loads(studio("adapters", "show", number, "--json").out)["sha256"] for number in (1, 2)]
    both = ("--adapter", "1:0.8", "--adapter", 2)
    answer = json.loads(studio("generate", "a <rex>", "--seed", 5, "--steps", 1, *both, "--json").out)
    said = [{"sha256": shas[0], "scale": 0.8}, {"sha256": shas[1], "scale": 1.0}]
    assert answer["adapters"] == [{"id": number + 1, **each} for number, each in enumerate(said)]
    assert answer["adapter"] == 1
    assert read_texts(Path(answer["pictures"][0]["path"])).adapters == ((shas[0], 0.8), (shas[1], 1.0))
    plain = studio("generate", "a <rex>", "--seed", 5, "--steps", 1)
    assert "Drawn with adapter 2; --adapter none draws without." in plain.err
    scaled = studio("generate", "a <rex>", "--seed", 5, "--steps", 1, "--adapter", "auto:0.8")
    assert "Drawn with adapter 2, scaled by 0.8; --adapter none draws without." in scaled.err
    assert read_texts(Path(plain.out.strip())).adapters == ((shas[1], 1.0),)
    refused = studio("generate", "a <rex>", "--adapter", "1:11")
    assert refused.code == 2 and "The scale of the adapter '1:11' is not a number from -10 to 10." in refused.err


@pytest.mark.parametrize("seed", [(), ("--seed", "random")])
def test_the_same_command_without_a_seed_draws_other_pictures_and_says_the_seed(studio, seed) -> None:
    answers = [studio("generate", "a cat", "--steps", 1, "--json", *seed) for _ in range(2)]
    seeds = [json.loads(answer.out)["pictures"][0]["seed"] for answer in answers]
    assert seeds[0] != seeds[1]
    assert [answer.err for answer in answers] == [f"The seed is {each}.\n" for each in seeds]
    path = studio("generate", "a cat", "--steps", 1, "--seed", seeds[0]).out.strip()
    first = json.loads(answers[0].out)["pictures"][0]["path"]
    assert Image.open(path).tobytes() == Image.open(first).tobytes()


def test_the_same_seed_draws_the_same_picture(studio) -> None:
    paths = [studio("generate", "a cat", "-n", n, "--seed", 7, "--steps", 2).out.split()[-1] for n in (1, 1, 2)]
    first, again, other = (Image.open(path).tobytes() for path in paths)
    assert first == again != other


def test_edges_change_the_picture(studio, photos) -> None:
    plain = studio("generate", "a cat", "--steps", 1).out.strip()
    edged = studio("generate", "a cat", "--steps", 1, "--edges", photos[0]).out.strip()
    assert Image.open(plain).tobytes() != Image.open(edged).tobytes()
    assert read_texts(Path(edged)).settings["edges"] == "photo1.png"
    saved = studio("generate", "a cat", "--steps", 1, "--edges", photos[0], "--edges-low", 10, "--save-edges")
    assert f"Edges: {Path('outputs/photo1-edges-0001.png')}" in saved.err


def test_a_photograph_and_its_mask_are_drawn_over_and_asked_for_again(studio, photos, tmp_path: Path) -> None:
    with Image.open(photos[0]) as photo:
        mask = Image.new("L", photo.size)
    mask.paste(255, (8, 8, 40, 40))
    mask.save(tmp_path / "mask.png")
    given = ("--from-image", photos[0], "--mask", "mask.png")
    answer = json.loads(studio("generate", "a cat", "--steps", 2, "--strength", 0.5, *given, "--json").out)
    assert set(answer["given"]) == {"from_image", "mask"}
    path = answer["pictures"][0]["path"]
    refused = studio("generate", "--from", path)
    assert refused.code == 2 and "too: --from-image IMAGE" in refused.err
    assert "It is the same picture, pixel for pixel." in studio("generate", "--from", path, *given).err


def test_the_default_stack_is_the_miniature(studio, monkeypatch) -> None:
    monkeypatch.delenv("STUDIO_STACK")
    used: list[str] = []
    monkeypatch.setattr(toml, "resolve_stack", lambda name: used.append(name) or _stop())
    assert studio("generate", "a cat").code == 130
    assert used == ["miniature"]


def _stop() -> None:
    raise KeyboardInterrupt


def test_a_prompt_that_is_too_long_says_which_words_would_be_cut(studio) -> None:
    answer = studio("generate", "dog " * 40)
    assert answer.code == 5
    assert "The prompt has 42 tokens, but CLIP reads 24" in answer.err


def test_device_precision_size_and_batch_are_taken_and_checked(studio, tmp_path) -> None:
    told = studio("generate", "a dog", "--device", "cpu", "--precision", "bf16", "--resolution", 64, "--batch-size", 1)
    assert told.code == 0
    with Image.open(told.out.strip()) as image:
        assert image.size == (64, 64)
    answer = studio("generate", "a dog", "--device", "gpu", "--out", tmp_path / "other")
    assert answer.code == 2 and "--device is 'gpu'. Give auto, cpu, cuda" in answer.err.replace("\n  → ", " ")
    assert studio("generate", "a dog", "--precision", "int4").code == 2


def test_a_size_is_width_by_height_of_the_picture_its_texts_and_the_answer(studio) -> None:
    answer = json.loads(studio("generate", "a dog", "--steps", 1, "--size", "48x32", "--json").out)
    assert (answer["width"], answer["height"]) == (48, 32)
    with Image.open(answer["pictures"][0]["path"]) as image:
        assert image.size == (48, 32)
        settings = read_texts(Path(image.filename)).settings
    assert {name: settings[name] for name in SIZES} == {"resolution": None, "height": 32, "width": 48}


def test_a_square_size_draws_the_picture_of_its_resolution(studio) -> None:
    drawn = [
        studio("generate", "a dog", "--steps", 1, "--seed", 3, *size).out.strip()
        for size in (("--size", "32X32"), ("--resolution", 32), ())
    ]
    assert len({Image.open(path).tobytes() for path in drawn}) == 1


def test_a_file_of_prompts_is_drawn_and_its_answer_is_a_list(studio, photos, tmp_path, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    (tmp_path / "prompts.txt").write_text("# mine\na <rex> --d 3\na cat\n")
    answer = studio("generate", "--file", "prompts.txt", "--steps", 1, "--seed", 5, "--json")
    found = json.loads(answer.out)
    assert [(each["prompt"], each["pictures"][0]["seed"]) for each in found] == [("a <rex>", 3), ("a cat", 5)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a <rex>\na <rx>\n")))
    refused = studio("generate", "--file", "-", "--steps", 1)
    assert refused.code == 5 and "Line 2: The prompt names <rx>" in refused.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a cat\na dog --d 3\n")))
    piped = studio("generate", "-", "--steps", 1, "--out", "piped")
    assert piped.out.split() == ["piped/a-cat-0001.png", "piped/a-dog-0001.png"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a cat \xff\n")))
    assert "The prompts of the input are no text in UTF-8." in studio("generate", "--file", "-").err
    for words in ((), ("a cat", "--file", "prompts.txt"), ("-", "--file", "prompts.txt")):
        assert (
            "Give one of: a prompt, a file of prompts (--file), a picture (--from)." in studio("generate", *words).err
        )


def test_a_wildcard_draws_every_concept_of_its_noun(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    studio("add-concept", "max", photos[1], "--noun", "dog")
    answer = studio("generate", "a <*:dog>", "--steps", 1, "--seed", 5)
    assert answer.out.split() == ["outputs/a-max-0001.png", "outputs/a-rex-0001.png"]
    answer = json.loads(studio("generate", "a <*:dog>", "--steps", 1, "--seed", 5, "--json").out)
    assert [each["prompt"] for each in answer] == ["a <max>", "a <rex>"]


def test_a_picture_is_drawn_again_and_the_best_are_put_on_a_sheet(studio, photos, tmp_path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    best = ("--best", 2, "--of", 3, "--sheet", "s.png")
    drawn = studio("generate", "a <rex>", *best, "--steps", 1, "--seed", 4, "--show")
    first, _ = drawn.out.split()
    assert drawn.err.splitlines() == [
        "All pictures: s.png",
        "This terminal shows no pictures, or does not say that it can.",
    ]
    again = studio("generate", "--from", first)
    assert "It is the same picture, pixel for pixel." in again.err
    assert Image.open(again.out.strip()).tobytes() == Image.open(first).tobytes()
    answer = json.loads(studio("generate", "--from", first, "--json").out)
    assert (answer["difference"], answer["changes"], len(answer["drawn"]["pictures"])) == (0, [], 1)
    assert "Give one of" in studio("generate", "a <rex>", "--from", first).err


def test_a_refused_command_leaves_no_folder_and_says_no_seed(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    for words in (("a <rx>",), ("a <rex>", "--adapter", 9), ("a <rex#9>",), ("a <rex>", "--sheet", "sheet.txt")):
        refused = studio("generate", *words, "--out", "new", "--steps", 1)
        assert refused.code and "The seed is" not in refused.err, words
    refused = studio("interpolate", "a <rex>", "a cat", "--adapter", 9, "--out", "new")
    assert refused.code and "The seed is" not in refused.err
    assert not Path("new").exists() and not Path("sheet.txt").exists()
    assert studio("add-concept", "max", *photos, "--noun", "dog", "--sheet", "sheet.txt").code == 2
    assert studio("concepts", "list", "--sheet", "sheet.txt").code == 2
    assert not Path("sheet.txt").exists() and "max" not in studio("concepts").out


def test_a_sampler_may_have_the_name_of_its_class_in_diffusers(studio) -> None:
    path = studio("generate", "a cat", "--steps", 2, "--sampler", "EulerDiscreteScheduler").out.strip()
    assert read_texts(Path(path)).settings["sampler"] == "euler"
    refused = studio("generate", "a cat", "--sampler", "PNDMScheduler")
    assert refused.code == 2 and "--sampler is 'PNDMScheduler'.\n  → Give one of: ddim, ddpm" in refused.err
    assert "'DDIM' is not one of 'ddim'" in studio("generate", "a cat", "--sampler", "DDIM").err
