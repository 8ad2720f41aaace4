"""The hostile and the odd pictures that are made by hand, in families."""

import os
import pickle
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image  # only writes here: OpenCV writes no four inks

from tests.reliability.picture_files import (
    HEIGHT,
    SIGNATURE,
    WIDTH,
    Case,
    Expected,
    by_opencv,
    chunk,
    exif,
    extended_webp,
    header,
    heic,
    jpeg,
    on_white,
    palettes,
    pattern,
    png,
    png_kinds,
    riff,
    seen_by_opencv,
    segment,
    turned,
    webp,
    with_segments,
    written,
)

RGB = pattern()
PNG, JPEG, WEBP, LOSSY = png(RGB, 8, 2), jpeg(RGB), webp(RGB), webp(RGB, 90)
PROGRESSIVE = jpeg(RGB, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
BMP, TIFF, AVIF = by_opencv(RGB, ".bmp"), by_opencv(RGB, ".tiff"), by_opencv(RGB, ".avif")
HEIC = heic(RGB)
WHOLE = {
    "a.png": (PNG, Expected(RGB)),
    "a.jpg": (JPEG, seen_by_opencv(JPEG, 2)),
    "progressive.jpg": (PROGRESSIVE, seen_by_opencv(PROGRESSIVE, 2)),
    "a.webp": (WEBP, Expected(RGB)),
    "lossy.webp": (LOSSY, seen_by_opencv(LOSSY, 2)),
    "a.bmp": (BMP, Expected(RGB)),
    "a.tif": (TIFF, Expected(RGB)),
    "a.avif": (AVIF, seen_by_opencv(AVIF, 3)),
    "a.heic": (HEIC, Expected(RGB, tolerance=12)),
}
FOREIGN = {
    ".gif": b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + bytes(6) + b",\0\0\0\0@\0@\0\0\x02\x02\x4c\x01\0;",
    ".bmp": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 64 * 64 * 3 + 54, 0, 54, 40, 64, 64, 1, 24, 0, 0, 0, 0, 0, 0)
    + bytes(64 * 64 * 3),
    ".tif": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    ".tiff": b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
    ".ico": struct.pack("<HHHBBBBHHII", 0, 1, 1, 64, 64, 0, 0, 1, 32, len(PNG), 22) + PNG,
    ".icns": b"icns" + struct.pack(">I", 16 + len(PNG)) + b"ic07" + struct.pack(">I", 8 + len(PNG)) + PNG,
    ".eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n%%EOF\n",
    ".ps": b"%!PS\nshowpage\n",
    ".pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    ".svg": b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
    ".psd": b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 64, 64, 8, 3) + bytes(14),
    ".avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B",
    ".heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    ".jp2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ",
    ".jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
    ".ppm": b"P6 64 64 255\n" + bytes(64 * 64 * 3),
    ".pgm": b"P5 64 64 255\n" + bytes(64 * 64),
    ".tga": b"\0\0\x02" + bytes(9) + struct.pack("<HHBB", 64, 64, 24, 0) + bytes(64 * 64 * 3),
    ".pcx": b"\x0a\5\1\x08\0\0\0\0?\0?\0" + bytes(116),
    ".dds": b"DDS " + struct.pack("<I", 124) + bytes(120),
    ".qoi": b"qoif" + struct.pack(">IIBB", 64, 64, 3, 0) + bytes(8),
    ".xbm": b"#define a_width 64\n#define a_height 64\nstatic char a_bits[] = {0x00};",
    ".xpm": b'/* XPM */\nstatic char *a[] = {"64 64 1 1", "a c #fff"};',
    ".fits": b"SIMPLE  =                    T".ljust(2880),
    ".wmf": b"\xd7\xcd\xc6\x9a" + bytes(40),
    ".flc": struct.pack("<IHHHHHH", 128, 0xAF12, 1, 64, 64, 8, 3) + bytes(112),
    ".html": b"<html><script>alert(1)</script></html>",
    ".zip": b"PK\5\6" + bytes(18),
    ".gz": b"\x1f\x8b\x08" + bytes(20),
    ".pkl": pickle.dumps({"a": 1}),
    ".exe": b"MZ" + bytes(62),
    ".sh": b"#!/bin/sh\nexit 1\n",
    ".elf": b"\x7fELF\2\1\1" + bytes(57),
    ".txt": b"a picture of a dog\n",
    ".bin": np.random.default_rng(0).bytes(5000),
}


def refused(name: str, file: str, content: bytes) -> Case:
    """A file that must be refused."""
    return Case(name, written(file, content), None)


