"""Bundles that are signed, and imports that take no other."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@pytest.fixture
def signed(studio, photos, tmp_path: Path):
    """A library with a dog, and rex.zip, which anna signed; ben has a key too."""
    for seed, name in enumerate(("anna", "ben")):
        key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        (tmp_path / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        (tmp_path / f"{name}.pub").write_bytes(public)
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    said = studio("library", "export", "rex", "--out", "rex.zip", "--sign", "anna")
    assert (said.code, said.out.splitlines()[-1]) == (0, f"Signed by {ANNA}.")
    return studio


ANNA = "SHA256:tAXFyTXI8xtDaujAEcwJslAYc9/6FKcUkd2Lw0xDhPo"


def test_a_signed_bundle_comes_in_and_goes_out_again_byte_for_byte(signed, tmp_path: Path) -> None:
    home = ["--home", tmp_path / "elsewhere"]
    told = json.loads(signed("library", "import", "rex.zip", "--trusted-key", "anna.pub", "--json", *home).out)
    assert (told["signed_by"], told["verified"], told["concepts"][0]["state"]) == (ANNA, True, "added")
    exported = json.loads(signed("library", "export", "--out", "again.zip", "--sign", "anna", "--json", *home).out)
    assert exported["signed_by"] == ANNA
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "rex.zip").read_bytes()


def test_without_a_trusted_key_it_is_told_who_says_to_have_signed_it(signed, tmp_path: Path) -> None:
    home = ["--home", tmp_path / "elsewhere"]
    said = signed("library", "import", "rex.zip", *home).out.splitlines()
    assert said[0] == f"Note: signed by {ANNA}, which was not checked; to check it, give --trusted-key."
    told = json.loads(signed("library", "import", "rex.zip", "--json", *home).out)
    assert (told["signed_by"], told["verified"], told["concepts"][0]["state"]) == (ANNA, False, "there already")


def test_what_is_unsigned_tampered_with_or_anothers_is_refused_and_nothing_is_stored(signed, tmp_path: Path) -> None:
    signed("library", "export", "--out", "unsigned.zip")
    with zipfile.ZipFile("rex.zip") as read, zipfile.ZipFile("cat.zip", "w") as written:
        for name in read.namelist():
            written.writestr(name, read.read(name).replace(b'"noun":"dog"', b'"noun":"cat"'))
    home = ["--home", tmp_path / "elsewhere"]
    for source, key, said in (
        ("unsigned.zip", "anna.pub", "unsigned.zip cannot be imported: it is not signed"),
        ("cat.zip", "anna.pub", f"cat.zip cannot be imported: {ANNA} did not sign this manifest."),
        ("rex.zip", "ben.pub", f"rex.zip cannot be imported: it is signed by {ANNA}, which is not a trusted key."),
        (".", "anna.pub", ". cannot be imported: pictures are not signed"),
    ):
        answer = signed("library", "import", source, "--trusted-key", key, *home)
        cause, remedy = answer.err.splitlines()
        assert (answer.code, answer.out) == (5, "")
        assert cause.startswith(f"Error: {said}")
        assert remedy.startswith("  → ")
    assert json.loads(signed("concepts", "--json", *home).out) == []
    assert (
        signed("library", "import", "rex.zip", "--trusted-key", "ben.pub", "--trusted-key", "anna.pub", *home).code == 0
    )


def test_a_key_that_cannot_be_used_is_refused_before_anything_is_written(signed, tmp_path: Path) -> None:
    answer = signed("library", "export", "--out", "more.zip", "--sign", "anna.pub")
    assert (answer.code, "anna.pub cannot be used to sign" in answer.err) == (2, True)
    assert not (tmp_path / "more.zip").exists()
    answer = signed("library", "import", "rex.zip", "--trusted-key", "anna")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "Error: anna is a private key. It signs bundles, and only its owner should have it.\n"
        "  → Give the public key, which ssh-keygen put beside it: --trusted-key anna.pub\n"
    )
    answer = signed("library", "import", "rex.zip", "--trusted-key", "rex.zip")
    assert (answer.code, "rex.zip is not a public key" in answer.err) == (2, True)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="OpenSSH's ssh-keygen is not here")
def test_the_command_that_the_help_gives_makes_a_key(studio, tmp_path: Path) -> None:
    from lambda_studio.bundles.signing import read_private_key, read_public_key

    told = " ".join(studio("library", "export", "--help").out.split())
    assert "ssh-keygen -t ed25519 -N '' -f FILE" in told
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "made"], check=True)
    assert read_private_key(tmp_path / "made").public_key() == read_public_key(tmp_path / "made.pub")


@pytest.mark.parametrize("option", ["--sign", "--trusted-key"])
def test_a_key_that_is_no_file_is_not_waited_for(studio, tmp_path, option: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    words = ("export", "--out", "a.zip") if option == "--sign" else ("import", "a.zip")
    answer = studio("library", *words, option, "fifo")
    assert answer.code == 2
    assert "The key fifo cannot be read: it is not a regular file." in answer.err
