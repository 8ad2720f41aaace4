"""The ten lines of the page on Python run as they are written, on the miniature."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from lambda_studio import FinetuneConfig, Studio
from lambda_studio.errors import InvalidSetting
from lambda_studio.processes.isolated import environment
from tests.docs.pages import ROOT


def test_the_ten_lines_of_python_run_as_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    code = found[1]
    assert len([line for line in code.splitlines() if line]) <= 10
    assert code.count("steps=400") == 1
    code = code.replace(
        "steps=400", "steps=1, batch_size=1, preview_every=0"
    )  # as written, but for the minutes that it takes
    code = code.replace("GenerateConfig(seed=1)", "GenerateConfig(seed=1, num_inference_steps=2)")
    for number in (1, 2):
        photo = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(photo).rectangle((20 + 4 * number, 24, 70, 72), fill=(20, 30, 180))
        photo.save(tmp_path / f"photo{number}.jpg")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "AdapterCard(id=1" in done.stdout
    assert len(list((tmp_path / "outputs").glob("*.png"))) == 3


def test_the_pipelines_of_diffusers_run_as_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").partition("## In diffusers")[2]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None and found[1].count("guidance_scale=3.0") == 1
    code = found[1].replace("guidance_scale=3.0", "guidance_scale=3.0, num_inference_steps=2")
    for number in (1, 2):
        Image.effect_noise((96, 96), 40).convert("RGB").save(tmp_path / f"photo{number}.jpg")
    code += "\nassert len(drawn) == 4\nLambdaEclipsePriorPipeline.from_pretrained('my-prior')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "beach.png") as drawn:
        assert drawn.size == (128, 128)


@pytest.mark.slow  # four starts of Python
def test_the_script_for_several_processes_runs_as_written_and_its_adapter_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "fine-tuning.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n# train.py\n(.*?)```", text, re.DOTALL)
    assert found is not None and found[1].count("steps=400, batch_size=4") == 1
    code = found[1].replace("steps=400, batch_size=4", "steps=2, batch_size=1")
    (tmp_path / "train.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}")
    photo = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(photo).rectangle((24, 24, 70, 72), fill=(20, 30, 180))
    photo.save(tmp_path / "photo.jpg")
    with Studio(tmp_path / "home") as studio:
        studio.concepts.add("rex", [tmp_path / "photo.jpg"], noun="dog")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launcher = ["torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1", "--master_port", port]
    done = subprocess.run(
        [sys.executable, "-I", "-m", *launcher, "train.py"],
        cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "loss.jsonl").read_text().splitlines()) == 2
    with Studio(tmp_path / "home") as studio:
        assert studio.adapters.import_(tmp_path / "rex-lora", knows=["rex"]).knows == {"rex": 1}
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.raises(InvalidSetting, match="A launcher started 2 processes") as refused:
            studio.finetune(["rex"], FinetuneConfig(steps=1))
        assert '"Several GPUs or processes" in docs/fine-tuning.md' in refused.value.remedy
        monkeypatch.setenv("WORLD_SIZE", "1")
        assert studio.finetune(["rex"], FinetuneConfig(steps=1, batch_size=1, preview_every=0)).run_id == 1
