"""Picture files made by hand, each with what must become of it, found without the decoder that is tested.

PNG files are written chunk by chunk here, so that their pixels are known; JPEG and WebP pixels are read by OpenCV.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from PIL import Image  # only writes here

WIDTH, HEIGHT = 48, 40
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of PNG's colour types: grey, RGB, palette, grey with alpha, RGB with alpha."""
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column, first row, steps."""


@dataclass(frozen=True)
class Expected:
    """What must come out: RGB on white, the alpha beside it, and how far a lossy format's pixels may be from it."""

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    tolerance: int = 0
    lost_rows: int = 0
    """The last rows, in which pixels may be missing."""


@dataclass(frozen=True)
class Case:
    """A file that `make` puts into a folder, and what must become of it: pixels, or (None) a refusal."""

    name: str
    make: Callable[[Path], Path]
    expected: Expected | None
    or_refused: bool = False
    """A refusal is right too."""


def written(name: str, content: bytes) -> Callable[[Path], Path]:
    """Writes a file of this name and content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A PNG chunk, with its checksum or another."""
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def header(width: int, height: int, depth: int = 8, kind: int = 2, interlaced: bool = False) -> bytes:
    """PNG's IHDR."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))


def png(samples: np.ndarray, depth: int, kind: int, extra: Sequence[bytes] = (), interlaced: bool = False) -> bytes:
    """A PNG of these samples (height, width, channels), whose rows take turns with PNG's five filters."""
    height, width = samples.shape[:2]
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    parts = [samples[y::down, x::right] for x, y, right, down in passes]
    rows = b"".join(_filtered(part, depth) for part in parts if part.size)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"".join([SIGNATURE, header(width, height, depth, kind, interlaced), *extra, data, chunk(b"IEND", b"")])


