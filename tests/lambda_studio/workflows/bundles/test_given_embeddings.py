"""An embedding that came in place of pictures is its version's own: nobody else's import stands for it."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from sqlalchemy import LargeBinary, bindparam, text

from concepts.errors import ConceptExists
from concepts.records import sha256
from concepts.stores.postgres_schema import MARK
from concepts.stores.store import FILE_NAME, store_at
from concepts.stores.upgrade import alembic_config
from lambda_studio.errors import BundleRefused, PicturesLeftOut
from lambda_studio.studio import Studio

DATABASES = Path(__file__).parents[3] / "databases"
FORGED = np.linspace(-3, 3, 32, dtype="<f4")


class Team:
    """One registry, in a file or on a server, that mallory and bob open."""

    def __init__(self, home: Path, stack: Path, server: Any):
        self.home, self.stack, self.server = home, str(stack), server
        self.database = server and server.new_database()
        self.studios: list[Studio] = []

    def address(self, user: str) -> str | None:
        """What a studio is told beside the home."""
        if self.server:
            self.server.add_person(user)
        return self.server and self.server.address(self.database, user)

    def __call__(self, user: str) -> Studio:
        """The studio of that user."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STUDIO_USER", user)
            self.studios.append(Studio(self.home, stack=self.stack, database=self.address(user)))
        return self.studios[-1]

    def close(self) -> None:
        for studio in self.studios:
            studio.close()
        if self.server:
            self.server.drop(self.database)


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request, tmp_path: Path, stack_file: Path) -> Iterator[Team]:
    """An empty registry, that is made when the first user opens it."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    with closing(Team(tmp_path / "team", stack_file, server)) as team:
        yield team


@pytest.fixture
def maker(tmp_path: Path, stack_file: Path) -> Iterator[Studio]:
    """The studio at home of somebody who has rex's pictures, two."""
    noise = np.random.default_rng(0)
    for name in ("one", "two"):
        Image.fromarray(noise.integers(0, 255, (48, 40, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    with Studio(tmp_path / "maker", stack=str(stack_file)) as studio:
        studio.concepts.add("rex", [tmp_path / "one.png", tmp_path / "two.png"], noun="dog", segment="none")
        yield studio


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key of OpenSSH's to sign with; FILE.pub is beside it."""
    pair, spelled = Ed25519PrivateKey.generate(), serialization.PublicFormat.OpenSSH
    (tmp_path / "anna.pub").write_bytes(pair.public_key().public_bytes(serialization.Encoding.OpenSSH, spelled))
    plain = (serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (tmp_path / "anna").write_bytes(pair.private_bytes(serialization.Encoding.PEM, *plain))
    return tmp_path / "anna"


def numbers(studio: Studio, name: str = "rex") -> np.ndarray:
    """What prompts use of a concept."""
    return studio.workplace.embedder.blended(studio.workplace.get_concepts([name])[0]).numpy()


def older_bundle(maker: Studio, path: Path, view: np.ndarray, key: Path | None = None) -> Path:
    """A bundle without pictures in its first shape, as it was written before a note held its embeddings."""
    concept, encoder = maker.workplace.get_concepts(["rex"])[0], maker.workplace.embedder.encoder
    left_out = {"format": "lambda-studio pictures left out", "version": 1}
    note = canonical({**left_out, "pictures": [[image.sha, image.mask_sha] for image in concept.images]})
    data = view.astype("<f4").tobytes()
    embedding = {"encoder": encoder.fingerprint, "preprocessing": "cutout-1 cut_out", "sha256": sha256(data)}
    image = {"sha256": sha256(note), "mask": None, "width": 1, "height": 1, "embeddings": [embedding]}
    image |= {"source_name": "2 pictures of rex, left out", "warnings": []}
    version = sha256(canonical({"format": 1, "noun": "dog", "images": [[sha256(note), None]]}))
    told = {"name": "rex", "noun": "dog", "manifest": version, "images": [image]}
    objects = {sha256(each): each for each in (note, data)}
    manifest = canonical(
        {
            "format": "lambda-studio bundle",
            "version": 1,
            "concepts": [told],
            "objects": {name: len(each) for name, each in objects.items()},
        }
    )
    entries = {"manifest.json": manifest + b"\n"}
    if key:
        from lambda_studio.bundles.signing import read_private_key, sign

        entries["manifest.sig"] = sign(read_private_key(key), manifest + b"\n").encoded
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in {**entries, **{f"objects/{name}": objects[name] for name in sorted(objects)}}.items():
            archive.writestr(name, each)
    return path


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def forged(genuine: Path, path: Path, view: np.ndarray = FORGED) -> Path:
    """A bundle of the present shape that says all that a genuine one says, but for its embedding's numbers."""
    from base64 import b64encode

    with zipfile.ZipFile(genuine) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        ((old, _),) = manifest["objects"].items()
        note = json.loads(archive.read(f"objects/{old}"))
    note["views"][0]["data"] = b64encode(view.tobytes()).decode()
    note["views"][0]["shape"] = [len(view)]
    data, concept = canonical(note), manifest["concepts"][0]
    concept["images"][0]["sha256"], manifest["objects"] = sha256(data), {sha256(data): len(data)}
    concept["manifest"] = sha256(canonical({"format": 1, "noun": "dog", "images": [[sha256(data), None]]}))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", canonical(manifest) + b"\n")
        archive.writestr(f"objects/{sha256(data)}", data)
    return path


def bundles(maker: Studio, tmp_path: Path, key: Path, shape: str) -> tuple[Path, Path]:
    """An unsigned forgery, and the genuine bundle that is signed."""
    if shape == "older":
        genuine = older_bundle(maker, tmp_path / "genuine.zip", numbers(maker), key)
        return older_bundle(maker, tmp_path / "forged.zip", FORGED), genuine
    maker.libraries.export(["rex"], tmp_path / "genuine.zip", pictures=False, sign_with=key)
    return forged(tmp_path / "genuine.zip", tmp_path / "forged.zip"), tmp_path / "genuine.zip"


@pytest.mark.parametrize("shape", ["older", "present"])
def test_a_trusted_bundle_is_drawn_from_with_its_own_numbers_whoever_came_before(
    opened: Team, maker: Studio, tmp_path: Path, key: Path, shape: str
) -> None:
    forgery, genuine = bundles(maker, tmp_path, key, shape)
    mallory = opened("mallory")
    mallory.libraries.import_(forgery)
    bob = opened("bob")
    assert bob.libraries.import_(genuine, trusted_keys=[key.with_suffix(".pub")]).verified
    assert np.array_equal(numbers(bob), numbers(maker))
    assert np.array_equal(numbers(mallory), FORGED)
    out = tmp_path / "again.zip"
    bob.libraries.export(["rex"], out, pictures=False, sign_with=key)
    if shape == "present":
        assert out.read_bytes() == genuine.read_bytes()
    bob.libraries.export(["rex"], tmp_path / "with.zip", pictures=True, sign_with=key)
    assert (tmp_path / "with.zip").read_bytes() == out.read_bytes()
    mallory.libraries.import_(out, on_conflict="rename")
    assert np.array_equal(numbers(mallory, "rex-2"), numbers(maker))
    assert np.array_equal(numbers(mallory), FORGED)
    assert [finding for finding in bob.doctor() if finding.what.startswith("concept")] == []


def test_other_numbers_are_other_content(opened: Team, maker: Studio, tmp_path: Path, key: Path) -> None:
    forgery, genuine = bundles(maker, tmp_path, key, "present")
    bob = opened("bob")
    bob.libraries.import_(genuine)
    for on_conflict, state in (("skip", "skipped"), ("rename", "renamed")):
        (done,) = bob.libraries.import_(forgery, on_conflict=on_conflict).concepts
        assert done.state == state
        assert np.array_equal(numbers(bob), numbers(maker))
    with pytest.raises(ConceptExists, match="these names have different content: 'rex'"):
        bob.libraries.import_(forgery)
    assert bob.libraries.import_(genuine).concepts[0].state == "there already"
    assert np.array_equal(numbers(bob, "rex-2"), FORGED)


@pytest.mark.parametrize("width", [1, 33, 16_384])
def test_an_embedding_of_another_width_is_refused_wherever_it_is_read(
    opened: Team, maker: Studio, tmp_path: Path, key: Path, width: int
) -> None:
    _, genuine = bundles(maker, tmp_path, key, "present")
    wrong = forged(genuine, tmp_path / "wrong.zip", np.ones(width, dtype="<f4"))
    bob = opened("bob")
    bob.libraries.import_(wrong)  # this home has seen no CLIP yet
    with pytest.raises(PicturesLeftOut, match="this stack's CLIP, which gives 32 numbers"):
        numbers(bob)
    with pytest.raises(PicturesLeftOut, match="this stack's CLIP, which gives 32 numbers"):
        bob.concepts.similar("rex")
    assert bob.concepts.show("rex").embeddings == {}
    (found,) = [finding for finding in bob.doctor() if finding.what == "concept rex"]
    assert found.said == f"its embedding is an embedding of {width} numbers, and its CLIP gives 32"
    with pytest.raises(BundleRefused, match=f"is an embedding of {width} numbers, and its CLIP gives 32"):
        bob.libraries.import_(wrong, on_conflict="rename")


def test_a_given_embedding_is_compared_copied_and_forgotten_with_its_concept(
    opened: Team, maker: Studio, tmp_path: Path, key: Path
) -> None:
    forgery, genuine = bundles(maker, tmp_path, key, "present")
    bob = opened("bob")
    bob.libraries.import_(genuine)
    bob.libraries.import_(forgery, on_conflict="rename")
    bob.workplace.database.write(lambda registry: registry.create_library("toys"))
    bob.concepts.copy("rex", "toys")
    found = bob.concepts.similar("rex")
    assert (found.not_compared, [(other.name, other.library) for other in found.nearest]) == (
        0,
        [("rex", "toys"), ("rex-2", "default")],
    )
    assert found.nearest[0].similarity == pytest.approx(1)
    assert bob.concepts.show("rex").embeddings == {"tiny": 1}
    (image,) = bob.concepts.show("rex-2").images
    forgotten = bob.concepts.forget("rex-2", None, lambda summary: None)
    assert image.sha in forgotten.deleted
    assert bob.concepts.forget("rex", None, lambda summary: None).deleted == ()
    with bob.database.reading() as registry:
        assert registry.computed_features() == []
        assert sum(1 for _ in registry.left_out()) == 1


def test_no_cached_value_stands_for_a_given_one(opened: Team, maker: Studio, tmp_path: Path, key: Path) -> None:
    from lambda_studio.workflows.cache.keys import subject_key

    _, genuine = bundles(maker, tmp_path, key, "present")
    bob = opened("bob")
    bob.libraries.import_(genuine)
    (image,) = bob.workplace.get_concepts(["rex"])[0].images
    put = (subject_key(image, bob.workplace.embedder.encoder).text, "image_embeds", FORGED.tobytes(), (32,), "float32")
    assert not bob.database.write(lambda registry: registry.put_feature(*put, image.sha))
    assert np.array_equal(numbers(bob), numbers(maker))


def test_what_a_concept_without_pictures_and_another_picture_become_is_again_a_note(
    opened: Team, maker: Studio, tmp_path: Path, key: Path
) -> None:
    _, genuine = bundles(maker, tmp_path, key, "present")
    bob = opened("bob")
    bob.libraries.import_(genuine)
    bob.concepts.edit("rex", add=[tmp_path / "one.png"], segment="none")
    mixed = numbers(bob)
    assert not np.array_equal(mixed, numbers(maker))
    bob.libraries.export(["rex"], tmp_path / "mixed.zip", pictures=False)
    bob.concepts.restore("rex", 1)
    assert np.array_equal(numbers(bob), numbers(maker))
    bob.libraries.import_(tmp_path / "mixed.zip", on_conflict="rename")
    assert np.array_equal(numbers(bob, "rex-2"), mixed)


# Databases of before


class Old:
    """A registry in schema 0003, in which mallory's forgery came before bob's genuine bundle."""

    def __init__(self, team: Team, maker: Studio):
        self.maker, self.open_as = maker, team
        if not team.server:
            team.home.mkdir()
            shutil.copyfile(DATABASES / "0003.sqlite3", team.home / FILE_NAME)
        self.store = store_at(team.home, team.address("bob"))

    def fill(self, view: bytes) -> None:
        concept, encoder = self.maker.workplace.get_concepts(["rex"])[0], self.maker.workplace.embedder.encoder
        pictures = [[image.sha, image.mask_sha] for image in concept.images]
        self.note = canonical({"format": "lambda-studio pictures left out", "pictures": pictures, "version": 1})
        name = sha256(self.note)
        self.shas = {"note": name, "view": sha256(view)}
        with closing(self.store), self.store.engine().begin() as connection:
            if self.open_as.server:
                connection.exec_driver_sql("SET LOCAL ROLE studio")
                command.upgrade(alembic_config(connection, "nobody"), "0003")
                connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{MARK}'")
            self.run = lambda statement, **values: connection.execute(
                text(statement.replace(":moment", "'2026-11-23 10:57:09.702541'")).bindparams(
                    *([bindparam("data", type_=LargeBinary())] if "data" in values else [])
                ),
                values,
            )
            for data in (self.note, view):
                self.run("INSERT INTO blobs VALUES (:sha, :size, :data)", sha=sha256(data), size=len(data), data=data)
            content = sha256(canonical({"format": 1, "noun": "dog", "images": [[name, None]]}))
            for number, user in ((71, "mallory"), (72, "bob")):
                ids = {"id": number, "user": user}
                self.run("INSERT INTO libraries VALUES (:id, :user, 'default', 'default', NULL, :moment)", **ids)
                self.run("INSERT INTO concepts VALUES (:id, :id, 'rex', 'rex', :moment, NULL)", id=number)
                insert = "INSERT INTO concept_versions VALUES (:id, :id, 1, 'dog', :content, :moment)"
                self.run(insert, id=number, content=content)
                image = (
                    "INSERT INTO version_images VALUES (:id, 0, :sha, NULL, 1, 1, '2 pictures of rex, left out', '[]')"
                )
                self.run(image, id=number, sha=name)
            for dtype in ("bfloat16", "float16", "float32"):
                told = {"encoder": {"dtype": dtype, "fingerprint": encoder.fingerprint}, "image": name}
                told |= {"kind": "image_embeds", "mask": None, "preprocessing": "cutout-1 cut_out"}
                feature = "'image_embeds', :image, NULL, :view, '[32]', 'float32', :moment"
                self.run(
                    f"INSERT INTO features VALUES (:key, {feature})",
                    key=canonical(told).decode(),
                    image=name,
                    view=sha256(view),
                )


@pytest.fixture
def old(opened: Team, maker: Studio) -> Old:
    return Old(opened, maker)


def findings(studio: Studio) -> list[tuple[str, str]]:
    found = [finding for finding in studio.doctor("thorough") if not finding.whole]
    assert all("Import the bundle again: studio library import FILE.zip" in finding.remedy for finding in found)
    return [(finding.what, finding.said) for finding in found]


def test_what_was_cached_for_all_becomes_the_versions_and_doctor_says_that_it_is_not_proven(
    old: Old, maker: Studio, tmp_path: Path, key: Path
) -> None:
    old.fill(FORGED.tobytes())
    bob = old.open_as("bob")
    assert np.array_equal(numbers(bob), FORGED), "what was there goes on being there"
    unproven = "it was imported without pictures, and its embedding was in a cache shared by all users: "
    unproven += "there is no proof that it came from its bundle"
    assert findings(bob) == [("concept rex", unproven)]
    with bob.database.store.engine().connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM blobs WHERE sha IN (:note, :view)"), old.shas)
        assert left.scalar_one() == 0, "the cached copy is gone, and so is the note that did not hold it"
        assert connection.execute(text("SELECT count(*) FROM features WHERE key LIKE '{%'")).scalar_one() == 0
    assert [fault.said for fault in bob.database.store.faults()] == []
    bob.libraries.export(["rex"], tmp_path / "doubtful.zip", pictures=False)
    bob.libraries.import_(tmp_path / "doubtful.zip", on_conflict="rename")
    _, genuine = bundles(maker, tmp_path, key, "older")
    (done,) = bob.libraries.import_(genuine, trusted_keys=[key.with_suffix(".pub")]).concepts
    assert (done.name, done.state) == ("rex", "renewed")
    assert np.array_equal(numbers(bob), numbers(maker))
    assert findings(bob) == []
    assert bob.libraries.import_(genuine).concepts[0].state == "there already"
    mallory = old.open_as("mallory")
    assert np.array_equal(numbers(mallory), FORGED)
    assert findings(mallory) == [("concept rex", unproven)]


def test_an_embedding_that_was_damaged_before_is_lost_and_can_be_had_again(
    old: Old, maker: Studio, tmp_path: Path, key: Path
) -> None:
    old.fill(b"")  # not one number
    bob = old.open_as("bob")
    assert findings(bob) == [("concept rex", "it was imported without pictures, and its embedding is lost")]
    with pytest.raises(PicturesLeftOut, match="there is no embedding for this stack's CLIP"):
        numbers(bob)
    with pytest.raises(PicturesLeftOut, match="the embedding that replaced the pictures is lost"):
        bob.libraries.export(["rex"], tmp_path / "lost.zip", pictures=False)
    _, genuine = bundles(maker, tmp_path, key, "present")
    assert bob.libraries.import_(genuine, on_conflict="skip").concepts[0].state == "renewed"
    assert np.array_equal(numbers(bob), numbers(maker))
    assert findings(bob) == []
