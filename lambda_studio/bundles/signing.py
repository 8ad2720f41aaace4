"""Signatures of manifests: Ed25519 (RFC 8032), with key files from ssh-keygen."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.durable import read_small
from lambda_studio.errors import BundleRefused, InvalidSetting

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
MAX_KEY_BYTES = 2**16
ENCODED_BYTES = KEY_BYTES + 64
"""The size of a signature in a bundle."""
MAKE_A_KEY = "Give an Ed25519 key without a passphrase; this makes one: ssh-keygen -t ed25519 -N '' -f FILE"


@dataclass(frozen=True)
class Signature:
    """A signature of a manifest's bytes, with the public key that it claims."""

    key: bytes
    value: bytes

    @property
    def encoded(self) -> bytes:
        """The 96 bytes in a bundle: the key's 32, then the signature's 64."""
        return self.key + self.value

    @property
    def signer(self) -> str:
        """The key's fingerprint, as `ssh-keygen -l -f FILE.pub` prints it."""
        wire = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", self.key))
        return "SHA256:" + b64encode(sha256(wire).digest()).rstrip(b"=").decode()


def read_signature(data: bytes) -> Signature | None:
    """Return the signature in these bytes, or None if their number is wrong."""
    return Signature(data[:KEY_BYTES], data[KEY_BYTES:]) if len(data) == ENCODED_BYTES else None


def sign(key: "Ed25519PrivateKey", manifest: bytes) -> Signature:
    """Return the signature of a manifest. Equal keys and bytes give equal signatures."""
    return Signature(key.public_key().public_bytes_raw(), key.sign(manifest))


def require_trusted(
    path: Path, manifest: bytes, signature: Signature | None, trusted: Sequence["Ed25519PublicKey"]
) -> None:
    """Raise BundleRefused unless one of the trusted keys signed exactly these bytes."""
    from cryptography.exceptions import InvalidSignature

    refused = f"{path} cannot be imported:"
    if signature is None:
        cause = f"{refused} it is not signed, but a trusted key was given."
        raise BundleRefused(cause, "Nothing was imported. Ask for a signed bundle: studio library export --sign KEY")
    key = next((each for each in trusted if each.public_bytes_raw() == signature.key), None)
    if key is None:
        cause = f"{refused} it is signed by {signature.signer}, which is not a trusted key."
        raise BundleRefused(cause, "Nothing was imported. If you trust this key, add: trusted_keys=FILE.pub")
    try:
        key.verify(signature.value, manifest)
    except InvalidSignature as error:
        cause = f"{refused} {signature.signer} did not sign this manifest."
        raise BundleRefused(cause, "Nothing was imported. Ask the owner of the key for the bundle again.") from error


def read_private_key(path: Path) -> "Ed25519PrivateKey":
    """Return the key to sign with. Raises InvalidSetting if the file has no usable key or needs a passphrase."""
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        key = load_ssh_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidSetting(f"{path} cannot be used to sign: {str(error).rstrip('.')}.", MAKE_A_KEY) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidSetting(f"{path} is not an Ed25519 key.", MAKE_A_KEY)
    return key


def read_public_key(path: Path) -> "Ed25519PublicKey":
    """Return a trusted key from the line that ssh-keygen writes. Raises InvalidSetting if the file has none."""
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    data = _read(path)
    if data.startswith(b"-----BEGIN") and b"PRIVATE KEY" in data[:80]:
        cause = f"{path} is a private key. It signs bundles, and only its owner should have it."
        raise InvalidSetting(cause, f"Give the public key, which ssh-keygen put beside it: trusted_keys={path}.pub")
    try:
        key = load_ssh_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidSetting(
            f"{path} is not a public key: {str(error).rstrip('.')}.", "Give FILE.pub, which ssh-keygen made."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidSetting(f"{path} is not an Ed25519 key.", "Ask for an Ed25519 key.")
    return key


def _require_cryptography() -> None:
    """Raise InvalidSetting if the package is missing."""
    try:
        import cryptography  # noqa: F401  # only checks that the package is installed
    except ImportError as error:
        cause = "Signing and checking signatures need the package cryptography."
        raise InvalidSetting(cause, "Install it: pip install 'cryptography>=43,<51'") from error


def _read(path: Path) -> bytes:
    try:
        return read_small(path, MAX_KEY_BYTES)
    except OSError as error:
        raise InvalidSetting(f"The key {path} cannot be read: {error.strerror}.", "Check the path.") from error
