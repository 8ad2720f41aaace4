"""A bundle as it is written here, and as anybody may write one."""

import hashlib
import io
import zipfile
from collections.abc import Callable

from lambda_studio.bundles.archive import write_archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage, Contents

PICTURE, MASK = b"the bytes of a picture", b"the bytes of a mask"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


IMAGE = BundleImage(
    sha256=sha(PICTURE), mask=sha(MASK), width=64, height=48, source_name="photo.jpg", warnings=("tiny",)
)


CONTENTS = Contents(
    (BundleConcept(name="rex", noun="dog", manifest="0" * 64, images=(IMAGE,)),),
    {sha(data): len(data) for data in sorted((PICTURE, MASK), key=sha)},
)


OBJECTS = {sha(data): data for data in (PICTURE, MASK)}


def bundle(contents: Contents = CONTENTS) -> bytes:
    file = io.BytesIO()
    write_archive(file, contents, OBJECTS.__getitem__)
    return file.getvalue()


def plain_zip(entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda entry: None) -> bytes:
    """A ZIP file of these entries as anybody may write one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            change(entry)
            written.writestr(entry, data)
    return file.getvalue()


def entries(**more: bytes) -> dict[str, bytes]:
    objects = {f"objects/{name}": data for name, data in OBJECTS.items()}
    return {"manifest.json": CONTENTS.encoded(), **objects, **more}
