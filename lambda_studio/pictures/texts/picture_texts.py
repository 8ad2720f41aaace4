"""What a picture says of how it was drawn: written into its text chunks, and read from them as untrusted input.

A picture has two text chunks: `parameters`, in the words of web interfaces for Stable Diffusion, and `lambda-studio`,
a JSON table of all that the picture depends on. Formats 1 to 3 had a chunk for each value of the table.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lambda_studio.errors import ImageRefused
from lambda_studio.formats import FORMAT, UPDATE, format_of, parse_json, too_new
from lambda_studio.pictures.texts.earlier import table_of_earlier
from lambda_studio.pictures.texts.text_chunks import text_chunks
from lambda_studio.settings.adapters import LARGEST_SCALE
from lambda_studio.settings.drawing import BatchRow
from lambda_studio.settings.pictures import ROLES

KEY = "lambda-studio"
TEXTS_FORMAT = 4
MAX_NUMBER = 2**63
MAX_PROMPT = 10_000
"""Characters. CLIP reads fewer."""
MAX_BATCH = 10_000
REMEDY = "Give a PNG that studio generate wrote, with its texts: not one of --no-metadata."
CONCEPT_FIELDS = {"name": str, "noun": str, "library": str, "version": int, "manifest": str}
ORIGINS = ("interpolate", "reconstruct")
"""The commands whose pictures have no prompt of their own."""
NEEDED_SETTINGS = ("num_inference_steps", "guidance_scale", "sampler")
NOT_STORED = ("seed", "batch_size", "score", "best", "metadata", "save_edges")
"""Settings that change no pixel but by rounding, and the seed, which has a value of its own."""
OPTIONAL = ("likeness", "origin", "pictures")
"""Values that are not written if they are empty."""


@dataclass(frozen=True)
class PictureTexts:
    """The inputs of a generated picture. The same concepts, stack and adapters give the same picture again."""

    prompt: str
    """The prompt, or what stands in its place."""
    seed: int
    settings: Mapping[str, Any]
    """The GenerateConfig, and the names of the picture files that it was given. Newer versions may add more."""
    concepts: tuple[dict[str, Any], ...]
    """The name, noun, library, version and manifest of each concept in the prompt."""
    stack: str
    adapters: tuple[tuple[str, float], ...] = ()
    """The SHA-256 of each adapter's file, and the factor of its update."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each part of the stack. Pictures of version 0.1 do not have it."""
    batch: BatchRow | None = None
    """The picture's row in the batch that was drawn at once. Pictures of formats 1 to 3 do not have it."""
    likeness: Mapping[str, Any] = field(default_factory=dict)
    """How much the picture is like each concept, by the concept's name and the metric's, if it was measured."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Of a picture without a prompt of its own: its `command`, and what that was given."""
    pictures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The name and SHA-256 of each picture file that it was given, by role: `edges`, `from_image`, `mask`, `depth`.

    Version 0.1 stored only the name for edges, and no SHA-256: it is empty then.
    """

    def chunks(self, width: int, height: int) -> dict[str, str]:
        """Return the two text chunks of the picture, which has so many pixels."""
        table = {each.name: getattr(self, each.name) for each in fields(self)}
        table["adapters"] = [{"sha256": sha, "scale": scale} for sha, scale in self.adapters]
        table["batch"] = self.batch._asdict() if self.batch else None
        said = {name: value for name, value in table.items() if value or name not in OPTIONAL}
        whole = json.dumps({FORMAT: TEXTS_FORMAT, **said}, ensure_ascii=False)
        return {"parameters": self._parameters(width, height), KEY: whole}

    def _parameters(self, width: int, height: int) -> str:
        """Return the text that web interfaces for Stable Diffusion show of a picture."""
        given = self.settings
        negative = f"Negative prompt: {given['negative_prompt']}\n" if given.get("negative_prompt") else ""
        strength = "" if given.get("strength") is None else f"Denoising strength: {given['strength']:g}, "
        return (
            f"{self.prompt}\n{negative}Steps: {given['num_inference_steps']}, Sampler: {given['sampler']}, "
            f"CFG scale: {given['guidance_scale']:g}, Seed: {self.seed}, Size: {width}x{height}, {strength}"
            f"Model: {self.stack}, Version: lambda-studio"
        )


def read_texts(path: Path) -> PictureTexts:
    """Return how a picture was generated, from its texts. Unknown texts and values are ignored.

    Raises ImageRefused for a file that λ-Studio did not write, for invalid texts, and for a newer format.
    """
    if not path.is_file():
        raise ImageRefused(f"{path} is a folder." if path.is_dir() else f"There is no picture {path}.", REMEDY)
    try:
        with path.open("rb") as file:
            texts = dict(text_chunks(file))
        said = parse_json(texts[KEY]) if KEY in texts else table_of_earlier(texts)
        if not isinstance(said, dict):
            raise ValueError("its text is not a table")
        if (number := format_of(said)) > TEXTS_FORMAT:
            raise ImageRefused(too_new(str(path), number, TEXTS_FORMAT), UPDATE)
        found = _picture(said)
        if number == TEXTS_FORMAT and (lacking := [each for each in NEEDED_SETTINGS if each not in found.settings]):
            raise ValueError(f"its settings lack {', '.join(lacking)}")
        return found
    except UnicodeError as error:
        raise ImageRefused(f"{path}: its texts are not in UTF-8.", REMEDY) from error
    except OSError as error:
        raise ImageRefused(f"{path} cannot be read: {error.strerror or error}.", REMEDY) from error
    except ValueError as error:
        raise ImageRefused(f"{path}: {str(error)[:200]}.", REMEDY) from error


def _picture(said: dict[str, Any]) -> PictureTexts:
    """Return the texts of a table. Raises ValueError for a value that is missing or invalid."""
    if lacking := [key for key in ("prompt", "seed", "settings", "concepts", "stack", "adapters") if key not in said]:
        raise ValueError(f"its texts lack {', '.join(lacking)}")
    for key, (is_valid, wrong) in CHECKS.items():
        if key in said and not is_valid(said[key]):
            raise ValueError(wrong.format(str(said[key])[:70]))
    json.dumps(said, ensure_ascii=False).encode()  # which fails for halves of surrogate pairs
    batch = said.get("batch")
    return PictureTexts(
        prompt=said["prompt"],
        seed=said["seed"],
        settings=said["settings"],
        concepts=tuple({name: each[name] for name in CONCEPT_FIELDS} for each in said["concepts"]),
        stack=said["stack"],
        adapters=tuple((each["sha256"], float(each["scale"])) for each in said["adapters"]),
        weights=said.get("weights", {}),
        batch=BatchRow(batch["row"], batch["size"]) if batch else None,
        likeness=said.get("likeness", {}),
        origin=said.get("origin", {}),
        pictures={role: each for role, each in said.get("pictures", {}).items() if role in ROLES},
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_prompt(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_PROMPT


def _is_seed(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_NUMBER


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(type(each) is not int or abs(each) <= MAX_NUMBER for each in value.values())


def _are_concepts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and all(type(each.get(name)) is kind for name, kind in CONCEPT_FIELDS.items())
        for each in value
    )


def _are_adapters(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and _is_sha(each.get("sha256"))
        and type(each.get("scale")) in (int, float)
        and abs(each["scale"]) <= LARGEST_SCALE
        for each in value
    )


def _are_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_sha, value.values()))


def _is_sha(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is_origin(value: Any) -> bool:
    words = value.get("command") if isinstance(value, dict) else None
    return isinstance(words, list) and all(map(_is_text, words)) and words[:1] in [[each] for each in ORIGINS]


def _are_files(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, dict)
        and _is_text(each.get("name"))
        and (each.get("sha256") == "" or _is_sha(each.get("sha256")))
        for each in value.values()
    )


def _is_batch(value: Any) -> bool:
    if value is None:
        return True
    row, size = (value.get("row"), value.get("size")) if isinstance(value, dict) else (None, None)
    return type(row) is int and type(size) is int and 0 <= row < size <= MAX_BATCH


CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "prompt": (_is_prompt, f"its prompt is not a text of up to {MAX_PROMPT:,} characters"),
    "seed": (_is_seed, "its seed is {!r}"),
    "settings": (_is_table, "its settings are not a table"),
    "concepts": (_are_concepts, "its concepts are not a list of concepts"),
    "stack": (_is_text, "its stack is not a text"),
    "adapters": (_are_adapters, "its adapters are not a list of adapters"),
    "weights": (_are_weights, "its weights are not a table of SHA-256"),
    "batch": (_is_batch, "its batch is not a row of one"),
    "likeness": (_is_table, "its likeness is not a table"),
    "origin": (_is_origin, "its origin is not a table with a command"),
    "pictures": (_are_files, "its pictures are not a table of files"),
}
