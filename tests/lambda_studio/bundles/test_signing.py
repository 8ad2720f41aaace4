"""A signature is of a manifest's exact bytes, by a key that was said to be trusted."""

import builtins
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lambda_studio.bundles.archive import Archive, write_archive
from lambda_studio.bundles.contents import BundleConcept, BundleImage, Contents
from lambda_studio.bundles.signing import Signature, read_private_key, read_public_key
from lambda_studio.errors import BundleRefused, InvalidSetting

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (0, 1))
FINGERPRINT = "SHA256:tAXFyTXI8xtDaujAEcwJslAYc9/6FKcUkd2Lw0xDhPo"
"""Of KEY, as `ssh-keygen -l -f` told it."""
PICTURE = b"the bytes of a picture"
SHA = hashlib.sha256(PICTURE).hexdigest()


def contents(noun: str = "dog") -> Contents:
    image = BundleImage(sha256=SHA, mask=None, width=64, height=48, source_name="a.jpg", warnings=())
    return Contents((BundleConcept(name="rex", noun=noun, manifest="0" * 64, images=(image,)),), {SHA: len(PICTURE)})


def signed(key: Ed25519PrivateKey | None = KEY) -> bytes:
    file = io.BytesIO()
    write_archive(file, contents(), lambda sha: PICTURE, key)
    return file.getvalue()


def with_entry(name: str, data: bytes) -> bytes:
    """The signed bundle with other bytes in one entry."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(signed())) as read, zipfile.ZipFile(file, "w") as written:
        for entry in read.namelist():
            written.writestr(entry, data if entry == name else read.read(entry))
    return file.getvalue()


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Signature | None]:
    """Opens these bytes as a bundle; gives its signature."""

    def open_bytes(content: bytes, *trusted: Ed25519PrivateKey) -> Signature | None:
        (tmp_path / "x.zip").write_bytes(content)
        with Archive(tmp_path / "x.zip", [key.public_key() for key in trusted]) as archive:
            assert archive.contents.concepts[0].name == "rex"
            return archive.signature

    return open_bytes


def test_a_signed_bundle_is_the_same_bytes_every_time_and_an_unsigned_one_is_as_it_was() -> None:
    assert signed() == signed()
    names = [zipfile.ZipFile(io.BytesIO(content)).namelist() for content in (signed(), signed(None))]
    assert names[0] == ["manifest.json", "manifest.sig", f"objects/{SHA}"]
    assert names[1] == ["manifest.json", f"objects/{SHA}"]


def test_a_trusted_keys_bundle_is_opened_also_when_several_are_trusted(opened) -> None:
    for trusted in ([], [KEY], [OTHER, KEY]):
        signature = opened(signed(), *trusted)
        assert signature.signer == FINGERPRINT
    assert opened(signed(None)) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (signed(None), "x.zip cannot be imported: it is not signed, but a trusted key was given."),
        (signed(OTHER), "which is not a trusted key."),
        (with_entry("manifest.json", contents("cat").encoded()), f"{FINGERPRINT} did not sign this manifest."),
        (with_entry("manifest.json", contents().encoded() + b" "), f"{FINGERPRINT} did not sign this manifest."),
        (
            with_entry("manifest.sig", KEY.public_key().public_bytes_raw() + OTHER.sign(contents().encoded())),
            f"{FINGERPRINT} did not sign this manifest.",
        ),
        (
            with_entry("manifest.sig", OTHER.public_key().public_bytes_raw() + KEY.sign(contents().encoded())),
            "which is not a trusted key.",
        ),
        (with_entry("manifest.sig", bytes(96)), "which is not a trusted key."),
    ],
    ids=["unsigned", "another's", "noun", "space", "signature of another", "key of another", "zeros"],
)
def test_what_no_trusted_key_signed_is_refused(opened, content: bytes, said: str) -> None:
    with pytest.raises(BundleRefused) as caught:
        opened(content, KEY)
    assert said in caught.value.cause
    assert caught.value.remedy.startswith("Nothing was imported.")
    assert "\n" not in caught.value.cause + caught.value.remedy


@pytest.mark.parametrize("size", [0, 95, 97, 10**6])
def test_a_signature_of_another_size_is_refused_also_where_none_is_asked_for(opened, size: int) -> None:
    with pytest.raises(BundleRefused, match=r"manifest\.sig is not a signature of 96 bytes"):
        opened(with_entry("manifest.sig", bytes(size)))


# Key files


def key_file(tmp_path: Path, key, password: bytes | None = None) -> Path:
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, locked))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "key.pub").write_bytes(public + b" anna@desk\n")
    return tmp_path / "key"


def test_a_key_as_ssh_keygen_writes_it_is_read(tmp_path: Path) -> None:
    path = key_file(tmp_path, KEY)
    assert read_private_key(path).private_bytes_raw() == bytes(32)
    assert read_public_key(path.with_suffix(".pub")) == KEY.public_key()


def test_another_kind_of_key_or_none_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path, generate_private_key(SECP256R1()))
    public, gone = path.with_suffix(".pub"), tmp_path / "gone"
    for read, file, said in (
        (read_private_key, path, "is not an Ed25519 key"),
        (read_public_key, public, "is not an Ed25519 key"),
        (read_private_key, public, "cannot be used to sign"),
        (read_public_key, path, "is a private key"),
        (read_private_key, gone, "cannot be read"),
        (read_public_key, gone, "cannot be read"),
    ):
        with pytest.raises(InvalidSetting, match=said) as caught:
            read(file)
        assert str(file) in caught.value.cause


def test_without_the_package_it_is_said_what_to_install(tmp_path: Path, monkeypatch) -> None:
    import_module = builtins.__import__

    def without(name: str, *rest):
        if name.partition(".")[0] == "cryptography":
            raise ImportError(name)
        return import_module(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for read in (read_private_key, read_public_key):
        with pytest.raises(InvalidSetting, match="need the package cryptography") as caught:
            read(tmp_path / "key")
        assert caught.value.remedy == "Install it: pip install 'cryptography>=43,<51'"