def cases() -> Iterator[Case]:
    """All of them."""
    families = (
        png_kinds,
        palettes,
        orientations,
        names,
        foreign,
        cut_short,
        checksums,
        shapes,
        colours,
        bombs,
        moving,
        oddities,
    )
    for family in (*families, modes, places):
        yield from family()


def orientations() -> Iterator[Case]:
    """EXIF 1 to 8 in each format, and values that EXIF does not have."""
    for value in (*range(10), 65535):
        expected = Expected(turned(RGB, value if 1 <= value <= 8 else 1))
        block = exif(value)
        yield Case(f"png, EXIF {value}", written("a.png", png(RGB, 8, 2, [chunk(b"eXIf", block)])), expected)
        tagged = extended_webp(RGB, (b"EXIF", block), flags=8)
        yield Case(f"webp, EXIF {value}", written("a.webp", tagged), expected)
        upright = seen_by_opencv(JPEG, 2)
        expected = Expected(turned(upright.rgb, value if 1 <= value <= 8 else 1), tolerance=2)
        tagged = with_segments(JPEG, segment(0xE1, b"Exif\0\0" + block))
        yield Case(f"jpeg, EXIF {value}", written("a.jpg", tagged), expected)


def names() -> Iterator[Case]:
    """What files may be called: anything, because their content says what they are."""
    for file, (content, expected) in WHOLE.items():
        for suffix in ("png", "jpg", "webp", "gif", "JPEG", "PNG", "jfif", "mpo", "exe"):
            yield Case(f"{file} called .{suffix}", written(f"b.{suffix}", content), expected)
    for name in (
        "a b.png",
        "ä.png",
        "💚.png",
        "-rf.png",
        "a'b\".png",
        "\u202egnp.png",
        "a\nb.png",
        "%s%n.png",
        "x" * 250 + ".png",
    ):
        yield Case(f"called {name[:12]!a}", written(name, PNG), Expected(RGB))


def foreign() -> Iterator[Case]:
    """Other formats, called what they are and called pictures."""
    for suffix, content in FOREIGN.items():
        yield refused(f"a {suffix} file", f"a{suffix}", content)
        yield refused(f"a {suffix} file called .png", "a.png", content)


def cut_short() -> Iterator[Case]:
    """Files that end too soon. Without its last few bytes a JPEG, say, may still have all its pixels."""
    for file, (content, expected) in WHOLE.items():
        for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
            yield refused(f"{file}, {share:.0%} of it", file, content[: int(share * len(content))])
        for less in (1, 2, 5, 12):
            make = written(file, content[:-less])
            short = replace(expected, lost_rows=18 * file.endswith(".jpg"))  # a row of blocks, and two of smooth chroma
            yield Case(f"{file} without {less} bytes", make, short, or_refused=True)


def checksums() -> Iterator[Case]:
    """A wrong checksum in each kind of chunk."""
    for kind in (
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"PLTE",
        b"tRNS",
        b"gAMA",
        b"pHYs",
        b"tEXt",
        b"zTXt",
        b"iCCP",
        b"eXIf",
        b"sRGB",
    ):
        at = PNG.find(kind)
        if at >= 0:
            end = at + 4 + int.from_bytes(PNG[at - 4 : at], "big")
            content = PNG[:end] + b"\0\0\0\1" + PNG[end + 4 :]
        else:
            content = png(RGB, 8, 2, [chunk(kind, bytes(9), crc=1)])
        yield refused(f"png, wrong checksum in {kind.decode()}", "a.png", content)


def shapes() -> Iterator[Case]:
    """Too few pixels, too many, too long, and just right."""
    for width, height in ((1, 1), (1, 30000), (30000, 1), (31, 64), (64, 31), (32, 257), (257, 32), (2, 2), (16, 16)):
        yield refused(f"png of {width} x {height}", "a.png", png(pattern(width, height), 8, 2))
    for width, height in ((32, 32), (32, 256), (256, 32), (33, 47)):
        yield Case(
            f"png of {width} x {height}",
            written("a.png", png(pattern(width, height), 8, 2)),
            Expected(pattern(width, height)),
        )
    sizes = (
        (0, 0),
        (0, 64),
        (64, 0),
        (6001, 6000),
        (2**31 - 1, 2**31 - 1),
        (2**32 - 1, 64),
        (65535, 65535),
        (10**6, 10**6),
    )
    for width, height in sizes:
        lying = SIGNATURE + header(width, height) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        yield refused(f"png that says {width} x {height}", "a.png", lying)
    for width, height in ((0, 0), (1, 1), (8001, 8000), (65535, 65535), (31, 200), (32, 60000)):
        frame, size = JPEG.find(b"\xff\xc0"), struct.pack(">HH", height, width)
        yield refused(f"jpeg that says {width} x {height}", "a.jpg", JPEG[: frame + 5] + size + JPEG[frame + 9 :])
    for width, height in ((1, 1), (16384, 16384), (2**24, 2), (WIDTH + 1, HEIGHT), (WIDTH, HEIGHT - 1)):
        lying = extended_webp(RGB, canvas=(width, height))
        yield Case(f"webp on a canvas of {width} x {height}", written("a.webp", lying), Expected(RGB), or_refused=True)


