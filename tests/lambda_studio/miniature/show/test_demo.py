"""The demo on the weights that ship, shortened; and the reader that scores it, on pictures whose truth is known."""

import json
from pathlib import Path
from unittest.mock import Mock

import torch
from PIL import Image

from lambda_studio.miniature.judge.reader import Reader
from lambda_studio.miniature.show import demo
from lambda_studio.miniature.show.demo import PROMPTS, SUBJECTS, run_demo
from lambda_studio.miniature.world.identities import NOTHING, is_held_out
from lambda_studio.models.stacks.stack import WEIGHTS
from lambda_studio.pictures.texts.picture_texts import read_texts


def test_what_ships_is_small_and_safe():
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".gz", ".md", ".txt"}
    assert max(path.stat().st_size for path in files) <= 16 * 2**20
    assert sum(path.stat().st_size for path in files) <= 48 * 2**20


def test_the_demos_subjects_were_never_seen_in_training():
    for name in SUBJECTS:
        assert is_held_out(demo.subject_of(name)).all()
    assert len(SUBJECTS) >= 3
    assert {len(asked.names) for asked in PROMPTS} == {1, 2}


def test_both_of_two_subjects_are_counted_in_pictures_of_two(monkeypatch):
    who = {name: demo.subject_of(name) for name in SUBJECTS}

    def mark(pictures, scene):
        pair = int(scene.who.noun[0, 1] != NOTHING)
        right = {("noun", "main"): 0.75 * pair, ("noun", "main", "pattern"): 0.5 * pair}
        return Mock(every=lambda *answers: right[answers], share=lambda name: 0.25, likeness=lambda found: 0.5)

    monkeypatch.setattr(demo, "_load", lambda paths: None)
    likenesses = dict.fromkeys(SUBJECTS, torch.ones(4))
    scores = demo._score([[Path("one.png")]] * len(PROMPTS), who, likenesses, Mock(Reader, mark=mark))
    assert (scores.both_main, scores.both_looks, scores.main) == (0.75, 0.5, 0.25)


def test_the_demo_runs_from_photographs_to_a_contact_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "PER_PROMPT", 1)
    monkeypatch.setattr(demo, "PROMPTS", (PROMPTS[0], PROMPTS[4]))
    result = run_demo(tmp_path / "home", tmp_path, steps=2)
    with Image.open(result.contact_sheet) as sheet:
        assert sheet.width > 500 and sheet.height > 800
    report = json.loads(result.scores.read_text(encoding="utf-8"))
    assert report["steps"] == 2
    assert report["pictures"] == 2
    for when in ("before", "after"):
        assert all(0 <= report[when][name] <= 1 for name in ("noun", "place", "worn", "both_main", "both_looks"))
        assert -1 <= report[when]["identity"] <= 1
    assert len(list((tmp_path / "photos").rglob("*.png"))) == 5 * len(SUBJECTS)
    before, after = (sorted((tmp_path / when).glob("*.png")) for when in ("before", "after"))
    assert [path.name for path in before] == [path.name for path in after] and len(before) == 2
    said = read_texts(after[0])
    assert said.prompt == PROMPTS[4].prompt and len(said.adapters) == 1  # "beside" sorts before "wearing"
