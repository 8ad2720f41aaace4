"""The README's two commands and its links stand there as they are run."""

import re
import subprocess
from pathlib import Path

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


def test_files_that_the_readme_shows_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
