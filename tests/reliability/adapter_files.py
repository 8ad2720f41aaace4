"""Adapter files as a stranger may write them, byte by byte: right ones, and everything that can be wrong with one."""

import json
import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BASE = "ab" * 32
"""The fingerprint of the model that the right files are for."""
RANK, WIDTH = 2, 6
MODULES = ("attn.to_q", "attn.to_k", "attn.to_out.0")
Json = Any


def said(**changes: Json) -> str:
    """What a file says of itself."""
    plain = {"method": "lora", "rank": RANK, "stack": "tiny", "base_fingerprint": BASE, "concepts": [], "settings": {}}
    return json.dumps({**plain, "format": 1, **changes}, sort_keys=True, separators=(",", ":"))


def updates() -> dict[str, np.ndarray]:
    """A low-rank update of each module."""
    numbers = np.random.default_rng(0)
    tensors = {}
    for module in MODULES:
        tensors[f"{module}.lora_A.weight"] = numbers.standard_normal((RANK, WIDTH)).astype("<f4")
        tensors[f"{module}.lora_B.weight"] = numbers.standard_normal((WIDTH, RANK)).astype("<f4")
    return tensors


def whole() -> dict[str, np.ndarray]:
    """All weights of the model, other than they are."""
    numbers = np.random.default_rng(1)
    tensors = {f"{module}.weight": numbers.standard_normal((WIDTH, WIDTH)).astype("<f4") for module in MODULES}
    return {**tensors, "attn.norm": numbers.standard_normal(WIDTH).astype("<f4")}


