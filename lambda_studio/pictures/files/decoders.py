"""Open a picture's bytes with the one decoder of their format.

The decoders of HEIC, AVIF, TIFF and BMP are loaded with the first such picture: only the process that opens pictures
needs them. They use one thread, because each thread takes address space.
"""

import io

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from lambda_studio.pictures.files.formats import sniffed

EARLY = tuple(str(kind.format) for kind in (JpegImageFile, PngImageFile, WebPImageFile))
"""The formats whose decoders are imported here, because Pillow's lazy import is not safe among threads."""


def open_image(content: bytes) -> Image.Image:
    """Open a picture by its first bytes, without decoding it. Raises UnidentifiedImageError for other files."""
    kind = sniffed(content)
    if kind is None:
        raise Image.UnidentifiedImageError("the file starts as no known format")
    if kind not in EARLY:
        _load_decoder(kind)
    return Image.open(io.BytesIO(content), formats=(kind,))


def _load_decoder(kind: str) -> None:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    elif kind == "AVIF":
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    elif kind == "TIFF":
        from PIL import TiffImagePlugin as TiffImagePlugin
    else:
        from PIL import BmpImagePlugin as BmpImagePlugin
