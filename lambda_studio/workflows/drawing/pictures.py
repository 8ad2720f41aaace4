"""Write picture files with their texts."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from concepts.records import ConceptRecord
from lambda_studio.config import GenerateConfig, Size
from lambda_studio.errors import ImageRefused
from lambda_studio.generation.generator import Picture
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.texts.picture_texts import CONCEPT_FIELDS, NOT_STORED, PictureTexts, read_texts
from lambda_studio.workflows.drawing.adapter_choice import ChosenAdapter
from lambda_studio.workflows.drawing.asking.given_pictures import Given
from lambda_studio.workflows.drawing.asking.preparing import Prepared
from lambda_studio.workflows.workplace import Workplace


@dataclass(frozen=True)
class Destination:
    """Where a picture is written, and with which texts. Before it is drawn, they lack its seed and its batch."""

    texts: PictureTexts | None
    """None: without texts."""
    out: Path
    title: str
    at_once: bool = True
    """Write it as soon as it is drawn; otherwise only if the drawing is stopped."""
    several: bool = False
    """Other pictures have the same destination."""

    def of(self, picture: Picture) -> "Destination":
        """Return the destination with the texts of this picture."""
        texts = self.texts and replace(self.texts, seed=picture.seed, batch=picture.batch)
        return replace(self, texts=texts)


@dataclass(frozen=True)
class Made:
    """A drawn picture: in its file, or in memory until it is known whether it is written."""

    seed: int
    to: Destination
    path: Path | None = None
    waiting: Image.Image | None = None

    @property
    def image(self) -> Image.Image:
        """The picture, read from its file if it is written."""
        if self.waiting is not None:
            return self.waiting
        assert self.path is not None, "it is in one of the two places"
        return decode_png(self.path.read_bytes())

    def is_there(self) -> bool:
        """Return whether the picture is still what its file has. Somebody may have moved it meanwhile."""
        if self.path is None:
            return True
        if not self.path.is_file():
            return False
        with suppress(ImageRefused):
            return self.to.texts is None or read_texts(self.path) == self.to.texts
        return False


def write_drawing(image: Image.Image, to: Destination) -> Path:
    """Write one picture with its texts, and return its path."""
    return write_picture(image, chunks_for(image, to), to.out, to.title, to.several)


def chunks_for(image: Image.Image, to: Destination) -> dict[str, str]:
    """Return the text chunks of a picture. No texts are none."""
    return to.texts.chunks(image.width, image.height) if to.texts else {}


def write_each(
    pictures: Generator[Picture, None, None], destinations: Sequence[Destination], notify: Callable[[str], None]
) -> list[Made]:
    """Write each picture as soon as it is drawn, but those that wait for others.

    If a later picture fails or the user stops, the pictures that were drawn are written, and `notify` is told their
    paths.
    """
    made: list[Made] = []
    with closing(pictures):  # also after an error: the generator holds the decoder
        try:
            for picture, destination in zip(pictures, destinations, strict=True):
                image, to = picture.to_image(), destination.of(picture)
                written = {"path": write_drawing(image, to)} if to.at_once else {"waiting": image}
                made.append(Made(picture.seed, to, **written))
        except BaseException:  # also Ctrl-C: the user learns what is there, and the error goes on
            for each in made:
                said = "Written before the stop" if each.to.at_once else "Drawn before the stop, not compared"
                notify(f"{said}: {each.path or write_drawing(each.image, each.to)}")
            raise
    return made


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a picture is drawn from, beside its seed."""

    words: str
    """The prompt, or what stands in its place."""
    config: GenerateConfig
    size: Size
    concepts: Sequence[ConceptRecord] = ()
    adapters: Sequence[ChosenAdapter] = ()
    given: Given = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Of a picture without a prompt of its own: the command that drew it, and what that was given."""

    @classmethod
    def of(cls, prepared: Prepared, decode_in_tiles: bool) -> "Inputs":
        """Return the inputs of a prompt's pictures."""
        config = replace(prepared.config, decode_in_tiles=decode_in_tiles)
        return cls(
            words=prepared.template.text, config=config, size=prepared.size, concepts=prepared.concepts,
            adapters=prepared.adapters, given=prepared.given,
        )  # fmt: skip


def texts_of(place: Workplace, inputs: Inputs) -> PictureTexts | None:
    """Return the texts of pictures that are still to be drawn, with seed 0. None: none are wanted."""
    config, given = inputs.config, inputs.given
    if not config.metadata:
        return None
    settings: dict[str, Any] = {key: value for key, value in asdict(config).items() if key not in NOT_STORED}
    return PictureTexts(
        prompt=inputs.words,
        seed=0,
        settings=settings | {role: each.name for role, each in given.items()},
        concepts=tuple({name: getattr(each, name) for name in CONCEPT_FIELDS} for each in inputs.concepts),
        stack=place.spec.name,
        adapters=tuple((each.record.sha256, each.scale) for each in inputs.adapters),
        weights=place.stack.fingerprints(),
        origin=inputs.origin,
        pictures={role: {"name": each.name, "sha256": each.sha256} for role, each in given.items()},
    )
