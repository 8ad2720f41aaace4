"""Write a concept's images and masks as files, to be edited in a paint program and given back."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from concepts.records import ConceptRecord
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.workflows.cache.left_out import require_pictures
from lambda_studio.workflows.subjects.originals import file_name
from lambda_studio.workflows.workplace import Workplace

WHITE = 255


def picture_name(number: int, source_name: str) -> str:
    """Return the name of an image's file: `IMG_1.jpg` -> `1-IMG_1.png`."""
    return f"{file_name(number, Path(source_name).stem)}.png"


def mask_name(number: int, source_name: str) -> str:
    """Return the name of a mask's file, which adding and importing know: `IMG_1.jpg` -> `1-IMG_1.mask.png`."""
    return f"{file_name(number, Path(source_name).stem)}.mask.png"


def mask_files(place: Workplace, concept: ConceptRecord) -> Iterator[tuple[str, bytes]]:
    """Yield each image as it is stored, then its mask, with their file names. Only one image is in memory.

    The mask is white on the subject. It is all white if the whole picture is the subject.
    Raises PicturesLeftOut.
    """
    require_pictures([concept], "files of its masks")
    for number, image in enumerate(concept.images, start=1):
        with place.database.reading() as registry:
            data, mask = registry.blob(image.sha), image.mask_sha and registry.blob(image.mask_sha)
        yield picture_name(number, image.source_name), data
        white = Image.new("L", (image.width, image.height), WHITE)
        yield mask_name(number, image.source_name), mask or encode_png(white)
