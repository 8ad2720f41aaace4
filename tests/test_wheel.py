"""What a person installs: four packages, with their migrations and weights, and nothing else."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "concepts", "migrations", "lambda_studio")
LARGEST = 16 * 2**20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that the repository stays clean; with what is installed, so that no network is needed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    wanted = {path.relative_to(ROOT).as_posix() for path in sources if "__pycache__" not in path.parts}
    assert packed == wanted


def test_the_wheel_can_migrate(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {"migrations/env.py", "migrations/script.py.mako"} <= set(names)
    assert any(name.startswith("migrations/versions/0001") for name in names)


def test_no_file_is_too_large(wheel: zipfile.ZipFile) -> None:
    assert {item.filename: item.file_size for item in wheel.infolist() if item.file_size > LARGEST} == {}


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    info = {Path(name).name: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name}
    assert "Name: lambda-studio" in info["METADATA"]
    assert "Classifier: Private :: Do Not Upload" in info["METADATA"]
    assert "Apache License" in info["LICENSE"]
    assert info["entry_points.txt"].split() == (
        ["[console_scripts]", "lambda-studio", "=", "cli.start:main", "studio", "=", "cli.start:main"]
    )
