"""The line about masks: how many look right, and which ones to look at."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from cli.masks import in_order, marks, masks_found, masks_marked, ways
from lambda_studio.pictures.masks.marks import Box, Point, Segment

LOOK = "look at 02.jpg, 04.jpg: studio concepts show rex --sheet rex.png"
CORRECT = "To correct image 2: studio concepts edit rex --point 2=50%,40%, or --box 2=x,y,width,height"


@pytest.mark.parametrize(
    ("looked_at", "doubtful", "by_hand", "said"),
    [
        (5, ("02.jpg", "04.jpg"), False, [f"3 of 5 masks look right; {LOOK}", CORRECT]),
        (5, ("02.jpg", "04.jpg"), True, [f"3 of 5 masks look right; {LOOK}", CORRECT]),
        (5, (), False, ["5 of 5 masks look right."]),
        (1, (), False, ["1 of 1 mask looks right."]),
        (5, (), True, []),
        (0, (), False, []),
    ],
)
def test_masks_are_counted_and_doubtful_ones_named(looked_at, doubtful, by_hand, said) -> None:
    images = [SimpleNamespace(source_name=f"0{number}.jpg") for number in range(1, 6)]
    concept = SimpleNamespace(name="rex", images=images)
    added: Any = SimpleNamespace(looked_at=looked_at, doubtful=doubtful, concept=concept)
    assert masks_found(added, by_hand) == said


def test_marks_are_read_by_their_numbers() -> None:
    given = marks(("1=a=b.png",), ("2=1,2.5,30,40",), ("3=50%, 40.5%",), ("4=grabcut",))
    assert given == {
        1: Path("a=b.png"),
        2: Box(1, 2.5, 30, 40),
        3: Point(50, 40.5, percent=True),
        4: Segment("grabcut"),
    }


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        (0, "mask.png", "--mask 'mask.png' is not N=FILE"),
        (1, "1=2,3,4", "--box '1=2,3,4' is not N=x,y,w,h, for example 2=25%,30%,50%,60%"),
        (1, "1=2%,3,4,5", "is not N=x,y,w,h"),
        (1, "1=-2,3,4,5", "is not N=x,y,w,h"),
        (1, "2,3,4,5", "is not N=x,y,w,h"),
        (2, "1=nan,2", "--point '1=nan,2' is not N=x,y, for example"),
        (2, "x=1,2", "is not N=x,y"),
    ],
)
def test_a_mark_that_cannot_be_read_is_shown_with_an_example(option, text, said) -> None:
    texts: list[tuple[str, ...]] = [(), (), (), ()]
    texts[option] = (text,)
    with pytest.raises(click.UsageError) as caught:
        marks(*texts)
    assert said in caught.value.message


def test_an_image_has_one_mark() -> None:
    with pytest.raises(click.UsageError, match="Image 2 is given two masks, boxes, points or ways"):
        marks((), ("2=1,2,30,40",), ("2=1,2",), ())


def test_one_way_is_for_all_and_others_for_single_images() -> None:
    assert ways(()) == ("auto", ())
    assert ways(("2=none", "grabcut", "3=auto")) == ("grabcut", ("2=none", "3=auto"))
    for texts, said in ((("alpha", "none"), "alpha and none"), (("magic",), "'magic'"), (("2=magic",), "'magic'")):
        with pytest.raises(click.UsageError, match=said):
            ways(texts)


def test_masks_without_numbers_are_for_all_images_in_their_order() -> None:
    assert in_order(("a.png", "b.png"), (), (), ()) == (Path("a.png"), Path("b.png"))
    assert in_order(("2=a.png",), (), ("1=5,5",), ()) == {2: Path("a.png"), 1: Point(5, 5)}
    for masks, points in ((("a.png",), ("1=5,5",)), (("a.png", "2=b.png"), ())):
        with pytest.raises(click.UsageError, match="give --mask N=FILE"):
            in_order(masks, (), points, ())


def test_masks_that_were_found_by_a_mark_are_to_be_seen() -> None:
    added: Any = SimpleNamespace(concept=SimpleNamespace(name="rex"))
    said = ["See the new masks: studio concepts show rex --sheet rex.png"]
    assert masks_marked(added, {1: Path("a.png"), 2: Point(1, 2)}) == said
    assert masks_marked(added, {1: Path("a.png")}) == masks_marked(added, {}) == []
