"""Read the PNG text chunks of a generated picture, without a decoder and as untrusted input.

Only the chunks' lengths, checksums and texts are read; the pixels are not.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from lambda_studio.errors import ImageRefused
from lambda_studio.formats import UPDATE, parse_json, too_new
from lambda_studio.settings.adapters import LARGEST_SCALE
from lambda_studio.settings.pictures import ROLES

FORMAT_KEY = "lambda-studio format"
TEXTS_FORMAT = 3
"""Format 2 is a picture of several adapters, or of one that was scaled: it has the text `adapters`. Format 3 is a
picture without a prompt of its own, with the text `origin`, or one of a photograph or a depth map, with `pictures`."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
MAX_TEXT = 2**18
"""The maximum bytes of one text chunk."""
MAX_TEXTS = 64
REMEDY = "Give a PNG that studio generate wrote, with its texts: not one of --no-metadata."
SHA = r"[0-9a-f]{64}"
CONCEPT_FIELDS = {"name": str, "noun": str, "library": str, "version": int, "manifest": str}


@dataclass(frozen=True)
class PictureTexts:
    """The inputs of a generated picture. The same concepts, stack and adapter give the same picture again."""

    prompt: str
    seed: int
    settings: dict[str, Any]
    """The GenerateConfig, and the names of the picture files that it was given. Newer versions may add more."""
    concepts: tuple[dict[str, Any], ...]
    """The name, noun, library, version and manifest of each concept in the prompt."""
    stack: str
    adapter: str | None
    """The SHA-256 of the first adapter's file, or None."""
    adapters: tuple[tuple[str, float], ...] = ()
    """The SHA-256 of each adapter's file, and the factor of its update."""
    likeness: dict[str, Any] = field(default_factory=dict)
    """How much the picture is like each concept, by the concept's name and the metric's, if it was measured."""
    weights: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each part of the stack. Pictures of earlier versions do not have it."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Of a picture without a prompt of its own: its `command`, and what that was given."""
    pictures: dict[str, dict[str, str]] = field(default_factory=dict)
    """The name and SHA-256 of each picture file that it was given, by role: `edges`, `from_image`, `mask`, `depth`.

    Version 0.1 stored only the name for edges, and no SHA-256: it is empty then.
    """


def read_texts(path: Path) -> PictureTexts:
    """Return how a picture was generated, from its texts. Unknown texts are ignored.

    Raises ImageRefused for a file that λ-Studio did not write, for invalid texts, and for a newer format.
    """
    if not path.is_file():
        raise ImageRefused(f"There is no picture {path}.", REMEDY)
    try:
        with path.open("rb") as file:
            texts = dict(_texts(file))
        _require_known_format(path, texts)
        return _picture(texts)
    except OSError as error:
        raise ImageRefused(f"{path} cannot be read: {error.strerror or error}.", REMEDY) from error
    except ValueError as error:
        raise ImageRefused(f"{path}: {str(error)[:200]}.", REMEDY) from error


def _require_known_format(path: Path, texts: dict[str, str]) -> None:
    """Check the format. Version 0.1 wrote no format number, but its name in `Software`."""
    if texts.get("Software") != "lambda-studio" or "prompt" not in texts:
        raise ValueError("it has no texts from λ-Studio")
    said = texts.get(FORMAT_KEY, "1")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", said):
        raise ValueError(f"its format is {said[:40]!r}, not a number from 1")
    if int(said) > TEXTS_FORMAT:
        raise ImageRefused(too_new(str(path), int(said), TEXTS_FORMAT), UPDATE)


