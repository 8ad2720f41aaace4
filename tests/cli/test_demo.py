"""`studio demo`: where it writes, and what it says."""

import json
from pathlib import Path


def test_the_demo_has_a_folder_of_its_own_and_says_what_it_wrote(studio, monkeypatch, tmp_path: Path) -> None:
    from lambda_studio.miniature.show import demo

    def run_demo(home: Path, out: Path, notify, progress) -> demo.DemoResult:
        assert home == out / "home"
        notify("drawing")
        before, after = (demo.Scores(*[value] * 9) for value in (0.25, 0.75))
        return demo.DemoResult(out / "sheet.png", out / "scores.json", out, before, after)

    monkeypatch.setattr(demo, "run_demo", run_demo)
    first, second = studio("demo"), studio("demo", "--json")
    assert (first.code, first.err) == (0, "drawing\n")
    assert first.out.splitlines() == [
        "Paws, ears, rims and other parts have colours that no prompt names. They are right in "
        "25% of the subjects zero-shot, and in 75% after fine-tuning.",
        "Of two subjects in one picture, each has its own main colour in 25% of the pictures "
        "zero-shot, and in 75% after fine-tuning.",
        "details      0.25 zero-shot -> 0.75 fine-tuned",
        "identity     0.25 zero-shot -> 0.75 fine-tuned",
        "composition  0.25 zero-shot -> 0.75 fine-tuned",
        "Contact sheet: studio-demo/sheet.png",
        "Scores:        studio-demo/scores.json",
        "Everything:    studio-demo",
        "Continue with: studio --home studio-demo/home concepts",
    ]
    assert json.loads(second.out)["folder"] == "studio-demo-2"
    assert not (tmp_path / "home").exists()


def test_a_demo_that_was_stopped_says_what_is_kept_and_that_the_next_begins_anew(studio, monkeypatch) -> None:
    from lambda_studio.miniature.show import demo

    def run_demo(home: Path, out: Path, notify, progress) -> demo.DemoResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", run_demo)
    stopped = studio("demo")
    assert stopped.code == 130
    assert "studio-demo keeps the files that were made. The next `studio demo` starts again" in stopped.err
