"""Read, use and go on with files of every released format, each as the code of its time wrote it.

`make_formats.py` beside this made them, once for each version. A new version gets a new folder, and the old ones stay.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from cli.main import run
from lambda_studio.config import FinetuneConfig
from lambda_studio.pictures.texts.picture_texts import read_texts
from tests.formats.make_formats import USER, write_keys

RELEASED = sorted(file.parent for file in Path(__file__).parent.glob("*/session.json"))
READING = (
    "adapters-list",
    "adapters-show",
    "concepts-history",
    "concepts-list",
    "concepts-list-removed",
    "concepts-show",
    "concepts-similar",
    "library-list",
    "library-members",
)
"""Answers that an old home must still give, value by value."""
KINDS = {bool: "bool", int: "number", float: "number", str: "text", dict: "object", list: "list", type(None): "null"}
ALIKE = 1.0
"""How far apart two drawings of one picture may be, in levels of 255: processors round differently."""

STEPS = 12
"""Of the runs that were stopped."""

Call = Callable[..., Any]


@pytest.fixture(params=RELEASED, ids=lambda folder: folder.name)
def released(request: pytest.FixtureRequest) -> Path:
    """The folder of a released version's files. Read only."""
    return request.param


@pytest.fixture
def studio(
    released: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    studios_share_a_door: None,
) -> Call:
    """Anna's computer: a copy of her files, the current folder; calls a command line and gives what it answers."""
    place = tmp_path / "anna"
    shutil.copytree(released, place)
    for name in ("STUDIO_LIBRARY", "STUDIO_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STUDIO_HOME", "home")
    monkeypatch.setenv("STUDIO_STACK", "models/tiny.toml")
    monkeypatch.setenv("STUDIO_USER", USER)
    monkeypatch.chdir(place)

    def call(line: str) -> Any:
        capsys.readouterr()
        code = run([*shlex.split(line), "--json"])
        said = capsys.readouterr()
        assert code == 0, f"studio {line} ended with {code}: {said.err}"
        told = json.loads(said.out)
        assert {each["format"] for each in (told if isinstance(told, list) else [told])} <= {1}
        return told

    return call


def answer(released: Path, name: str) -> Any:
    return json.loads((released / "answers" / f"{name}.json").read_text(encoding="utf-8"))


def lacks(new: Any, old: Any, values: bool, where: str = "") -> list[str]:
    """What of an old answer a new one does not have: keys, items, kinds of value and, where asked, values."""
    if isinstance(old, dict) and isinstance(new, dict):
        gone = [f"{where}.{key} is gone" for key in old.keys() - new.keys()]
        both = sorted(old.keys() & new.keys())
        return gone + [fault for key in both for fault in lacks(new[key], old[key], values, f"{where}.{key}")]
    if isinstance(old, list) and isinstance(new, list):
        gone = [f"{where} has {len(new)} items, and had {len(old)}"] if len(new) < len(old) else []
        pairs = enumerate(zip(new, old, strict=False))
        return gone + [fault for n, pair in pairs for fault in lacks(*pair, values, f"{where}[{n}]")]
    if old is not None and KINDS[type(new)] != KINDS[type(old)]:
        return [f"{where} is {new!r}, and was {old!r}"]
    same = new == (pytest.approx(old, abs=1e-4) if isinstance(old, float) else old)
    return [] if same or not values else [f"{where} is {new!r}, and was {old!r}"]


def far(one: Path, other: Path) -> float:
    """The mean difference of two pictures, in levels of 255."""
    first, second = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in (one, other))
    return float(abs(first - second).mean())


def adapter_of(picture: str) -> str | None:
    """The SHA-256 of the adapter that a new picture was drawn with, if any."""
    return next((sha for sha, _ in read_texts(Path(picture)).adapters), None)


