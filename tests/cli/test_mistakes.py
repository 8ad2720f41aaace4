"""What a new user gets wrong: one line of cause, one of remedy, an exit code, and nothing stored."""

import json
import re
from pathlib import Path

import pytest

MISTAKES = [
    ("concepts show nix", 3, "No concept named 'nix' in library 'default'", "studio add-concept"),
    ("concepts remove nix --yes", 3, "No concept named 'nix'", "studio add-concept"),
    ("concepts rename nix nax", 3, "No concept named 'nix'", "studio add-concept"),
    ("--library nix concepts", 3, "No library named 'nix'", "studio library create"),
    ("library use nix", 3, "No library named 'nix'", "studio library create"),
    ("library create default", 4, "A library named 'default' is already there", "--library NAME"),
    ("library export --out x.zip", 2, "Library default has no concepts to export", "studio add-concept"),
    ("library export nix --out x.zip", 3, "No concept named 'nix'", "studio add-concept"),
    ("library export", 2, "Missing option '--out'", "studio library export --help"),
    ("library import gone.zip", 5, "gone.zip does not exist", "Check the path"),
    ("library import photo1.png", 5, "photo1.png is one picture.", "studio add-concept NAME photo1.png --noun NOUN"),
    (
        "library import full",
        5,
        "full has no pictures of a subject, but file (not pictures)",
        "a subfolder for each subject",
    ),
    ("db restore gone.sqlite3", 7, "gone.sqlite3", "Choose another backup"),
    ("db restore photo1.png", 7, "photo1.png is not a λ-Studio database", "Choose another backup"),
    (
        "library export --out out.txt",
        2,
        "out.txt is not a name for a bundle.",
        "The name must end in .zip: --out out.zip",
    ),
    ("library export --out photo1.png", 2, "photo1.png is not a name for a bundle.", "--out photo1.zip"),
    ("library export --out full", 2, "full is not a name for a bundle.", "--out full.zip"),
    ("library export --out .", 2, ". is not a name for a bundle.", "--out concepts.zip"),
    ("adapters show 9", 3, "No adapter '9'", "studio finetune NAME..."),
    ("adapters remove 9 --yes", 3, "No adapter '9'", "studio finetune NAME..."),
    ("add-concept x photo1.png", 5, "The noun of 'x' is missing", "--noun dog"),
    ("add-concept x photo1.png --noun=", 5, "The noun is missing", "--noun dog"),
    ("add-concept x gone.png --noun dog", 5, "gone.png does not exist", "Check the path"),
    ("add-concept x broken.png --noun dog", 5, "broken.png", "Give another copy of the picture"),
    ("add-concept x photo1.png --noun dog --mask small.png", 5, "small.png has 40 x 40 pixels", "picture's size"),
    (
        "add-concept x photo1.png photo2.png --noun dog --mask small.png",
        5,
        "There is 1 mask for 2 images.",
        "one mask for each",
    ),
    ("add-concept a<b photo1.png --noun dog", 5, "angle bracket", "Give the name without them: ab"),
    ("add-concept <> photo1.png --noun dog", 5, "angle bracket", "Give a name of 1 to 80 characters"),
    ("add-concept x", 2, "Missing argument 'IMAGE...'", "studio add-concept --help"),
    ("add-concept x photo1.png --noun dog --segment magic", 2, "'magic' is not one of", "studio add-concept --help"),
    ("finetune", 2, "Name concepts, or give --all", "studio finetune --help"),
    ("finetune --all", 2, "Library default has no concepts", "studio add-concept"),
    ("finetune rex --all", 2, "not both", "studio finetune --help"),
    ("finetune nix", 3, "No concept named 'nix'", "studio add-concept"),
    ("finetune --resume", 2, "no unfinished run", "without --resume"),
    ("generate a<rex>", 5, "The prompt names <rex>", "studio add-concept rex"),
    ("generate a<rex", 5, "This name is never closed", "Close it with >"),
    ("generate ", 5, "The prompt is empty", "Say what to draw"),
    ("generate cat --guidance 0", 2, "--guidance is 0.0", "0 would ignore the prompt"),
    ("generate cat -n 0", 2, "The number of pictures is 0", "Give 1 to 10000"),
    ("generate cat --steps 0", 2, "--steps is 0", "Give 1 to 1000"),
    ("generate cat --resolution 7", 2, "Pictures of 7 pixels", "This decoder draws multiples of 8. The nearest is 8"),
    ("generate cat --size 36x40", 2, "Pictures of 36x40 pixels", "The nearest is 32x40"),
    ("generate cat --size 32", 2, "'32' is no size", "generate --help"),
    ("generate cat --size 32x0", 2, "height is 0", "Give 1 to 4096"),
    ("generate cat --size 5000x32", 2, "width is 5000", "Give 1 to 4096"),
    (
        "generate cat --size 32x32 --resolution 32",
        2,
        "Both --resolution and --size (height, width) are given",
        "Give one of them: --resolution is for squares",
    ),
    ("generate cat --seed -1", 2, "--seed is -1", "Give 0 to 9007199254740992"),
    ("generate cat --adapter 9", 3, "No adapter '9'", "studio finetune NAME..."),
    ("generate cat --edges gone.png", 5, "gone.png does not exist", "Check the path"),
    ("generate cat --mask one.png", 2, "A mask is given without a photograph", "too: --from-image PHOTO"),
    ("generate cat --strength 0.5", 2, "A strength is given without a photograph", "too: --from-image PHOTO"),
    ("generate cat --strength 2", 2, "--strength is 2.0", "Give 0.02 to 1. The least draws one of the steps."),
    ("generate cat --sampler lcm --steps 51", 2, "--steps is 51", "lcm takes up to 50"),
    ("generate cat --out broken.png/there", 4, "is not a folder", "Give a folder"),
    ("generate cat --stack magic", 2, "There is no stack 'magic'", "kandinsky-2.2"),
    ("generate cat --stack kandinsky", 2, "There is no stack 'kandinsky'", "Did you mean kandinsky-2.2"),
    ("generate cat --stack gone.toml", 6, "gone.toml cannot be read", "Check the name of the stack file"),
    ("generate cat --stack empty.toml", 6, "no folder", "--stack miniature"),
    ("demo --out full", 4, "full is not empty", "a folder that is new or empty"),
    ("miniature bench full", 4, "full is not empty", "a folder that is new or empty"),
    ("miniature train work --export full", 4, "full is already there", "--export DIR"),
    ("miniature train work --device tpu", 2, "no device 'tpu'", "--device cpu"),
    ("miniature train work --stage magic", 2, "no stage 'magic'", "clip movq"),
    ("miniature train work --share 2", 2, "--share is 2.0", "up to 1"),
    ("miniature evaluate --only magic", 2, "no measurement 'magic'", "zero-shot"),
    ("generat cat", 2, "No such command 'generat'. Did you mean 'generate'?", "studio --help"),
    ("xyzzy", 2, "No such command 'xyzzy'.", "studio --help"),
    ("list", 2, "No such command 'list'. Did you mean 'studio concepts list' or 'studio library list' or", "--help"),
    ("add", 2, "No such command 'add'. Did you mean 'studio add-concept'?", "studio --help"),
    ("concept", 2, "No such command 'concept'. Did you mean 'concepts'?", "studio --help"),
    ("generate cat --seed 10^20", 2, "'10^20' is not a valid integer.", "in digits, such as 4, or give random."),
    ("generate cat -n 10^8", 2, "'10^8' is not a valid integer.", "Write the number in digits, such as 4. See"),
    ("finetune cat --learning_rate 1/2", 2, "'1/2' is not a valid float.", "such as 0.5 or 1e-4. See"),
    ("generate cat --size 7^5", 2, "Give width and height in pixels, as 768x512.", "studio generate --help"),
    ("generate cat --step 3", 2, "Did you mean one of: '--seed', '--size', '--steps'?", "studio generate --help"),
    ("concepts lst", 2, "No such command 'lst'. Did you mean 'list'?", "studio concepts --help"),
]


@pytest.fixture
def place(tmp_path: Path, photos: list[Path]) -> Path:
    """A folder with photos and with files that are not."""
    from PIL import Image

    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    Image.new("L", (40, 40), 255).save(tmp_path / "small.png")
    (tmp_path / "empty.toml").write_text('clip = "local-dir:/nowhere"\nprior = "/nowhere"\ndecoder = "/nowhere"\n')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    return tmp_path


@pytest.mark.parametrize(("line", "code", "cause", "remedy"), MISTAKES, ids=[line for line, *_ in MISTAKES])
def test_a_mistake_is_told_in_two_lines(studio, place: Path, line: str, code: int, cause: str, remedy: str) -> None:
    answer = studio(*line.split(" "))
    assert answer.code == code
    assert answer.out == ""
    told = re.fullmatch(r"Error: (?P<cause>.+)\n  → (?P<remedy>.+)\n", answer.err, re.DOTALL)
    assert told, answer.err
    assert cause in told["cause"]
    assert remedy in told["remedy"]
    assert "Traceback" not in answer.err
    assert json.loads(studio("concepts", "--json").out) == []
    assert not (place / "outputs").exists() or not any((place / "outputs").iterdir())
