"""What is cut off or too small in the parts that are learnt is said before a training."""

from dataclasses import replace

import pytest
from PIL import Image

from concepts.records import NewImage
from lambda_studio.config import FinetuneConfig
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.workflows.cache.training_crops import TrainingCrops
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.subjects.photos.told import ranges
from lambda_studio.workflows.tuning.planning.framing import framing_remarks

PLAIN, SCENES = FinetuneConfig(), FinetuneConfig(conditions="scenes")
CUT = "more than a quarter of the subject is outside of the square that is learnt"
SMALL = "the subject is less than 2% of what is learnt, and is not learnt in other places"


@pytest.fixture
def rex(put):
    """Add a concept of pictures, 200 wide and 100 high, each with its subject in a box, or without a mask."""

    def added(*boxes: tuple[int, int, int, int] | None):
        images = []
        for number, box in enumerate(boxes):
            mask = Image.new("L", (200, 100))
            if box:
                mask.paste(255, box)
            picture = encode_png(Image.new("RGB", (200, 100), (number, 0, 0)))
            images.append(NewImage(picture, encode_png(mask) if box else None, 200, 100, f"{number}.png"))
        return put("rex", *images)

    return added


@pytest.fixture
def said(studio):
    def remarks(concept, config: FinetuneConfig) -> list[str]:
        return [str(each) for each in framing_remarks(TrainingCrops(studio.database), [concept], config)]

    return remarks


LONG, LEFT, TINY = (20, 30, 180, 70), (0, 20, 60, 90), (150, 40, 160, 50)


def test_a_subject_that_no_square_holds_is_said(rex, said) -> None:
    concept = rex(LONG, None, LEFT, LONG, (50, 0, 180, 100))
    way = "--aspect-ratio-buckets learns images in their own shapes."
    assert said(concept, PLAIN) == [f"rex: images 1, 4: {CUT}. {way}"]
    assert said(concept, replace(PLAIN, variants=3, random_flip=True)) == [f"rex: images 1, 4: {CUT}. {way}"]
    assert said(concept, replace(PLAIN, aspect_ratio_buckets=True)) == []


def test_what_is_held_back_is_not_said(rex, said) -> None:
    concept = rex(*[LONG] * 4)
    config = replace(PLAIN, holdout=1)
    held = hold_out([concept], config.holdout).held["rex"]
    left = [number for number, image in enumerate(concept.images, start=1) if image not in held]
    (told,) = said(concept, config)
    assert len(left) == 3 and told.startswith(f"rex: images {', '.join(ranges(left))}: ")


def test_a_subject_at_the_side_is_not_cut(rex, said) -> None:
    assert said(rex(LEFT, (140, 0, 200, 100)), PLAIN) == []


def test_no_bucket_holds_what_is_longer_than_twice_its_height(put, said) -> None:
    mask = Image.new("L", (300, 100), 255)
    image = NewImage(encode_png(Image.new("RGB", (300, 100))), encode_png(mask), 300, 100, "a.png")
    concept, way = put("rex", image), "Crop the photo around it."
    assert said(concept, PLAIN) == [f"rex: image 1: {CUT}. {way}"]
    shape = CUT.replace("square", "shape")
    assert said(concept, replace(PLAIN, aspect_ratio_buckets=True)) == [f"rex: image 1: {shape}. {way}"]


def test_a_small_subject_is_said_where_other_places_are_learnt(rex, said) -> None:
    concept = rex(TINY, LEFT, None, TINY)
    assert said(concept, PLAIN) == []
    assert said(concept, SCENES) == [f"rex: images 1, 4: {SMALL}. Crop the photo around it."]