def described(tensors: dict[str, np.ndarray]) -> tuple[dict[str, Json], bytes]:
    """The header's entries of these tensors, and their bytes one after the other."""
    entries, body = {}, b""
    for name, tensor in tensors.items():
        data, kind = (
            tensor.tobytes(),
            {"f4": "F32", "f2": "F16", "f8": "F64", "i4": "I32", "b1": "BOOL"}[tensor.dtype.str[1:]],
        )
        entries[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    return entries, body


def file_of(header: Json, body: bytes, metadata: Json = None, length: int | None = None) -> bytes:
    """A safetensors file: the length of its header, the header, the tensors' bytes."""
    if isinstance(header, dict):
        header = json.dumps({"__metadata__": {"lambda_studio": said()} if metadata is None else metadata, **header})
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def adapter(tensors: dict[str, np.ndarray], **changes: Json) -> bytes:
    """A whole file of these tensors."""
    entries, body = described(tensors)
    return file_of(entries, body, {"lambda_studio": said(**changes)})


LORA, FULL = adapter(updates()), adapter(whole(), method="full", rank=0)


@dataclass(frozen=True)
class Case:
    """A file's bytes, and whether it may be applied. None: there is a folder instead."""

    name: str
    content: bytes | None
    right: bool = False


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("a right update", LORA, right=True)
    yield Case("a right model", FULL, right=True)
    halves = {name: tensor.astype("<f2") for name, tensor in updates().items()}
    yield Case("a right update in half precision", adapter(halves), right=True)
    yield Case("a folder", None)
    for family in (said_more, no_safetensors, odd_headers, odd_offsets, odd_tensors, said_wrong):
        yield from family()


def said_more() -> Iterator[Case]:
    """Right files of other times and tools: without a number, with fields or metadata that we do not know."""
    entries, body = described(updates())
    without = json.dumps({key: value for key, value in json.loads(said()).items() if key != "format"})
    yield Case("what 0.1 said, without a number", file_of(entries, body, {"lambda_studio": without}), right=True)
    yield Case("a field of a later version", adapter(updates(), more=[{"a": 1}]), right=True)
    for key, value in (("format", "pt"), ("modelspec.title", "rex"), ("", ""), ("x" * 1000, "é" * 1000)):
        yield Case(
            f"metadata {key[:20]!r} beside it", file_of(entries, body, {"lambda_studio": said(), key: value}), True
        )


def no_safetensors() -> Iterator[Case]:
    """Other files, and files that end too soon or go on too long."""
    for what, content in (
        ("nothing", b""),
        ("a pickle", pickle.dumps({"a": 1})),
        ("a zip", b"PK\3\4" + bytes(100)),
        ("zeros", bytes(1000)),
        ("ones", b"\xff" * 1000),
        ("text", b"lora " * 50),
        ("one byte more", LORA + b"\0"),
        ("a pickle after it", LORA + pickle.dumps([1])),
        ("a zip after it", LORA + b"PK\5\6" + bytes(18)),
        ("two of it", LORA + LORA),
        ("something before it", b"\0" + LORA),
    ):
        yield Case(what, content)
    for at in (1, 7, 8, 9, 50, 100, len(LORA) // 2, len(LORA) - 4, len(LORA) - 1):
        yield Case(f"its first {at} bytes", LORA[:at])


def odd_headers() -> Iterator[Case]:
    """Headers that lie about their length, or are no table of tensors."""
    entries, body = described(updates())
    for length in (0, 1, 2, 10, 4 * 2**20 + 1, 2**31, 2**32, 2**63, 2**64 - 1):
        yield Case(f"a header that says {length} bytes", file_of(entries, body, length=length))
    empty = {f"t{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(20_001)}
    yield Case("20,001 empty tensors", file_of(empty, b""))
    yield Case("5 MB of header", file_of({**entries, "x" * 5_000_000: {}}, body))
    text = file_of(entries, b"")[8:]
    first = json.dumps(next(iter(entries)))[1:-1].encode()
    for what, header in (
        ("a list", b"[]"),
        ("a number", b"12"),
        ("null", b"null"),
        ("deep", b'{"a":' * 50_000),
        ("deep in itself", b'{"__metadata__":' + b"[" * 50_000),
        ("not UTF-8", b'{"\xff": 1}'),
        ("no JSON", b"{'a': 1}"),
        ("with NaN", text.replace(b"[2, 6]", b"[NaN, 6]", 1)),
        (
            "with a tensor twice",
            text[:-1] + b', "' + first + b'": ' + json.dumps(entries[next(iter(entries))]).encode() + b"}",
        ),
        ("with metadata twice", text[:-1] + b', "__metadata__": {"lambda_studio": "{}"}}'),
        ("with a very long number", text.replace(b"[2, 6]", b"[" + b"9" * 5000 + b", 6]", 1)),
        ("with a shape of 2^62", text.replace(b"[2, 6]", b"[4611686018427387904, 6]", 1)),
        ("with a negative shape", text.replace(b"[2, 6]", b"[-2, -6]", 1)),
        ("with a broken shape", text.replace(b"[2, 6]", b"[2.0, 6]", 1)),
        ("with a shape that is text", text.replace(b"[2, 6]", b'"2x6"', 1)),
        ("without a dtype", text.replace(b'"dtype": "F32", ', b"", 1)),
        ("with an unknown dtype", text.replace(b'"F32"', b'"F33"', 1)),
        ("with one dtype of another width", text.replace(b'"F32"', b'"F64"', 1)),
        ("with integers", text.replace(b'"F32"', b'"I32"')),
        ("with 8-bit numbers", text.replace(b'"F32"', b'"F8_E4M3"')),
        ("with a zero in a name", text.replace(b"attn.to_q", b"attn\\u0000to_q")),
    ):
        yield Case(f"a header that is {what}", file_of(header, body))


def odd_offsets() -> Iterator[Case]:
    """Tensors that overlap, leave gaps, run backwards or lie outside."""
    entries, body = described(updates())
    name = next(iter(entries))
    for offsets in (
        [48, 0],
        [0, 47],
        [0, 49],
        [1, 49],
        [-48, 0],
        [48, 96],
        [10**9, 10**9 + 48],
        [0, 2**64],
        [0],
        [],
        [0, 48, 96],
        "x",
        None,
        [0.0, 48.0],
        [True, 48],
    ):
        changed = {**entries, name: {**entries[name], "data_offsets": offsets}}
        yield Case(f"offsets {str(offsets)[:30]}", file_of(changed, body))
    shifted = {key: {**each, "data_offsets": [at + 8 for at in each["data_offsets"]]} for key, each in entries.items()}
    yield Case("a gap at the start", file_of(shifted, bytes(8) + body))
    yield Case("a gap at the end", file_of(entries, body + bytes(8)))
    yield Case("no bytes at all", file_of(entries, b""))


def odd_tensors() -> Iterator[Case]:
    """Files that are whole, and hold what does not fit."""
    right, name = updates(), next(iter(updates()))
    for value in (np.nan, np.inf, -np.inf):
        bad = right[name].copy()
        bad[1, 3] = value
        yield Case(f"a value that is {value}", adapter({**right, name: bad}))
        model = whole()
        model["attn.norm"] = np.full(WIDTH, value, dtype="<f4")
        yield Case(f"a model with {value}", adapter(model, method="full", rank=0))
    for shape in (
        (RANK, WIDTH + 1),
        (RANK + 1, WIDTH),
        (WIDTH, RANK),
        (RANK * WIDTH,),
        (1, RANK, WIDTH),
        (0, WIDTH),
        (),
    ):
        yield Case(f"an update of shape {shape}", adapter({**right, name: np.zeros(shape, dtype="<f4")}))
    for more in (
        "attn.to_v.lora_A.weight",
        "attn.norm",
        "attn.to_q.lora_C.weight",
        "",
        ".lora_A.weight",
        "__class__",
        "attn.norm.lora_A.weight",
    ):
        yield Case(f"a tensor {more!r} more", adapter({**right, more: np.zeros((RANK, WIDTH), dtype="<f4")}))
    for other in ("norm", "attn", "other.to_q"):
        pair = {f"{other}.lora_A.weight": right[name], f"{other}.lora_B.weight": right[name].T.copy()}
        yield Case(f"an update of {other}", adapter({**right, **pair}))
    yield Case("half an update", adapter({key: tensor for key, tensor in right.items() if key != name}))
    yield Case("no tensors", adapter({}))
    yield Case("only truths", adapter({key: tensor.astype("?") for key, tensor in right.items()}))
    yield Case("only integers", adapter({key: tensor.astype("<i4") for key, tensor in right.items()}))
    model = whole()
    yield Case("a model without a weight", adapter({key: model[key] for key in list(model)[1:]}, method="full", rank=0))
    yield Case("a model with a weight more", adapter({**model, "more": model["attn.norm"]}, method="full", rank=0))
    yield Case("a model of another width", adapter({**model, "attn.norm": np.zeros(7, "<f4")}, method="full", rank=0))
    yield Case("an update that says it is a model", adapter(right, method="full", rank=0))
    yield Case("a model that says it is an update", adapter(model))
    large = {key: np.full_like(tensor, 3e38) for key, tensor in right.items()}
    yield Case("updates that grow beyond all numbers", adapter(large))


def said_wrong() -> Iterator[Case]:
    """Whole files that say of themselves what cannot be."""
    tensors = updates()
    entries, body = described(tensors)
    for key, values in {
        "method": ["", "pickle", None, 1, ["lora"]],
        "lora_alpha": ["2", True, [2.0], 10**400],
        "use_dora": [True, 1, "yes"],
        "use_rslora": [1, None, "no"],
        "rank": [0, 1, 3, -1, 10**9, 2.0, "2", None, True],
        "stack": [None, 1, []],
        "base_fingerprint": ["", "cd" * 32, None, BASE.upper(), BASE + " "],
        "concepts": [None, {}, "rex", [1], [None]],
        "settings": [None, [], "x"],
        "format": [0, 3, -1, 10**400, 1.0, "1", True, None],
    }.items():
        for value in values:
            yield Case(f"{key} is {str(value)[:20]!r}", adapter(tensors, **{key: value}))
    for what, metadata in (
        ("none", {}),
        ("another's", {"format": "pt"}),
        ("text and a number", {"lambda_studio": said(), "more": 1}),
        ("text and a table", {"lambda_studio": said(), "more": {"a": "b"}}),
        ("no text", {"lambda_studio": 1}),
        ("a list", []),
        ("text", "x"),
        ("no JSON", {"lambda_studio": "{"}),
        ("a list inside", {"lambda_studio": "[]"}),
        ("NaN inside", {"lambda_studio": said(settings={"a": float("nan")})}),
        ("deep inside", {"lambda_studio": "[" * 50_000}),
        ("a key twice inside", {"lambda_studio": said()[:-1] + ',"rank":2}'}),
    ):
        yield Case(f"metadata that is {what}", file_of(entries, body, metadata))


def written(case: Case, folder: Path) -> Path:
    """The file, or the folder, in a folder."""
    path = folder / "a.safetensors"
    if case.content is None:
        path.mkdir()
    else:
        path.write_bytes(case.content)
    return path
