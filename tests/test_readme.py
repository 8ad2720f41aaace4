"""The README's two commands and its links stand there as they are run."""

import re
import subprocess
from pathlib import Path

from PIL import Image, ImageDraw

import lambda_studio
from lambda_studio import Studio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = [line for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
TEST_COMMAND = "pip install -e '.[test]' && pytest"
DEMO_COMMAND = "pip install -e . && studio demo"


def test_the_two_commands_stand_there_as_they_are_run() -> None:
    assert DEMO_COMMAND in FENCED
    assert FENCED.count(TEST_COMMAND) == 1


def test_the_ci_finds_the_test_command_in_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r'grep -m 1 "([^"]+)" README.md', script)
    assert pattern
    found = subprocess.run(["grep", "-m", "1", pattern[1], "README.md"], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == TEST_COMMAND
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT).returncode == 0


def test_files_and_headings_that_the_readme_links_to_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        path, _, heading = target.partition("#")
        assert (ROOT / path).is_file(), target
        assert not heading or heading in headings(ROOT / path), target


def headings(page: Path) -> list[str]:
    """Return the headings of a Markdown page, as links name them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return ["-".join(re.findall(r"[\w-]+", title)).lower() for title in titles]


def test_it_is_one_screen_of_why() -> None:
    assert len(README.splitlines()) <= 110
    assert len(re.sub(r"```.*?```", "", README, flags=re.DOTALL).split()) <= 900


def test_the_python_in_it_runs_as_written(tmp_path, monkeypatch, stack_file) -> None:
    """On a tiny stack, and in fewer steps."""
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code and 10 <= len(code[1].splitlines()) <= 12
    for number in (1, 2):
        photo = Image.effect_noise((96, 96), 40).convert("RGB")
        ImageDraw.Draw(photo).ellipse((20, 20 + number, 70, 76), fill="red")
        photo.save(tmp_path / f"photo{number}.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lambda_studio, "Studio", lambda home: Studio(home, stack=str(stack_file)), raising=False)
    exec(code[1].replace("steps=400", "steps=2"), {})
    assert len(list((tmp_path / "outputs").glob("a-rex-on-the-beach-*.png"))) == 4
    assert len(list((tmp_path / "my-studio" / "adapters").glob("*.safetensors"))) == 1
