"""List the picture formats that are opened, with their suffixes and limits, and tell a file's format from its bytes."""

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
}
"""The formats that are opened, by Pillow's names, and the suffixes of their files. MPO is opened as JPEG."""
PICTURE_SUFFIXES = tuple(dict.fromkeys(suffix for suffixes in SUFFIXES.values() for suffix in suffixes))
"""The suffixes by which a picture in a folder is recognised, in lower case."""
FORMATS_SAID = "JPEG, PNG, WEBP, HEIC, AVIF, TIFF or BMP"
MAX_PIXELS = {"JPEG": 64_000_000, "MPO": 64_000_000, "HEIF": 50_000_000} | dict.fromkeys(
    ("PNG", "WEBP", "AVIF", "TIFF", "BMP"), 36_000_000
)
"""JPEG has a higher limit because it can be decoded at a fraction of its size; of HEIC, phones take 48 million."""


def said(kind: str) -> str:
    """Return a format's name as people know it."""
    return {"HEIF": "HEIC", "MPO": "JPEG"}.get(kind, kind)


def sniffed(content: bytes) -> str | None:
    """Return the format of a file by its first bytes, or None if it is not one of `SUFFIXES`."""
    if content[4:8] == b"ftyp":
        brands = content[8 : min(256, int.from_bytes(content[:4], "big"))]
        return "AVIF" if b"avif" in brands or b"avis" in brands else "HEIF"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    starts = {b"\xff\xd8": "JPEG", b"\x89PNG": "PNG", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"BM": "BMP"}
    return next((kind for start, kind in starts.items() if content.startswith(start)), None)


STILL_BRANDS = (b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avif", b"avis", b"miaf")
"""What HEIC and AVIF files say that they are. Other files of the same container are videos."""


def is_video(content: bytes) -> bool:
    """Return whether the first bytes are of a QuickTime or MP4 video."""
    if content[4:8] == b"ftyp":
        brands = content[8 : min(256, int.from_bytes(content[:4], "big"))]
        return not any(brand in brands for brand in STILL_BRANDS)
    return content[4:8] in (b"moov", b"mdat", b"wide")
