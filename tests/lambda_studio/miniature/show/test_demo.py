"""The demo on the weights that ship, shortened; and the reader that scores it, on pictures whose truth is known."""

import json

from PIL import Image

from lambda_studio.miniature.show import demo
from lambda_studio.miniature.show.demo import PROMPTS, SUBJECTS, run_demo
from lambda_studio.miniature.world.identities import is_held_out
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
        assert all(0 <= report[when][name] <= 1 for name in ("noun", "place", "worn", "composition"))
        assert -1 <= report[when]["identity"] <= 1
    assert len(list((tmp_path / "photos").rglob("*.png"))) == 5 * len(SUBJECTS)
    before, after = (sorted((tmp_path / when).glob("*.png")) for when in ("before", "after"))
    assert [path.name for path in before] == [path.name for path in after] and len(before) == 2
    said = read_texts(after[0])
    assert said.prompt == PROMPTS[4].prompt and len(said.adapters) == 1  # "beside" sorts before "wearing"
