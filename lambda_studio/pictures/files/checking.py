"""Check picture files before any is decoded, so that a person hears of all that cannot be used at once."""

import warnings
from pathlib import Path

from lambda_studio.pictures.files.opening import open_mask, read_file
from lambda_studio.pictures.files.refusals import ANOTHER_COPY, DECODER_ERRORS, refused, why_unread
from lambda_studio.pictures.files.tails.endings import ends_early
from lambda_studio.pictures.files.tails.png import with_end
from lambda_studio.pictures.files.verifying import verify


def check_picture(path: Path) -> None:
    """Check a picture's header and structure, and a PNG's checksums. Raises ImageRefused as `open_photo` does.

    A picture that ends too early is decoded: it may lack nothing that is seen. Damage among the pixels of other files,
    and a photo of one colour, are found when they are opened.
    """
    content = read_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's warnings are harmless, or refused
            verify(path, with_end(content))
    except DECODER_ERRORS as error:
        raise refused(path, f"cannot be read: {why_unread(error)}", ANOTHER_COPY) from error
    if ends_early(content):
        open_mask(path)
