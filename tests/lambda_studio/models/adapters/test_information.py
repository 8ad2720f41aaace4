"""An adapter's file says what it is: old and newer files, files of other tools, and hostile ones."""

import json
import struct
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters import information
from lambda_studio.models.adapters.information import ADAPTER_FORMAT, MAX_TENSORS, AdapterInfo, read_adapter_info

INFO = AdapterInfo(
    method="lora",
    rank=4,
    stack="tiny",
    base_fingerprint="ab" * 32,
    concepts=({"name": "rex", "library": "default", "version": 2, "manifest": "ab" * 32},),
    settings={"steps": 3, "learning_rate": 1e-4},
)
RELEASED = Path(__file__).parents[3] / "formats"


def write_raw(file: Path, header: bytes, data: bytes = b"") -> Path:
    file.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return file


def saying(folder: Path, said: Any, **beside: Any) -> Path:
    """A file without tensors that says this of itself, with other metadata beside it."""
    metadata = {"lambda_studio": said if isinstance(said, str) else json.dumps(said), **beside}
    return write_raw(folder / "a.safetensors", json.dumps({"__metadata__": metadata}).encode())


def test_what_is_written_is_read_and_is_canonical(tmp_path: Path) -> None:
    text = INFO.to_json()
    given = ("method", "rank", "stack", "base_fingerprint", "settings")
    assert json.loads(text) == {
        **{name: getattr(INFO, name) for name in given},
        "concepts": list(INFO.concepts),
        "format": 1,
    }, "as format 1 was written before there was another"
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert read_adapter_info(saying(tmp_path, text)) == INFO


def test_a_file_has_the_keys_that_modelspec_requires_beside_ours(tmp_path: Path) -> None:
    metadata = INFO.metadata()
    assert metadata == {
        "lambda_studio": INFO.to_json(),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "tiny/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "LoRA of rank 4 for tiny: rex",
    }
    full = replace(INFO, method="full", concepts=()).metadata()
    assert (full["modelspec.architecture"], full["modelspec.title"]) == ("tiny", "UNet for tiny")
    assert replace(INFO, settings={"name": "Pets"}).metadata()["modelspec.title"] == "Pets"
    assert replace(INFO, use_dora=True).title == "DoRA of rank 4 for tiny"
    header = json.dumps({"__metadata__": metadata}).encode()
    assert read_adapter_info(write_raw(tmp_path / "a.safetensors", header)) == INFO


@pytest.mark.parametrize(
    "shape", [{"lora_alpha": 8.0}, {"use_dora": True}, {"use_rslora": True}, {"targets": "image"}], ids=str
)
def test_a_lora_of_another_shape_has_a_format_that_older_versions_refuse(tmp_path: Path, shape: dict[str, Any]) -> None:
    shaped = replace(INFO, **shape)
    assert (shaped.format, INFO.format) == (2, 1)
    assert json.loads(shaped.to_json()) == {**json.loads(INFO.to_json()), **shape, "format": 2}
    assert read_adapter_info(saying(tmp_path, shaped.to_json())) == shaped


def test_every_released_file_says_the_same_with_and_without_a_number() -> None:
    files = sorted(RELEASED.glob("*/home/adapters/*.safetensors"))
    assert {read_adapter_info(file).method for file in files} == {"lora", "full"}


def test_a_file_without_a_number_is_of_the_first_format(tmp_path: Path) -> None:
    said = json.loads(INFO.to_json())
    del said["format"]
    assert read_adapter_info(saying(tmp_path, said)) == INFO


def test_what_other_tools_write_beside_it_does_not_matter(tmp_path: Path) -> None:
    beside = {"format": "pt", "modelspec.title": "rex", "modelspec.architecture": "kandinsky"}
    assert read_adapter_info(saying(tmp_path, INFO.to_json(), **beside)) == INFO


def test_keys_that_this_version_does_not_know_are_ignored(tmp_path: Path) -> None:
    said = {**json.loads(INFO.to_json()), "objective": "eq-2", "made": {"by": [1, 2]}}
    assert read_adapter_info(saying(tmp_path, said)) == INFO


