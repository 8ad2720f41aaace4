"""Whether a stack is on this machine, told without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from lambda_studio.models.stacks.presence import missing_part
from lambda_studio.models.stacks.specification import BUILT_IN

ABSENT = replace(BUILT_IN["miniature"], name="absent")


def test_a_stack_in_folders_is_there_and_one_on_the_hub_is_not() -> None:
    assert missing_part(BUILT_IN["miniature"]) is None
    on_hub = replace(ABSENT, prior="nobody/prior")
    assert missing_part(on_hub) == "the prior of the stack absent is not on this machine"


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    gone = replace(ABSENT, decoder=str(tmp_path / "gone"))
    assert missing_part(gone) == "the decoder of the stack absent is not on this machine"


def test_telling_imports_no_torch() -> None:
    code = "import sys, lambda_studio.models.stacks.presence; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
