"""Tell pictures that end too early by their structure, without decoding a pixel."""

from lambda_studio.pictures.files.colour.iso_boxes import MAX_BOXES
from lambda_studio.pictures.files.formats import sniffed
from lambda_studio.pictures.files.tails.jpeg import lacks_end


def ends_early(content: bytes) -> bool:
    """Return whether a picture's parts reach beyond its end, or a JPEG has no end marker after its pixels.

    Of a PNG the checksums tell, and a TIFF does not say where it ends: both give False.
    """
    kind = sniffed(content)
    if kind == "JPEG":
        return lacks_end(content)
    if kind == "WEBP":
        return 8 + int.from_bytes(content[4:8], "little") > len(content)
    if kind == "BMP":
        return int.from_bytes(content[2:6], "little") > len(content)
    return kind in ("HEIF", "AVIF") and _boxes_end(content) > len(content)


def _boxes_end(content: bytes) -> int:
    """Return where the outermost boxes of a HEIC or AVIF file end."""
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(content):
            break
        length = int.from_bytes(content[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(content[at + 8 : at + 16], "big")
        if length < 8:  # 0: the rest of the file
            break
        at += length
    return at
