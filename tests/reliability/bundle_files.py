"""Bundles as a stranger may write them: right ones, and everything that can be wrong with one."""

import hashlib
import io
import json
import os
import pickle
import stat
import struct
import warnings
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.lambda_studio.bundles.hostile_zips import nameless, renamed, second_end, zip64_within
from tests.reliability.picture_files import SIGNATURE, chunk, header, jpeg, pattern, png

Change = Callable[[zipfile.ZipInfo], None]
Json = Any


def sha(data: bytes) -> str:
    """The name that bytes go by."""
    return hashlib.sha256(data).hexdigest()


RGB = pattern(48, 40)
PICTURE = png(RGB, 8, 2)
MASK = png(np.where(RGB[..., :1] > 90, 255, 0), 8, 0)
NOTE = b'{"format":"lambda-studio pictures left out","pictures":[["' + b"0" * 64 + b'",null]],"version":1}'
VIEW = np.arange(32, dtype="<f4").tobytes()


def note_with(*views: dict[str, str], data: bytes = VIEW) -> bytes:
    """A note that holds these embeddings, whose numbers are the same."""
    numbers = {"data": b64encode(data).decode(), "dtype": "float32", "shape": [len(data) // 4]}
    told = {**json.loads(NOTE), "from_cache": False, "version": 2, "views": [{**numbers, **view} for view in views]}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


GIVEN = note_with({"encoder": "0" * 64, "preprocessing": "p"})


def manifest_of(noun: str, images: list[dict[str, Json]]) -> str:
    """A version's hash: SHA-256 over canonical JSON of the noun and the hashes of images and masks."""
    content = {"format": 1, "noun": noun, "images": [[image["sha256"], image["mask"]] for image in images]}
    return sha(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def image_of(picture: bytes = PICTURE, **changes: Json) -> dict[str, Json]:
    """An image, as a manifest tells of it."""
    told = {"sha256": sha(picture), "mask": sha(MASK), "width": 48, "height": 40}
    return {**told, "source_name": "a.png", "warnings": [], "embeddings": [], **changes}


def manifest(*images: dict[str, Json], name: str = "rex", noun: str = "dog", **changes: Json) -> dict[str, Json]:
    """A whole manifest, right unless it was changed; what objects there are is for `bundle` to say."""
    concept = {"name": name, "noun": noun, "manifest": manifest_of(noun, list(images)), "images": list(images)}
    return {"format": "lambda-studio bundle", "version": 1, "concepts": [concept], **changes}


def entries(told: dict[str, Json], *objects: bytes) -> dict[str, bytes]:
    """The entries of a bundle of this manifest, which lists these objects unless it lists others."""
    told = {"objects": {sha(data): len(data) for data in objects}, **told}
    return {"manifest.json": json.dumps(told).encode(), **{f"objects/{sha(data)}": data for data in objects}}


def zipped(given: dict[str, bytes], change: Change = lambda entry: None, twice: str | None = None) -> bytes:
    """A ZIP file, whose entries `change` may change; `twice` names one that is there twice."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as written:
        warnings.simplefilter("ignore")  # of the entry that is there twice
        for name, data in [*given.items(), *([(twice, given[twice])] if twice else [])]:
            entry = zipfile.ZipInfo(name)
            change(entry)
            written.writestr(entry, data)
    return file.getvalue()


RIGHT = entries(manifest(image_of()), PICTURE, MASK)
ALONE = entries(
    manifest(
        image_of(
            NOTE,
            mask=None,
            width=1,
            height=1,
            embeddings=[{"encoder": "0" * 64, "preprocessing": "p", "sha256": sha(VIEW)}],
        )
    ),
    NOTE,
    VIEW,
)
"""Without pictures, in version 1: a note and an embedding."""
BOUND = entries(manifest(image_of(GIVEN, mask=None, width=1, height=1), version=2), GIVEN)
"""Without pictures: a note that holds its embedding."""
SIGNED = {**RIGHT, "manifest.sig": bytes(96)}
"""Whether the signature is right only matters to who trusts a key."""


@dataclass(frozen=True)
class Case:
    """What `make` puts into a folder, and whether it may be imported."""

    name: str
    make: Callable[[Path], Path]
    right: bool = False


def written(content: bytes, name: str = "x.zip") -> Callable[[Path], Path]:
    """Writes a file."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("a right bundle", written(zipped(RIGHT)), right=True)
    yield Case("a right bundle without pictures", written(zipped(ALONE)), right=True)
    yield Case("a right bundle whose note holds its embedding", written(zipped(BOUND)), right=True)
    yield Case("a right bundle that is signed", written(zipped(SIGNED)), right=True)
    for path in (("more",), ("concepts", 0, "more"), ("concepts", 0, "images", 0, "more")):
        told = json.dumps(changed(json.loads(RIGHT["manifest.json"]), path, [{"a": 1}])).encode()
        content = zipped({**RIGHT, "manifest.json": told})
        yield Case(f"a field that we do not know, {'.'.join(map(str, path))}", written(content), right=True)
    for family in (foreign_entries, odd_entries, directories, listed_often, torn, said_wrong, held_wrong, places):
        yield from family()


def foreign_entries() -> Iterator[Case]:
    """Names that lead elsewhere, or that a bundle does not have."""
    hostile = ("../evil", "../../../../etc/cron.d/evil", "/etc/passwd", "C:\\evil", "..\\evil", "objects/../../evil")
    hostile += (
        "objects/",
        "objects/x",
        "objects/" + "A" * 64,
        "objects/" + "0" * 63,
        "objects/" + "0" * 65,
        "./manifest.json",
    )
    hostile += (
        "manifest.json/",
        "MANIFEST.JSON",
        "manifest.sig/",
        "objects/manifest.sig",
        "x.pkl",
        "__main__.py",
        "objects/" + "0" * 64 + "/x",
        "é",
        "a" * 60_000,
    )
    hostile += ("objects\\" + "0" * 64, "con", "~/.bashrc", "\x1b[2J", "a\nb", "objects//" + "0" * 64)
    for name in hostile:
        yield Case(f"an entry {name[:30]!a}", written(zipped({**RIGHT, name: b"x"})))
    yield Case("a pickle beside it", written(zipped({**RIGHT, "data.pkl": pickle.dumps(os.getcwd)})))


def odd_entries() -> Iterator[Case]:
    """Right names for what is no plain file, is packed, or is there more than once."""

    def kind(mode: int) -> Change:
        def change(entry: zipfile.ZipInfo) -> None:
            entry.create_system, entry.external_attr = 3, (mode | 0o777) << 16

        return change

    def packed(method: int) -> Change:
        return lambda entry: setattr(entry, "compress_type", method)

    for name, mode in (
        ("links", stat.S_IFLNK),
        ("folders", stat.S_IFDIR),
        ("devices", stat.S_IFCHR),
        ("pipes", stat.S_IFIFO),
    ):
        yield Case(f"entries that are {name}", written(zipped(RIGHT, kind(mode))))
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield Case(f"entries packed by method {method}", written(zipped(RIGHT, packed(method))))
    bomb = {**RIGHT, f"objects/{sha(bytes(10**8))}": bytes(10**8)}
    yield Case("a bomb of 100 MB", written(zipped(bomb, packed(zipfile.ZIP_DEFLATED))))
    for name in SIGNED:
        yield Case(f"{name[:15]} twice", written(zipped(SIGNED, twice=name)))
    for size in (0, 95, 97, 10**7):
        yield Case(f"a signature of {size} bytes", written(zipped({**SIGNED, "manifest.sig": bytes(size)})))
    many = {f"objects/{number:064x}": b"" for number in range(60_001)}
    yield Case("60,001 objects", written(zipped({**RIGHT, **many})))


def directories() -> Iterator[Case]:
    """Directories that are not the one that they seem to be, and names that zipfile shortens."""
    whole, name = zipped(RIGHT), f"objects/{sha(MASK)}"
    yield Case("a ZIP64 record within the directory", written(zip64_within(whole, 1_000_000, 3)))
    yield Case("the signature of a second end in the first", written(second_end(whole, 1_000_000)))
    yield Case("an entry without a name", written(nameless(whole)))
    longer = zipped({**{key: data for key, data in RIGHT.items() if key != name}, f"{name}+../../x": MASK})
    zero = renamed(longer, f"{name}+../../x".encode(), f"{name}\0../../x".encode())
    yield Case("a name that goes on after a zero", written(zero))


def listed_often() -> Iterator[Case]:
    """Manifests that list much: a small bundle, and much work."""
    for what, images in (
        ("10,001 times", [image_of()] * 10_001),
        ("under two sizes", [image_of(), image_of(height=41)]),
    ):
        yield Case(f"a picture {what}", written(zipped(entries(manifest(*images), PICTURE, MASK))))

    def bulky(folder: Path) -> Path:
        rows = np.insert(np.random.default_rng(0).integers(0, 256, (1536, 3 * 1536), dtype=np.uint8), 0, 0, axis=1)
        data = chunk(b"IDAT", zlib.compress(rows.tobytes(), 0)) + chunk(b"IEND", b"")
        picture = SIGNATURE + header(1536, 1536) + data
        often = [image_of(picture, mask=None, width=1536, height=1536)] * 9_999
        return written(zipped(entries(manifest(*often), picture)))(folder)

    def empty(folder: Path) -> Path:
        image, many = RIGHT["manifest.json"].find(b'"images": [') + len(b'"images": ['), b"{}," * 9_998 + b"{}"
        concept = RIGHT["manifest.json"][RIGHT["manifest.json"].find(b'[{"name"') + 1 : image] + many + b"]},"
        told = RIGHT["manifest.json"].replace(b'[{"name"', b"[" + concept * 1000 + b'{"name"')
        return written(zipped({**RIGHT, "manifest.json": told}))(folder)

    yield Case("a picture of 7 MB that is listed 9,999 times", bulky)
    yield Case("ten million images that say nothing", empty)


def torn() -> Iterator[Case]:
    """Bytes that are missing, added, or that say something else than the rest."""
    whole = zipped(RIGHT)
    for share in (0, 0.1, 0.5, 0.9):
        yield Case(f"{share:.0%} of it", written(whole[: int(share * len(whole))]))
    for what, content in (
        ("one byte less", whole[:-1]),
        ("one byte more", whole + b"\0"),
        ("a script before it", b"#!/bin/sh\n" + whole),
        ("a zip after it", whole + whole),
        ("a zip before it", zipped({"a": b"b"}) + whole),
        ("a comment", whole[:-2] + struct.pack("<H", 5) + b"hello"),
        ("no zip at all", b"x" * 1000),
        ("a tar", b"manifest.json".ljust(100, b"\0") + bytes(412)),
        ("a pickle", pickle.dumps({"manifest": 1})),
        ("an empty zip", b"PK\5\6" + bytes(18)),
    ):
        yield Case(what, written(content))
    end, first = len(whole) - 22, whole.find(b"PK\1\2")
    for what, at, value in (
        ("a list of 65535 entries", end + 10, b"\xff\xff"),
        ("a list that starts elsewhere", end + 16, b"\1\0\0\0"),
        ("a list of another length", end + 12, b"\xff\xff\xff\x7f"),
        ("another disk", end + 4, b"\1\0"),
        ("an entry that is encrypted", first + 8, b"\1\0"),
        ("an entry of 4 GB", first + 24, b"\xfe\xff\xff\xff"),
        ("an entry packed to 4 GB", first + 20, b"\xfe\xff\xff\xff"),
        ("an entry that lies elsewhere", first + 42, b"\xff\xff\xff\x7f"),
        ("an entry that lies on another", whole.rfind(b"PK\1\2") + 42, bytes(4)),
        ("an entry of version 99", first + 6, b"\x63\0"),
        ("an entry whose checksum is wrong", first + 16, b"\0\0\0\1"),
        ("an entry with a name of its own inside", 30, b"Manifest.json"),
        ("a byte of a picture", whole.find(PICTURE) + 60, b"\0"),
    ):
        yield Case(what, written(whole[:at] + value + whole[at + len(value) :]))


def said_wrong() -> Iterator[Case]:
    """Manifests that say what cannot be, with everything else right."""
    right = json.loads(RIGHT["manifest.json"])
    concept, image = ("concepts", 0), ("concepts", 0, "images", 0)
    changes: list[tuple[tuple[str | int, ...], list[Json]]] = [
        (("format",), [..., None, "zip", 1]),
        (("version",), [..., 0, 2, 3, "1", 1.0, True, -1, 10**400]),
        (("concepts",), [..., [], {}, "x", [[]], [None]]),
        (("objects",), [..., [], {}, {"x": 1}, {"0" * 64: 0}]),
        (
            (*concept, "name"),
            [..., "", " rex", "a\u202eb", "\ud800", "x" * 81, "x" * 2000, "<rex>", "a\0b", 7, ["rex"]],
        ),
        ((*concept, "noun"), [..., "", "  ", "dog\n", None, "x" * 81]),
        ((*concept, "manifest"), [..., "0" * 64, "", None]),
        ((*concept, "images"), [..., [], None, {}]),
        ((*image, "sha256"), [..., "../../etc/passwd", "0" * 64, sha(PICTURE).upper(), None]),
        ((*image, "mask"), [..., "", "0" * 64, sha(PICTURE), 0]),
        ((*image, "width"), [..., 0, -1, 47, 49, 1537, 10**9, 48.0, "48", True]),
        ((*image, "height"), [39, 41, None]),
        ((*image, "source_name"), [..., "x" * 1001, None, "\udfff"]),
        ((*image, "warnings"), [..., ["x"] * 101, [1], "x", None]),
        ((*image, "embeddings"), [..., [{}], [1], [{"encoder": "0" * 64, "preprocessing": "p", "sha256": sha(MASK)}]]),
    ]
    for path, values in changes:
        for value in values:
            told = json.dumps(changed(right, path, value)).encode()
            yield Case(
                f"{'.'.join(map(str, path))} is {str(value)[:20]!a}", written(zipped({**RIGHT, "manifest.json": told}))
            )
    plain = RIGHT["manifest.json"]
    for what, told in (
        ("nothing", b""),
        ("no JSON", b"{"),
        ("not UTF-8", b"\xff" + plain),
        ("deep", b"[" * 100_000),
        ("a field twice", plain[:-1] + b', "version": 1}'),
        ("NaN", plain.replace(b"48", b"NaN", 1)),
        ("a pickle", pickle.dumps(right)),
        ("a very long number", plain.replace(b"48", b"4" * 10_000, 1)),
    ):
        yield Case(f"a manifest that is {what}", written(zipped({**RIGHT, "manifest.json": told})))
    without = {name: data for name, data in RIGHT.items() if name != "manifest.json"}
    yield Case("no manifest", written(zipped(without)))
    twins = changed(right, ("concepts",), right["concepts"] * 2)
    yield Case("one name twice", written(zipped({**RIGHT, "manifest.json": json.dumps(twins).encode()})))


def changed(value: Json, path: tuple[str | int, ...], leaf: Json) -> Json:
    """A copy with one value exchanged; ... takes it away."""
    value = json.loads(json.dumps(value))
    place = value
    for step in path[:-1]:
        place = place[step]
    if leaf is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = leaf
    return value


def held_wrong() -> Iterator[Case]:
    """Objects whose name is right, and that are not what they are used for."""
    bomb = SIGNATURE + header(48, 40) + chunk(b"IDAT", zlib.compress(bytes(10**7))) + chunk(b"IEND", b"")
    text = png(RGB, 8, 2, [chunk(b"tEXt", b"GPS\0here")])
    pictures = {"a pickle": pickle.dumps([1]), "a jpeg": jpeg(RGB), "a picture with text": text, "a bomb": bomb}
    pictures |= {"grey": png(RGB[..., :1], 8, 0), "16 bits": png(RGB.astype(int) * 257, 16, 2), "half": PICTURE[:900]}
    pictures |= {
        "of another size": png(pattern(64, 64), 8, 2),
        "with a tail": PICTURE + b"x",
        "nothing": b"",
        "text": b"x",
    }
    for what, data in pictures.items():
        yield Case(f"a picture that is {what}", written(zipped(entries(manifest(image_of(data)), data, MASK))))
    black = png(np.zeros((40, 48, 1), dtype=int), 8, 0)
    for what, data in (("black", black), ("RGB", PICTURE), ("a pickle", pickle.dumps(1)), ("nothing", b"")):
        told = manifest(image_of(mask=sha(data)))
        yield Case(f"a mask that is {what}", written(zipped(entries(told, PICTURE, data))))
    bad = {
        "with NaN": b"\0\0\xc0\x7f" * 8,
        "of zeros": bytes(32),
        "that is far too long": np.full(8, 3e38, "<f4").tobytes(),
        "of 3 bytes": b"abc",
        "a pickle": pickle.dumps([1.0]).ljust(33),
        "nothing": b"",
    }
    for what, data in bad.items():
        views = [{"encoder": "0" * 64, "preprocessing": "p", "sha256": sha(data)}]
        told = manifest(image_of(NOTE, mask=None, width=1, height=1, embeddings=views))
        yield Case(f"an embedding {what}", written(zipped(entries(told, NOTE, data))))
    for what, note in (
        ("spaced", NOTE + b" "),
        ("torn", NOTE[:-3]),
        ("deep", NOTE[:40] + b"[" * 9000),
        ("other", b"{}"),
    ):
        views = [{"encoder": "0" * 64, "preprocessing": "p", "sha256": sha(VIEW)}]
        told = manifest(image_of(note, mask=None, width=1, height=1, embeddings=views))
        yield Case(f"a note that is {what}", written(zipped(entries(told, note, VIEW))))
    one = {"encoder": "0" * 64, "preprocessing": "p"}
    for what, note in (
        ("two embeddings by one CLIP", note_with(one, one)),
        ("an embedding of NaN", note_with(one, data=b"\0\0\xc0\x7f" * 8)),
        ("an embedding of zeros", note_with(one, data=bytes(32))),
        ("an embedding that is far too long", note_with(one, data=np.full(8, 3e38, "<f4").tobytes())),
        ("no embedding", note_with()),
        ("a line's end", GIVEN + b"\n"),
        ("no version that holds any", NOTE),
    ):
        told = manifest(image_of(note, mask=None, width=1, height=1), version=2)
        yield Case(f"a note with {what}, and nothing beside it", written(zipped(entries(told, note))))
    lying = {**entries(manifest(image_of()), PICTURE, MASK), f"objects/{sha(MASK)}": MASK[:-1] + b"x"}
    yield Case("a mask under another's name", written(zipped(lying)))
    yield Case("an object too many", written(zipped(entries(manifest(image_of()), PICTURE, MASK, b"more"))))
    yield Case("an object too few", written(zipped(entries(manifest(image_of()), PICTURE))))


def places() -> Iterator[Case]:
    """What is no file."""

    def made(name: str, how: Callable[[Path], object]) -> Case:
        def make(folder: Path) -> Path:
            how(folder / "x.zip")
            return folder / "x.zip"

        return Case(name, make)

    yield made("nothing", lambda path: None)
    yield made("an empty folder", Path.mkdir)
    yield made("a named pipe", os.mkfifo)
    yield made("a link to itself", lambda path: path.symlink_to(path))
    yield made("a device", lambda path: path.symlink_to("/dev/zero"))
    yield Case("a name of 5,000 letters", lambda folder: folder / f"{'x' * 5000}.zip")
    yield Case("a name with a zero", lambda folder: folder / "a\0.zip")
