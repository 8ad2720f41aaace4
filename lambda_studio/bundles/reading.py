"""Reading an untrusted manifest: every value is checked before use, and every fault is reported."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from concepts.printable import has_control
from lambda_studio.bundles.contents import FORMAT, VERSIONS, BundleConcept, BundleEmbedding, BundleImage, Contents
from lambda_studio.formats import is_format, parse_json
from lambda_studio.pictures.files.captions import MAX_CHARACTERS, caption_fault
from lambda_studio.pictures.files.opening import LONG_SIDE

MAX_OBJECT = 16 * 2**20
"""The maximum bytes of one object: more than any working copy of a picture needs."""
MAX_OBJECTS = 60_000
MAX_IMAGES = 10_000
"""The most images of one concept."""
MAX_LISTED = 2**33
"""The most bytes of the listed images in all. Bytes that are listed twice count twice, because they are read twice."""
MOST_FAULTS = 1000
"""The most faults of one list. What comes after them is not read."""
MAX_TEXT = 1000

T = TypeVar("T")
Check = tuple[Callable[[Any], bool], str]
SHA: Check = (lambda value: isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{64}", value)), "a SHA-256")
MASK: Check = (lambda value: value is None or SHA[0](value), "a SHA-256 or null")
TEXT: Check = (
    lambda value: isinstance(value, str) and len(value) <= MAX_TEXT and not has_control(value),
    "a short text without control characters",
)
TEXTS: Check = (
    lambda value: _is_list(value) and len(value) <= 100 and all(map(TEXT[0], value)),
    "a list of texts without control characters",
)
SIDE: Check = (lambda value: type(value) is int and 1 <= value <= LONG_SIDE, f"a number from 1 to {LONG_SIDE}")
SIZE: Check = (lambda value: type(value) is int and 1 <= value <= MAX_OBJECT, f"a number from 1 to {MAX_OBJECT}")
LIST: Check = (lambda value: _is_list(value) and len(value) <= MAX_OBJECTS, "a list")
SOME: Check = (lambda value: LIST[0](value) and bool(value), "a list that is not empty")
IMAGES: Check = (lambda value: SOME[0](value) and len(value) <= MAX_IMAGES, f"a list of 1 to {MAX_IMAGES:,} images")
OBJECT: Check = (lambda value: isinstance(value, dict) and len(value) <= MAX_OBJECTS, "a table")

BUNDLE = {
    "format": (lambda value: value == FORMAT, repr(FORMAT)),
    "version": (lambda value: value in VERSIONS and type(value) is int, "1 or 2, which this version reads"),
    "concepts": SOME,
    "objects": OBJECT,
}
CONCEPT = {"name": TEXT, "noun": TEXT, "manifest": SHA, "images": IMAGES}
IMAGE = {
    "sha256": SHA,
    "mask": MASK,
    "width": SIDE,
    "height": SIDE,
    "source_name": TEXT,
    "warnings": TEXTS,
    "embeddings": LIST,
}
CAPTION: Check = (
    lambda value: (
        value is None or (isinstance(value, str) and value.strip() == value != "" and not caption_fault(value))
    ),
    f"null, or a line of at most {MAX_CHARACTERS:,} characters without control characters",
)
EMBEDDING = {"encoder": SHA, "preprocessing": TEXT, "sha256": SHA}


class NewerBundle(Exception):
    """The manifest has a version that this code does not know."""

    def __init__(self, version: int):
        super().__init__(version)
        self.version = version


def read_contents(manifest: bytes, faults: list[str]) -> Contents | None:
    """Return a manifest's contents, or None with every fault appended to `faults`.

    Unknown fields are ignored. Raises NewerBundle for an unknown newer version, whatever its other faults.
    """
    before = len(faults)
    try:
        value = parse_json(manifest.decode())
    except ValueError as error:
        faults.append(f"manifest.json cannot be read: {str(error).partition(chr(10))[0][:200]}")
        return None
    _refuse_newer(value)
    if not _fits(value, BUNDLE, "manifest.json", faults):
        return None
    concepts = _read_each(value["concepts"], _concept, "concept", faults)
    for sha, size in value["objects"].items():
        _fits({"name": sha, "size": size}, {"name": SHA, "size": SIZE}, f"object {sha[:80]!r}", faults)
    if len(faults) > before:  # sizes that failed their check must not be used as numbers
        return None
    contents = Contents(concepts, value["objects"])
    _compare(contents, faults)
    if contents.version != value["version"]:
        faults.append(
            f"manifest.json: version is {value['version']}, but its contents are of version {contents.version}"
        )
    return contents if len(faults) == before else None


def _concept(value: Any, where: str, faults: list[str]) -> BundleConcept | None:
    if not _fits(value, CONCEPT, where, faults):
        return None
    images = _read_each(value["images"], _image, f"{where}, image", faults)
    return BundleConcept(**{**_known(value, CONCEPT), "images": images})


def _image(value: Any, where: str, faults: list[str]) -> BundleImage | None:
    if not _fits(value, IMAGE, where, faults):
        return None
    caption = value.get("caption")
    if not _fits({"caption": caption}, {"caption": CAPTION}, where, faults):
        return None
    embeddings = _read_each(value["embeddings"], _embedding, f"{where}, embedding", faults)
    return BundleImage(
        **{**_known(value, IMAGE), "warnings": tuple(value["warnings"]), "embeddings": embeddings, "caption": caption}
    )


def _embedding(value: Any, where: str, faults: list[str]) -> BundleEmbedding | None:
    return BundleEmbedding(**_known(value, EMBEDDING)) if _fits(value, EMBEDDING, where, faults) else None


def _read_each(
    values: list[Any], read: Callable[[Any, str, list[str]], T | None], where: str, faults: list[str]
) -> tuple[T, ...]:
    """Return the values that can be read. No more are read once there are many faults."""
    found = []
    for at, value in enumerate(values, start=1):
        if len(faults) >= MOST_FAULTS:
            break
        if (each := read(value, f"{where} {at}", faults)) is not None:
            found.append(each)
    return tuple(found)


def _refuse_newer(value: Any) -> None:
    ours = isinstance(value, dict) and value.get("format") == FORMAT and is_format(value.get("version"))
    if ours and value["version"] > VERSIONS[-1]:
        raise NewerBundle(value["version"])


def _known(value: dict[str, Any], checks: dict[str, Check]) -> dict[str, Any]:
    return {name: value[name] for name in checks}


def _fits(value: Any, checks: dict[str, Check], where: str, faults: list[str]) -> bool:
    """Return whether a table has all these fields with valid values. Unknown fields are ignored."""
    if not isinstance(value, dict):
        faults.append(f"{where} is not a table")
        return False
    found = [f"{where} lacks {name}" for name in sorted(checks.keys() - value.keys())]
    wrong = (name for name, (right, _) in checks.items() if name in value and not right(value[name]))
    found += [f"{where}: {name} is not {checks[name][1]}" for name in wrong]
    faults += found
    return not found


def _compare(contents: Contents, faults: list[str]) -> None:
    """Append a fault for every object that is needed but not listed, or listed but not needed."""
    needed = {sha for concept in contents.concepts for image in concept.images for sha in image.objects}
    faults += [f"object {sha} is needed but not listed" for sha in sorted(needed - contents.objects.keys())]
    faults += listed_faults(contents)
    faults += [f"object {sha} is listed but not needed" for sha in sorted(contents.objects.keys() - needed)]


def listed_faults(contents: Contents) -> list[str]:
    """Return a fault if the images are too many, or too large in all. Objects that are not listed have no size."""
    images = [image for concept in contents.concepts for image in concept.images]
    size = sum(contents.objects.get(sha, 0) for image in images for sha in image.objects)
    faults = [f"{size:,} bytes of images are listed, more than {MAX_LISTED:,}"] if size > MAX_LISTED else []
    return [
        *faults,
        *([f"{len(images):,} images are listed, more than {MAX_OBJECTS:,}"] if len(images) > MAX_OBJECTS else []),
    ]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
