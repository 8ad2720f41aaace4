"""Hostile bundles through the import: what is not right in every respect is refused before a row is written."""

import copy
import hashlib
import io
import json
import random
import shutil
import zipfile
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

from concepts.stores.sqlite_engine import registry_engine
from concepts.stores.upgrade import row_counts
from lambda_studio.errors import BundleRefused
from lambda_studio.progress import silent
from lambda_studio.studio import Studio
from lambda_studio.workflows.bundles.from_bundle import open_bundle
from lambda_studio.workflows.workplace import Workplace
from tests.reliability.bundle_files import ALONE, BOUND, RIGHT, SIGNED, Case, cases, manifest_of, sha, zipped
from tests.reliability.hostile_images import mutation
from tests.reliability.judging import Tally, shares, written_anew
from tests.reliability.outcome import Harness, Outcome

BY_HAND, MUTATIONS = 100, 1_000_000


def by_hand(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each bundle that was made by hand, imported into an empty library of its own kind."""
    known, tally = list(cases()), Tally()
    with Studio(folder / "home") as studio:
        for number in shares(len(known), share):
            place = folder / str(number)
            place.mkdir()
            tally.judge(known[number].name, import_fault(studio, known[number], place))
            shutil.rmtree(place)
    note = "each bundle is imported; rows and folders are compared before and after"
    return [tally.outcome("hostile bundle, by hand", BY_HAND, note)]


def import_fault(studio: Studio, case: Case, folder: Path) -> str | None:
    """What was wrong with how a bundle was taken; None where nothing was."""
    path = case.make(folder)
    before = everything(studio.home.parent)
    try:
        names = [concept.name for concept in studio.libraries.import_(path).concepts]
    except BundleRefused as error:
        if case.right:
            return f"was refused: {error.cause}"
        return refusal_fault(error, path) or (None if everything(studio.home.parent) == before else "left something")
    except Exception as error:  # whatever comes out beside a refusal is what is looked for
        return f"{type(error).__name__}: {error}"
    for name in names:
        studio.concepts.forget(name, None, lambda summary: None)
    return None if case.right else "was imported"


def everything(folder: Path) -> tuple[dict[str, int], list[str]]:
    """The number of rows in each table, and every file."""
    with closing(registry_engine(folder / "home" / "studio.sqlite3").connect()) as connection:
        rows = row_counts(connection)
    return rows, sorted(str(path) for path in folder.rglob("*"))


def refusal_fault(error: BundleRefused, path: Path) -> str | None:
    """What is wrong with the words of a refusal."""
    if str(path) not in error.cause or not error.remedy:
        return f"the refusal does not name the file or a remedy: {error.cause} {error.remedy}"
    return error.cause if "Traceback" in error.cause or len(error.cause) > 20_000 else None


def mutated(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Right bundles with bytes changed: in the file, in an object under its new name, or in what the manifest says."""
    numbers, tally = random.Random(seed), Tally()
    place = Workplace(folder / "home", None, None, lambda text: None, silent)
    path = folder / "m.zip"
    for number in range(max(1, round(MUTATIONS * share))):
        written_anew(path, numbers.choice((changed_file, changed_manifest, changed_object))(numbers))
        tally.judge(f"mutation {number} of seed {seed}", open_fault(place, path))
    place.close()
    note = "each bundle is opened and checked as in an import; an accepted one is compared with a reading by zipfile"
    return [tally.outcome("hostile bundle, mutated", MUTATIONS, note)]


def changed_file(numbers: random.Random) -> bytes:
    """A bundle's bytes, changed anywhere."""
    return mutation(numbers, zipped(numbers.choice((RIGHT, ALONE, BOUND, SIGNED))))


def changed_object(numbers: random.Random) -> bytes:
    """A bundle with one object changed, and named, listed and needed by its new hash."""
    given = dict(numbers.choice((RIGHT, ALONE, BOUND)))
    name = numbers.choice([name for name in given if name != "manifest.json"])
    data = mutation(numbers, given.pop(name))
    told = json.loads(given["manifest.json"].replace(name.removeprefix("objects/").encode(), sha(data).encode()))
    told["objects"][sha(data)] = len(data)
    for concept in told["concepts"]:
        concept["manifest"] = manifest_of(concept["noun"], concept["images"])
    return zipped({**given, "manifest.json": json.dumps(told).encode(), f"objects/{sha(data)}": data})


def changed_manifest(numbers: random.Random) -> bytes:
    """A bundle whose manifest has a value exchanged for an odd one, or bytes changed."""
    given = dict(numbers.choice((RIGHT, ALONE, BOUND)))
    if numbers.random() < 0.3:
        return zipped({**given, "manifest.json": mutation(numbers, given["manifest.json"])})
    told = json.loads(given["manifest.json"])
    for _ in range(numbers.randint(1, 3)):
        holder, key = numbers.choice(list(leaves(told)))
        holder[key] = copy.deepcopy(numbers.choice(ODD))  # the next change may be within it
    return zipped({**given, "manifest.json": json.dumps(told).encode()})


ODD = (None, 0, 1, -1, 2**63, 1e300, "", "rex", "x" * 1001, "\ud800", "a\u202eb", "../x", "0" * 64, [], {}, [[]], True)


def leaves(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as its holder and key."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [pair for key in keys for pair in [(value, key), *leaves(value[key])]]


def open_fault(place: Workplace, path: Path) -> str | None:
    """What was wrong with how a bundle was opened; what is accepted must be what another reader finds in it."""
    try:
        with open_bundle(place, path) as (concepts, *_):
            found = [[(image.data, image.mask) for image in concept.images()] for concept in concepts]
            names = [(concept.name, concept.noun) for concept in concepts]
    except BundleRefused as error:
        return refusal_fault(error, path)
    except Exception as error:  # whatever comes out beside a refusal is what is looked for
        return f"{type(error).__name__}: {error}"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        told = json.loads(archive.read("manifest.json"))
        objects = {name.removeprefix("objects/"): archive.read(name) for name in archive.namelist()}
    frame = ("manifest.json", "manifest.sig")
    if any(hashlib.sha256(data).hexdigest() != name for name, data in objects.items() if name not in frame):
        return "an object is not what its name says"
    expected = [
        [(bytes_of(image, objects), image["mask"] and objects[image["mask"]]) for image in each["images"]]
        for each in told["concepts"]
    ]
    same = found == expected and names == [(each["name"], each["noun"]) for each in told["concepts"]]
    return None if same else "what was read is not what is in it"


def bytes_of(image: dict[str, Any], objects: dict[str, bytes]) -> bytes:
    """What is stored of an image: its object; of a note of version 1, the note with the embeddings beside it."""
    data = objects[image["sha256"]]
    if not image["embeddings"]:
        return data
    views = [
        {
            "data": b64encode(objects[view["sha256"]]).decode(),
            "dtype": "float32",
            "encoder": view["encoder"],
            "preprocessing": view["preprocessing"],
            "shape": [len(objects[view["sha256"]]) // 4],
        }
        for view in image["embeddings"]
    ]
    views.sort(key=lambda view: (view["encoder"], view["preprocessing"]))
    told = {**json.loads(data), "from_cache": False, "version": 2, "views": views}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


HARNESSES: dict[str, Harness] = {"hostile bundles by hand": by_hand, "hostile bundles mutated": mutated}