def losses(run_id: int) -> list[float]:
    """What a run's log says, line by line."""
    lines = [json.loads(line) for line in Path("home/runs", str(run_id), "loss.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


def test_there_are_files_of_a_version() -> None:
    assert [folder.name for folder in RELEASED] == ["0.1"]


def test_an_old_home_is_upgraded_and_is_whole(studio: Call) -> None:
    studio("db upgrade")
    assert studio("db check")["faults"] == []
    assert [each["remedy"] for each in studio("doctor") if each["remedy"]] == []
    files = studio("concepts originals rex files")["files"]
    photos = [Path("photos", name).read_bytes() for name in ("rex1.png", "rex2.png")]
    assert [Path("files", name).read_bytes() for name in files] == photos


@pytest.mark.parametrize("name", READING)
def test_an_old_home_answers_as_it_did(released: Path, studio: Call, name: str) -> None:
    line = json.loads(Path("session.json").read_text())["session"][name]
    assert lacks(studio(line), answer(released, name), values=True) == []


def test_cached_embeddings_of_an_old_home_are_found_again(studio: Call) -> None:
    assert studio("concepts show rex")["embeddings"] == {"tiny": 2}, "by encoders.json and the cache's key"
    again = studio("add-concept again photos/rex1.png photos/rex2.png --noun dog --segment none")
    assert (again["encoded"], again["cached"]) == (0, 2)


@pytest.mark.parametrize("name", ["lora", "full", "full-2"])
def test_an_old_picture_is_drawn_again_from_its_own_texts(studio: Call, name: str) -> None:
    old = Path("pictures", f"{name}.png")
    said = Image.open(old).text
    assert (said["stack"], said["Software"]) == ("tiny", "lambda-studio")
    concepts = json.loads(said["concepts"])
    assert {each["name"]: each["manifest"] for each in concepts}["rex"] == studio("concepts show rex")["concept"][
        "manifest"
    ]
    settings = json.loads(said["settings"])
    line = f"generate {shlex.quote(said['prompt'])} --seed {said['seed']} --steps {settings['num_inference_steps']}"
    line += f" --guidance {settings['guidance_scale']}"
    drawn, without = (
        studio(f"{line} --adapter {said['adapter']} --out a.png"),
        studio(f"{line} --adapter none --out b.png"),
    )
    assert adapter_of("a.png") == said["adapter"] == studio(f"adapters show {drawn['adapter']}")["sha256"]
    assert far(Path("a.png"), old) < ALIKE < far(Path(without["pictures"][0]["path"]), old)


def test_an_adapter_of_the_miniature_is_used_or_told_to_be_of_other_weights(
    studio: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    on_miniature = "--stack miniature --library drawn"
    (adapter,) = studio(f"adapters list {on_miniature}")
    assert (adapter["method"], adapter["knows"], adapter["missing"]) == ("lora", {"ball": 1}, False)
    line = shlex.split(f"generate 'a <ball>' --steps 1 --out a.png {on_miniature}")
    assert run(line) == 0
    used, other = adapter_of("a.png") == adapter["sha256"], "were trained for other weights"
    assert used != (other in capsys.readouterr().err)


@pytest.mark.parametrize("name", ["rex", "hat"])
def test_an_unfinished_run_is_resumed_to_its_end(released: Path, studio: Call, name: str) -> None:
    stopped = answer(released, {"rex": "finetune-stopped", "hat": "finetune-full-stopped"}[name])
    before = losses(stopped["run_id"])
    done = studio(f"finetune {name} --resume")
    assert (done["run_id"], done["steps"], done["concepts"]) == (stopped["run_id"], STEPS, [name])
    after = losses(done["run_id"])
    assert len(after) == STEPS
    assert after[: stopped["steps"]] == before, "it began anew"
    assert studio(f"generate 'a <{name}>' --steps 1 --out a.png")["adapter"] == done["adapter"]["id"]
    assert adapter_of("a.png") == done["adapter"]["sha256"]
    if name == "rex":
        assert_alike(done["adapter"], studio("adapters show 1"))


@dataclass(frozen=True, kw_only=True)
class GrownConfig(FinetuneConfig):
    """The settings of a later version, with one more."""

    noise_offset: float = 0.0


def test_an_unfinished_run_is_resumed_by_a_version_that_has_a_setting_more(
    released: Path, studio: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lambda_studio.workflows.tuning.run  # so that every module that knows the settings is there to be changed

    modules = [module for module in list(sys.modules.values()) if vars(module).get("FinetuneConfig") is FinetuneConfig]
    assert lambda_studio.training.checkpoints.resume in modules
    for module in modules:
        if module.__name__ != __name__:
            monkeypatch.setattr(module, "FinetuneConfig", GrownConfig)
    done = studio("finetune rex --resume")
    assert (done["run_id"], done["steps"]) == (answer(released, "finetune-stopped")["run_id"], STEPS)
    assert done["adapter"]["settings"]["noise_offset"] == 0.0


def assert_alike(resumed: dict[str, Any], whole: dict[str, Any]) -> None:
    """The adapter of the resumed run is the one of then that was trained with the same settings in one go."""
    assert lacks(resumed["settings"], whole["settings"], values=True) == []
    ours, theirs = load_file(resumed["path"]), load_file(whole["path"])
    assert ours.keys() == theirs.keys()
    for key, tensor in ours.items():
        assert float((tensor - theirs[key]).norm() / theirs[key].norm()) < 0.01, key


@pytest.mark.parametrize("name", ["pictures", "without-pictures", "signed"])
def test_an_old_bundle_comes_in_and_what_goes_out_again_is_the_same(released: Path, studio: Call, name: str) -> None:
    trusted = "--trusted-key bundles/anna.pub" if name == "signed" else ""
    told = studio(f"library import bundles/{name}.zip --home other {trusted}")
    concepts = {each["name"]: each["noun"] for each in told["concepts"]}
    assert concepts == ({"rex": "dog", "hat": "hat"} if name == "pictures" else {"rex": "dog"})
    assert {each["state"] for each in told["concepts"]} == {"added"}
    assert (told["verified"], bool(told["signed_by"])) == (name == "signed", name == "signed")
    if name != "without-pictures":
        manifests = [studio(f"concepts show rex {home}")["concept"]["manifest"] for home in ("", "--home other")]
        assert manifests[0] == manifests[1]
    studio("library export --out again.zip --home other")
    back = studio("library import again.zip --home other")
    assert {each["state"] for each in back["concepts"]} == {"there already"}
    assert studio("generate 'a <rex>' --steps 1 --out a.png --home other")["pictures"]


def test_the_command_lines_of_then_run_and_their_answers_hold_what_they_held(
    released: Path, studio: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", "new home")
    then = json.loads(Path("session.json").read_text())
    shutil.rmtree("bundles"), shutil.rmtree("pictures")
    Path("bundles").mkdir(), Path("pictures").mkdir()
    write_keys(Path("anna"), Path("bundles/anna.pub"))
    faults = []
    for name, line in then["session"].items():
        for before in then["unrecorded"].get(name, ()):
            studio(before)
        faults += lacks(studio(line), answer(released, name), values=False, where=name)
    assert faults == []
