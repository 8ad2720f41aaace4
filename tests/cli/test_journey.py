"""The main job by its commands: add, look, generate, fine-tune, generate again."""

import json
from pathlib import Path

from PIL import Image


def test_a_concept_is_added_tuned_and_drawn(studio, photos, stack_file: Path) -> None:
    added = studio("add-concept", "rex", *photos, "--noun", "dog")
    assert (added.code, added.err) == (0, f"Library default now uses the stack {stack_file}.\n")
    assert "Added rex (dog) in library default: 2 images." in added.out
    assert "Encoded 2 images with tiny.\n" in added.out
    tuned = studio("finetune", "rex", "--steps", 2, "--rank", 2)
    assert tuned.code == 0
    assert "Adapter 1 knows rex (2 steps of tiny)." in tuned.out
    drawn = studio("generate", "a <rex> on the beach", "-n", 2, "--seed", 3, "--steps", 2)
    assert drawn.code == 0
    assert drawn.out.split() == [f"outputs/a-rex-on-the-beach-000{number}.png" for number in (1, 2)]
    for path in drawn.out.split():
        with Image.open(path) as picture:
            assert picture.size == (32, 32)


def test_bare_groups_list(studio, photos) -> None:
    assert "has no concepts yet" in studio("concepts").out
    assert "No adapters yet" in studio("adapters").out
    studio("add-concept", "rex", *photos, "--noun", "dog")
    assert studio("concepts").out == studio("concepts", "list").out
    assert studio("concepts").out.splitlines()[1].split()[:4] == ["rex", "dog", "2", "1"]
    assert studio("library").out == studio("library", "list").out


def test_every_command_that_reads_answers_in_json(studio, tuned) -> None:
    for command in ("concepts", "concepts show rex", "library", "adapters", "adapters show 1", "doctor"):
        answer = studio(*command.split(), "--json")
        assert answer.code == 0, command
        assert json.loads(answer.out), command
