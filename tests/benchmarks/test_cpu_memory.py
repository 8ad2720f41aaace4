"""The memory without a GPU: counted and taken stand beside each other."""

import json
import subprocess
import sys

from benchmarks.measured import ROOT
from lambda_studio.models.stacks.planning import WORKSPACE


def test_what_is_counted_stands_beside_what_a_process_takes() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "cpu_memory.py"), "--tiny", "--rows", "draws-256", "lora-256"]
    answer = subprocess.run(script, capture_output=True, text=True, check=True)
    for row, line in zip(("draws-256", "lora-256"), answer.stdout.splitlines(), strict=True):
        found = json.loads(line)
        assert set(found) == {f"{row} counted", f"{row} taken", f"{row} taken to counted"}
        networks = found[f"{row} counted"] - WORKSPACE / 2**30
        assert 0 < networks < 0.05, "they are tiny"
        assert 0 < found[f"{row} taken"] < found[f"{row} counted"]