def _filtered(samples: np.ndarray, depth: int) -> bytes:
    step = max(1, samples.shape[2] * depth // 8)
    former, lines = None, []
    for y, row in enumerate(samples):
        raw = _packed(row.reshape(-1), depth)
        former = np.zeros_like(raw) if former is None else former
        left, corner = (np.concatenate([np.zeros(step, np.uint8), line])[: len(raw)] for line in (raw, former))
        a, b, c = left.astype(int), former.astype(int), corner.astype(int)
        paeth = np.where(
            (abs(b - c) <= abs(a - c)) & (abs(b - c) <= abs(a + b - 2 * c)),
            a,
            np.where(abs(a - c) <= abs(a + b - 2 * c), b, c),
        )
        guess = (0 * a, a, b, (a + b) // 2, paeth)[y % 5]
        lines.append(bytes([y % 5]) + ((raw - guess) % 256).astype(np.uint8).tobytes())
        former = raw
    return b"".join(lines)


def _packed(samples: np.ndarray, depth: int) -> np.ndarray:
    if depth == 16:
        return samples.astype(">u2").view(np.uint8)
    bits = np.unpackbits(samples.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits.reshape(-1))


def on_white(rgb: np.ndarray, alpha: np.ndarray | None) -> Expected:
    """What these colours with this alpha are on white."""
    if alpha is None or (alpha == 255).all():
        return Expected(rgb.astype(np.uint8))
    weight = alpha.astype(int)[..., None]
    blended = (2 * (rgb * weight + 255 * (255 - weight)) + 255) // 510  # rounded to the nearest
    return Expected(blended.astype(np.uint8), alpha.astype(np.uint8))


def pattern(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Smooth colours that differ at every corner."""
    y, x = np.mgrid[:height, :width]
    rgb = [255 * x / width, 255 * y / height, 128 + 100 * (x + y) / (width + height)]
    return np.stack(rgb, axis=-1).astype(np.uint8)


def png_kinds() -> Iterator[Case]:
    """Every colour type and depth that PNG has, plain and interlaced, with and without a transparent colour."""
    for kind, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            for interlaced in (False, True):
                for clear in (False, True)[: 2 if kind < 4 else 1]:
                    yield _png_kind(kind, depth, interlaced, clear)


def _png_kind(kind: int, depth: int, interlaced: bool, clear: bool) -> Case:
    numbers = np.random.default_rng(100 * kind + depth)
    samples = numbers.integers(0, 2**depth, (HEIGHT, WIDTH, CHANNELS[kind]))
    extra, alpha = [], None
    if kind == 3:
        palette = numbers.integers(0, 256, (2**depth, 3))
        levels = numbers.integers(0, 256, 2**depth) if clear else np.full(2**depth, 255)
        extra = [chunk(b"PLTE", palette.astype(np.uint8).tobytes())]
        extra += [chunk(b"tRNS", levels.astype(np.uint8).tobytes())] if clear else []
        rgb, alpha = palette[samples[..., 0]], levels[samples[..., 0]]
    else:
        shown = samples >> 8 if depth == 16 else samples * 255 // (2**depth - 1)
        rgb = shown[..., :3] if kind in (2, 6) else np.repeat(shown[..., :1], 3, axis=-1)
        alpha = shown[..., -1] if kind > 3 else None
        if clear:
            colour = samples[1, 1]
            extra = [chunk(b"tRNS", colour.astype(">u2").tobytes())]
            alpha = np.where((samples == colour).all(axis=-1), 0, 255)
    name = f"png kind {kind}, {depth} bits{', interlaced' * interlaced}{', transparent colour' * clear}"
    return Case(name, written("a.png", png(samples, depth, kind, extra, interlaced)), on_white(rgb, alpha))


def palettes() -> Iterator[Case]:
    """Palettes of which one place alone is transparent, as most writers make them."""
    for depth in (1, 2, 4, 8):
        for clear in (0, 2**depth - 1):
            numbers = np.random.default_rng(depth)
            places = numbers.integers(0, 2**depth, (HEIGHT, WIDTH, 1))
            palette = numbers.integers(0, 256, (2**depth, 3))
            levels = np.full(clear + 1, 255)
            levels[clear] = 0
            extra = [
                chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
                chunk(b"tRNS", levels.astype(np.uint8).tobytes()),
            ]
            alpha = np.where(places[..., 0] == clear, 0, 255)
            make = written("a.png", png(places, depth, 3, extra))
            yield Case(
                f"png palette of {depth} bits, place {clear} clear", make, on_white(palette[places[..., 0]], alpha)
            )


def turned(rgb: np.ndarray, orientation: int) -> np.ndarray:
    """What a picture with this EXIF orientation is, upright (EXIF 2.3, 4.6.4)."""
    if orientation > 4:
        rgb = rgb.swapaxes(0, 1)
    mirrored = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    return np.flip(rgb, mirrored)


def exif(orientation: int, kind: int = 3, count: int = 1) -> bytes:
    """The TIFF part of an EXIF block that says only this."""
    return b"MM\0\x2a\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, kind, count, orientation, 0, 0)


def jpeg(rgb: np.ndarray, *options: int) -> bytes:
    """A JPEG by OpenCV."""
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95, *options])[1].tobytes()


def webp(rgb: np.ndarray, quality: int = 101) -> bytes:
    """A WebP by OpenCV; without loss unless a quality below 101 is given."""
    return cv2.imencode(".webp", rgb[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


def by_opencv(rgb: np.ndarray, suffix: str) -> bytes:
    """A BMP, a TIFF or an AVIF (of good quality) by OpenCV."""
    quality = [cv2.IMWRITE_AVIF_QUALITY, 95] if suffix == ".avif" else []
    return cv2.imencode(suffix, rgb[..., ::-1], quality)[1].tobytes()


def heic(rgb: np.ndarray) -> bytes:
    """A HEIC of good quality. OpenCV writes none."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(rgb)).save(buffer, quality=95, chroma=444)
    return buffer.getvalue()


def seen_by_opencv(content: bytes, tolerance: int) -> Expected:
    """The pixels that OpenCV finds in a file."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return Expected(cv2.imdecode(np.frombuffer(content, np.uint8), flags)[..., ::-1], tolerance=tolerance)


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(content: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments after its first marker."""
    return content[:2] + b"".join(segments) + content[2:]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP file of these chunks."""
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def extended_webp(
    rgb: np.ndarray, *more: tuple[bytes, bytes], flags: int = 0, canvas: tuple[int, int] | None = None
) -> bytes:
    """A lossless WebP in its extended form, with further chunks and a canvas of its own."""
    plain = webp(rgb)
    width, height = canvas or (rgb.shape[1], rgb.shape[0])
    head = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff((b"VP8X", head), (b"VP8L", plain[20 : 20 + int.from_bytes(plain[16:20], "little")]), *more)