def _picture(texts: dict[str, str]) -> PictureTexts:
    lacking = [key for key in ("prompt", "seed", "settings", "concepts", "stack", "adapter") if key not in texts]
    if lacking:
        raise ValueError(f"its texts lack {', '.join(lacking)}")
    seed, adapter = texts["seed"], texts["adapter"]
    if not re.fullmatch(r"[0-9]{1,20}", seed):
        raise ValueError(f"its seed is {seed[:40]!r}")
    if not re.fullmatch(r"none|[0-9a-f]{64}", adapter):
        raise ValueError(f"its adapter is {adapter[:70]!r}")
    settings, concepts = parse_json(texts["settings"]), parse_json(texts["concepts"])
    if not isinstance(settings, dict):
        raise ValueError("its settings are not a table")
    if not isinstance(concepts, list) or not all(map(_is_concept, concepts)):
        raise ValueError("its concepts are not a list of concepts")
    known = tuple({name: concept[name] for name in CONCEPT_FIELDS} for concept in concepts)
    sha = None if adapter == "none" else adapter
    adapters = _adapters(texts["adapters"]) if "adapters" in texts else ((sha, 1.0),) if sha else ()
    scores = parse_json(texts["likeness"]) if "likeness" in texts else {}
    if not isinstance(scores, dict):
        raise ValueError("its likeness is not a table")
    weights = parse_json(texts["weights"]) if "weights" in texts else {}
    if not isinstance(weights, dict) or not all(re.fullmatch(SHA, str(each)) for each in weights.values()):
        raise ValueError("its weights are not a table of SHA-256")
    return PictureTexts(
        texts["prompt"], int(seed), settings, known, texts["stack"], sha, adapters, scores, weights, _origin(texts),
        _pictures(texts, settings),
    )  # fmt: skip


def _origin(texts: dict[str, str]) -> dict[str, Any]:
    said = parse_json(texts["origin"]) if "origin" in texts else {}
    if not isinstance(said, dict) or ("origin" in texts and not _is_command(said.get("command"))):
        raise ValueError("its origin is not a table with a command")
    return said


def _is_command(words: Any) -> bool:
    return isinstance(words, list) and bool(words) and all(isinstance(each, str) for each in words)


def _pictures(texts: dict[str, str], settings: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the given pictures that the texts name. Roles that are not known are left out."""
    said = parse_json(texts.get("pictures", "{}"))
    if not isinstance(said, dict) or not all(map(_is_file, said.values())):
        raise ValueError("its pictures are not a table of files")
    older = {"edges": {"name": str(settings["edges"]), "sha256": ""}} if settings.get("edges") else {}
    return {role: each for role, each in {**older, **said}.items() if role in ROLES}


def _is_file(value: Any) -> bool:
    named = isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("sha256"), str)
    return named and re.fullmatch(r"[0-9a-f]{64}", value["sha256"]) is not None


def _adapters(text: str) -> tuple[tuple[str, float], ...]:
    said = parse_json(text)
    if not isinstance(said, list) or not all(map(_is_adapter, said)):
        raise ValueError("its adapters are not a list of adapters")
    return tuple((each["sha256"], float(each["scale"])) for each in said)


def _is_adapter(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("sha256"), str)
        and re.fullmatch(r"[0-9a-f]{64}", value["sha256"]) is not None
        and type(value.get("scale")) in (int, float)
        and abs(value["scale"]) <= LARGEST_SCALE
    )


def _is_concept(value: Any) -> bool:
    return isinstance(value, dict) and all(type(value.get(name)) is kind for name, kind in CONCEPT_FIELDS.items())


def _texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the keys and texts of a PNG's international text chunks. Compressed texts are skipped."""
    seen: set[str] = set()
    for data in _text_chunks(file):
        head, _, rest = data.partition(b"\0")
        if rest[:2] != b"\0\0":  # compressed, or of an unknown kind
            continue
        _, _, rest = rest[2:].partition(b"\0")  # the language
        _, _, text = rest.partition(b"\0")  # the key in that language
        key = head.decode("latin-1")
        if key in seen:
            raise ValueError(f"its text {key[:40]!r} is a duplicate")
        seen.add(key)
        yield key, text.decode()


def _text_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the contents of a PNG's iTXt chunks. Other chunks are skipped unread."""
    if file.read(8) != SIGNATURE:
        raise ValueError("it is not a PNG")
    found = 0
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or length >= 2**31:
            raise ValueError("it is cut off")
        if kind == b"IEND":
            return
        if kind != b"iTXt":
            file.seek(length + 4, 1)
            continue
        found += 1
        if length > MAX_TEXT or found > MAX_TEXTS:
            raise ValueError(f"it has more text than {MAX_TEXTS} chunks of {MAX_TEXT:,} bytes")
        data, checksum = file.read(length), file.read(4)
        if len(checksum) < 4:
            raise ValueError("it is cut off")
        if checksum != zlib.crc32(kind + data).to_bytes(4, "big"):
            raise ValueError("a text in it is damaged")
        yield data
    raise ValueError(f"it has more than {MAX_CHUNKS} chunks")
