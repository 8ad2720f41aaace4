"""The keys of cached features. Each key names everything that its value depends on."""

import json
from dataclasses import asdict, dataclass

from concepts.records import ImageRecord
from lambda_studio.config import Size
from lambda_studio.pictures.crops import PREPROCESSING
from lambda_studio.pictures.parts import Crop
from lambda_studio.workflows.cache.encoders import Encoder


@dataclass(frozen=True, kw_only=True)
class FeatureKey:
    """Everything that a cached value depends on. `image` and `mask` are SHA-256; None is no image, or no mask."""

    kind: str
    encoder: Encoder
    preprocessing: str
    image: str | None = None
    mask: str | None = None

    @property
    def text(self) -> str:
        """The key as the registry stores it: canonical JSON."""
        return json.dumps({**asdict(self), "encoder": self.encoder.told}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def find(cls, text: str) -> "FeatureKey | None":
        """Return the key with this `text`, or None if the text is not a key's."""
        try:
            said = json.loads(text)
            return cls(**{**said, "encoder": Encoder(**said["encoder"])})
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    @property
    def up_to_date(self) -> bool:
        """Whether this version of the program prepares pictures in the same way."""
        crop = self._crop
        return self._prepared == _PREPARED.get(self.kind) and (not crop or Crop.find(crop) is not None)

    @property
    def crop(self) -> Crop | None:
        """The part of the picture; None is its middle square, or its subject."""
        return Crop.find(self._crop)

    @property
    def _crop(self) -> str:
        of_a_part = self.kind in (CROP, LATENTS)
        return self.preprocessing.partition("@")[0].partition(AT)[2] if of_a_part else ""

    @property
    def _prepared(self) -> str:
        prepared = self.preprocessing.partition("@")[0]
        return prepared.partition(AT)[0] if self._crop else prepared

    @property
    def size(self) -> Size:
        """The size of the picture in pixels; only for a `latents_key`."""
        width, _, height = self.preprocessing.partition("@")[2].partition("x")
        return Size(int(height or width), int(width))


SUBJECT, CROP, LATENTS, ZERO = "image_embeds", "crop_image_embeds", "latents", "zero_image_embeds"
"""The kinds of the keys below."""
AT = " at "
"""Stands before a crop in `preprocessing`. The middle square is not named, so that keys from before stay valid."""
_PREPARED = {
    SUBJECT: f"{PREPROCESSING} cut_out",
    CROP: f"{PREPROCESSING} square_crop",
    LATENTS: f"{PREPROCESSING} square_crop",
    ZERO: "none",
}


def subject_key(image: ImageRecord, encoder: Encoder) -> FeatureKey:
    """Return the key of CLIP's embedding of the cut-out subject."""
    prepared = _PREPARED[SUBJECT]
    return FeatureKey(kind=SUBJECT, encoder=encoder, preprocessing=prepared, image=image.sha, mask=image.mask_sha)


def subject_keys_between(encoder: Encoder) -> tuple[str, str]:
    """Return the common start and end of every `subject_key`'s text. Only image and mask are between them."""
    text = subject_key(ImageRecord("", None, 1, 1, "", ()), encoder).text
    begin, image, rest = text.partition('"image":')
    return begin + image, rest.partition('"mask":null')[2]


def zero_key(encoder: Encoder) -> FeatureKey:
    """Return the key of CLIP's embedding of an all-zero picture."""
    return FeatureKey(kind=ZERO, encoder=encoder, preprocessing=_PREPARED[ZERO])


def crop_key(image: ImageRecord, encoder: Encoder, crop: Crop | None = None) -> FeatureKey:
    """Return the key of CLIP's embedding of the crop that training denoises; None is the middle square."""
    prepared = _PREPARED[CROP] + _told(crop)
    return FeatureKey(kind=CROP, encoder=encoder, preprocessing=prepared, image=image.sha)


def latents_key(image: ImageRecord, encoder: Encoder, size: Size, crop: Crop | None = None) -> FeatureKey:
    """Return the key of MoVQ's latents of the same crop at `size` pixels."""
    prepared = f"{_PREPARED[LATENTS]}{_told(crop)}@{size}"
    return FeatureKey(kind=LATENTS, encoder=encoder, preprocessing=prepared, image=image.sha)


def _told(crop: Crop | None) -> str:
    return "" if crop is None else f"{AT}{crop}"


def encoder_of(fingerprint: str, dtype: object) -> Encoder:
    """Return the encoder with this fingerprint and torch dtype."""
    return Encoder(fingerprint, str(dtype).removeprefix("torch."))