def colours() -> Iterator[Case]:
    """One colour, and very nearly."""
    for value in (0, 127, 255):
        flat = np.full((40, 48, 3), value, dtype=np.uint8)
        for file, content in (("a.png", png(flat, 8, 2)), ("a.jpg", jpeg(flat)), ("a.webp", webp(flat))):
            yield refused(f"{file} of {value} throughout", file, content)
    nearly = np.full((40, 48, 3), 100, dtype=np.uint8)
    for spread in (2, 3):
        nearly = nearly.copy()
        nearly[0, 0, 1] = 100 + spread
        expected = Expected(nearly) if spread == 3 else None
        yield Case(f"png that varies by {spread}", written("a.png", png(nearly, 8, 2)), expected)
    clear = np.concatenate([RGB, np.zeros_like(RGB[..., :1])], axis=-1)
    yield refused("png that is transparent throughout", "a.png", png(clear, 8, 6))
    grey = np.full((40, 48, 1), 9)
    yield refused("16-bit png of one grey", "a.png", png(grey, 16, 0))


def bombs() -> Iterator[Case]:
    """What becomes very large, or very much."""
    zeros = zlib.compress(bytes(10**8), 9)
    end = chunk(b"IEND", b"")
    small = SIGNATURE + header(WIDTH, HEIGHT)
    yield Case("png, 100 MB of pixels too many", written("a.png", small + chunk(b"IDAT", zeros) + end), None)
    for kind, head in ((b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")):
        content = png(RGB, 8, 2, [chunk(kind, head + zeros)])
        yield Case(f"png, 100 MB in {kind.decode()}", written("a.png", content), Expected(RGB), or_refused=True)
    for name, more in (
        ("20,000 text chunks", [chunk(b"tEXt", b"key\0value")] * 20_000),
        ("20,000 unknown chunks", [chunk(b"abCd", b"")] * 20_000),
        ("20 MB of text", [chunk(b"tEXt", b"a\0" + b"x" * 20 * 2**20)]),
        ("20,000 compressed texts", [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1000)))] * 20_000),
    ):
        yield Case(f"png, {name}", written("a.png", png(RGB, 8, 2, more)), Expected(RGB), or_refused=True)
    for name, more in (
        ("500 segments", [segment(0xE5, bytes(65533))] * 500),
        ("200 comments", [segment(0xFE, b"x" * 65533)] * 200),
        (
            "255 pieces of a profile",
            [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 255]) + bytes(60000)) for n in range(1, 256)],
        ),
        ("an endless EXIF", [segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\x08")]),
        ("EXIF with 65535 entries", [segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(60000))]),
    ):
        content = with_segments(JPEG, *more)
        yield Case(f"jpeg, {name}", written("a.jpg", content), seen_by_opencv(JPEG, 2), or_refused=True)
    black = SIGNATURE + header(6000, 5999) + chunk(b"IDAT", zlib.compress(bytes(5999 * 18001), 1)) + end
    yield refused("png, 36 million black pixels", "a.png", black)


def moving() -> Iterator[Case]:
    """More than one picture in a file."""
    control = chunk(b"acTL", struct.pack(">II", 2, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0))
    second = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0))
    at = PNG.find(b"IDAT") - 4
    end = PNG.find(b"IEND") - 4
    data = PNG[at + 8 : end - 4]
    frames = PNG[:at] + control + frame + PNG[at:end] + second + chunk(b"fdAT", struct.pack(">I", 2) + data) + PNG[end:]
    yield refused("animated png", "a.png", frames)
    claims = PNG[:at] + chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + PNG[at:]
    yield Case("png that says it has two billion frames", written("a.png", claims), None, or_refused=True)
    still = bytes(6) + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little") + b"\x0a\0\0\0"
    one = (b"ANMF", still + WEBP[12:])
    head = b"\x02\0\0\0" + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    yield refused("animated webp", "a.webp", riff((b"VP8X", head), (b"ANIM", bytes(6)), one, one))
    yield Case("two jpegs one after the other", written("a.jpg", JPEG + JPEG), seen_by_opencv(JPEG, 2))