def test_a_newer_format_is_refused_with_the_remedy_to_update(tmp_path: Path) -> None:
    said = {"format": ADAPTER_FORMAT + 1, "kind": "something else entirely"}
    with pytest.raises(ModelFilesInvalid) as error:
        read_adapter_info(saying(tmp_path, said))
    assert error.value.cause == "a.safetensors has format 3, and this version of λ-Studio reads formats up to 2."
    assert error.value.remedy == "Update λ-Studio: pip install -U lambda-studio."


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None, [1]])
def test_a_format_that_is_no_number_is_refused(tmp_path: Path, number: Any) -> None:
    said = {**json.loads(INFO.to_json()), "format": number}
    with pytest.raises(ModelFilesInvalid, match=r"its format is .*, not a number from 1"):
        read_adapter_info(saying(tmp_path, said))


def test_a_field_that_is_added_leaves_the_files_of_before_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Grown(AdapterInfo):
        note: str = "none"

    before = saying(tmp_path, INFO.to_json())
    monkeypatch.setattr(information, "AdapterInfo", Grown)
    assert read_adapter_info(before) == Grown(**asdict(INFO))
    grown = replace(Grown(**asdict(INFO)), note="soft")
    assert read_adapter_info(saying(tmp_path, grown.to_json())) == grown
    with pytest.raises(ModelFilesInvalid, match="has the wrong types"):
        read_adapter_info(saying(tmp_path, {**json.loads(grown.to_json()), "note": 1}))
    monkeypatch.undo()
    assert read_adapter_info(saying(tmp_path, grown.to_json())) == INFO


def hostile_headers() -> dict[str, str]:
    said = INFO.to_json()
    metadata = json.dumps({"lambda_studio": said})
    tensor = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    many = ",".join(f'"t{i}":{tensor}' for i in range(MAX_TENSORS + 1))

    def changed(**changes: Any) -> str:
        return json.dumps({"__metadata__": {"lambda_studio": json.dumps({**asdict(INFO), **changes})}})

    return {
        "a key is duplicated": f'{{"__metadata__":{metadata},"a":{tensor},"a":{tensor}}}',
        "at most 20000 tensors": f'{{"__metadata__":{metadata},{many}}}',
        "its header is not a list": "[]",
        "its header cannot be read": '{"__metadata__": ' + "[" * 100_000,
        "its header has an invalid length": "{" + " " * (4 * 2**20) + "}",
        "it has no λ-Studio metadata": json.dumps({"__metadata__": {"format": "pt"}}),
        "it has no λ-Studio": "{}",
        "its metadata is not text": json.dumps({"__metadata__": {"lambda_studio": said, "more": 1}}),
        "cannot be read: Expecting value": json.dumps({"__metadata__": {"lambda_studio": ""}}),
        "NaN is not a JSON number": json.dumps({"__metadata__": {"lambda_studio": said.replace("0.0001", "NaN")}}),
        "its metadata is not a table": json.dumps({"__metadata__": {"lambda_studio": "[]"}}),
        "its metadata is incomplete": json.dumps({"__metadata__": {"lambda_studio": "{}"}}),
        "its method is 'pickle'": changed(method="pickle"),
        "its rank is 0": changed(rank=0),
        "metadata has the wrong types": changed(lora_alpha="16"),
        "has the wrong types": changed(rank="4"),
        "its metadata has the wrong types": changed(rank=True),
        "its concepts have the wrong types": changed(concepts=["rex"]),
    }


@pytest.mark.parametrize("said", hostile_headers())
def test_hostile_headers_are_refused_before_any_tensor_is_read(said: str, tmp_path: Path) -> None:
    file = write_raw(tmp_path / "hostile.safetensors", hostile_headers()[said].encode())
    with pytest.raises(ModelFilesInvalid) as error:
        read_adapter_info(file)
    assert said in error.value.cause
    assert len(error.value.cause) < 300


@pytest.mark.parametrize("content", [b"", b"\x02", struct.pack("<Q", 2**63), struct.pack("<Q", 100) + b"{}"])
def test_a_cut_off_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ModelFilesInvalid, match="its header has an invalid length"):
        read_adapter_info(tmp_path / "a.safetensors")


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(ModelFilesMissing, match="There is no adapter file"):
            read_adapter_info(path)
