"""Small pictures inside a report's page. Pictures of a folder are not trusted: a separate process opens them."""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.refusals import named
from lambda_studio.workflows.benchmarks.results.results_folder import PICTURES, ResultsFolder

SIDE = 192
"""The longest side of a thumbnail, in pixels."""
MOST_PICTURES = 200
MOST_BYTES = 8 * 2**20
"""Of all thumbnails of a page."""
QUALITY = 88


@dataclass(frozen=True)
class Thumbnail:
    """A small picture as a `data:` address, or why there is none."""

    source: str = ""
    why_not: str = ""


class Thumbnails:
    """Makes the thumbnails of one page, within limits of their number and bytes."""

    def __init__(self, door: PictureDoor):
        self._door, self._bytes = door, 0
        self._made: dict[tuple[ResultsFolder, str], Thumbnail] = {}

    def of(self, folder: ResultsFolder, key: str) -> Thumbnail:
        """Return the thumbnail of a picture. Raises DecoderNotStarted."""
        if (folder, key) not in self._made:
            if len(self._made) >= MOST_PICTURES or self._bytes >= MOST_BYTES:
                return Thumbnail(why_not="The page has no room for more pictures.")
            self._made[folder, key] = self._open(folder, key)
        return self._made[folder, key]

    def _open(self, folder: ResultsFolder, key: str) -> Thumbnail:
        path = folder.picture(key)
        if not path.resolve().is_relative_to((folder.out / PICTURES).resolve()):
            return Thumbnail(why_not="The picture is a link to a file outside of the evaluation.")
        try:
            image = self._door.photo(path).image
        except ImageRefused as error:
            return Thumbnail(why_not=f"The picture {error.cause.removeprefix(named(path)).strip()}")
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        self._bytes += buffer.tell()
        return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")