def oddities() -> Iterator[Case]:
    """Whole pictures with something before, after or inside that does not belong there."""
    for what, tail in (("a zip", FOREIGN[".zip"]), ("a script", FOREIGN[".sh"]), ("zeros", bytes(10**6))):
        for file, (content, expected) in WHOLE.items():
            yield Case(f"{file} with {what} after it", written(file, content + tail), expected, or_refused=True)
        yield refused(f"png with {what} before it", "a.png", tail + PNG)
    palette = np.zeros((HEIGHT, WIDTH, 1), dtype=int)
    palette[::2] = 200
    few = png(palette, 8, 3, [chunk(b"PLTE", b"\1\2\3" * 2)])
    black = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    black[palette[..., 0] == 0] = (1, 2, 3)
    yield Case("png with places beyond its palette", written("a.png", few), on_white(black, None), or_refused=True)
    yield refused("png of a palette without one", "a.png", png(palette, 8, 3))
    yield refused("png without pixels", "a.png", SIGNATURE + header(64, 64) + chunk(b"IEND", b""))
    yield Case("png without its end", written("a.png", PNG[: PNG.find(b"IEND") - 4]), Expected(RGB))
    yield refused("png that ends before its pixels do", "a.png", PNG[: PNG.find(b"IEND") - 9])
    for depth, kind in ((3, 0), (16, 3), (1, 2), (8, 1), (8, 5), (8, 7), (0, 0), (255, 255)):
        content = SIGNATURE + header(WIDTH, HEIGHT, depth, kind) + PNG[PNG.find(b"IDAT") - 4 :]
        yield refused(f"png of kind {kind} with {depth} bits", "a.png", content)


def modes() -> Iterator[Case]:
    """JPEGs that are grey or of four inks, MPO, and what is no profile."""
    grey = cv2.imencode(".jpg", RGB[..., 1])[1].tobytes()
    yield Case("grey jpeg", written("a.jpg", grey), seen_by_opencv(grey, 2))
    for note in (b"", b"profile", bytes(200)):
        content = png(RGB, 8, 2, [chunk(b"iCCP", b"a\0\0" + zlib.compress(note))])
        yield Case(
            f"png with a profile of {len(note)} bytes", written("a.png", content), Expected(RGB), or_refused=not note
        )
    yield Case(
        "jpeg with a broken profile",
        written("a.jpg", with_segments(JPEG, segment(0xE2, b"ICC_PROFILE\0\1\1x"))),
        seen_by_opencv(JPEG, 2),
    )
    inks = np.random.default_rng(4).integers(0, 256, (8, 8, 4), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    for marked in (True, False):  # with Adobe's marker and without: nothing says that the inks are meant otherwise
        make = _four_inks(Image.fromarray(inks, "CMYK"), marked)
        yield Case(f"cmyk jpeg{', marked' * marked}", make, _on_paper(inks))


def _four_inks(image: Image.Image, marked: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "a.jpg"
        image.save(path, quality=100, subsampling=0)
        content = path.read_bytes()
        at = content.find(b"\xff\xee")
        assert at > 0
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        path.write_bytes(content if marked else content[:at] + content[end:])
        return path

    return make


def _on_paper(inks: np.ndarray) -> Expected:
    """What four inks look like, without a profile."""
    light = 255 - inks.astype(int)
    return Expected((light[..., :3] * light[..., 3:] / 255).round().astype(np.uint8), tolerance=6)


def places() -> Iterator[Case]:
    """What is no regular file, and what leads nowhere."""

    def made(name: str, how) -> Case:
        def make(folder: Path) -> Path:
            how(folder / "a.png")
            return folder / "a.png"

        return Case(name, make, None)

    def listen(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))

    def large(path: Path) -> None:
        path.write_bytes(PNG)
        os.truncate(path, 101 * 2**20)

    yield refused("0 bytes", "a.png", b"")
    yield made("nothing at all", lambda path: None)
    yield made("a folder", Path.mkdir)
    yield made("a named pipe", os.mkfifo)
    yield made("a socket", listen)
    yield made("a link to itself", lambda path: path.symlink_to(path))
    yield made("a link to nowhere", lambda path: path.symlink_to(path.with_name("gone.png")))
    yield made("a link to a folder", lambda path: path.symlink_to(path.parent))
    for device in ("null", "zero", "random", "tty"):
        yield made(f"a link to /dev/{device}", lambda path, device=device: path.symlink_to(f"/dev/{device}"))
    yield made("101 MB", large)
    yield Case("a name of 5,000 letters", lambda folder: folder / ("x" * 5000), None)
    yield Case("a name with a zero", lambda folder: folder / "a\0.png", None)
    yield Case("a file as a folder", lambda folder: written("a.png", PNG)(folder) / "b.png", None)
