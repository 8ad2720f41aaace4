"""The ten lines of the page on Python run as they are written, on the miniature."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from tests.docs.pages import ROOT


def test_the_ten_lines_of_python_run_as_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    code = found[1]
    assert len([line for line in code.splitlines() if line]) <= 10
    assert code.count("steps=400") == 1
    code = code.replace("steps=400", "steps=1, batch_size=1")  # as written, but for the minutes that it takes
    code = code.replace("GenerateConfig(seed=1)", "GenerateConfig(seed=1, num_inference_steps=2)")
    for number in (1, 2):
        photo = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(photo).rectangle((20 + 4 * number, 24, 70, 72), fill=(20, 30, 180))
        photo.save(tmp_path / f"photo{number}.jpg")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "AdapterCard(id=1" in done.stdout
    assert len(list((tmp_path / "outputs").glob("*.png"))) == 3
