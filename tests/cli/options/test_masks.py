"""The line about masks: how many look right, and which ones to look at."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from cli.options.masks import in_order, marks, masks_edited, masks_found, ways
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
    numbers = tuple(int(name[:2]) for name in doubtful)
    added: Any = SimpleNamespace(looked_at=looked_at, doubtful=doubtful, doubtful_images=numbers, concept=concept)
    assert masks_found(added, by_hand) == said


def test_marks_are_read_by_their_numbers() -> None:
    given = marks(("1=a=b.png",), ("2=1,2.5,30,40",), ("3=50%, 40.5%",), ("4=grabcut",))
    assert given == {
        1: Path("a=b.png"),
        2: Box(1, 2.5, 30, 40),
        3: Point(50, 40.5, percent=True),
        4: Segment("grabcut"),
    }


def test_marks_are_read_by_the_names_of_files() -> None:
    given = marks(("a b.jpg=m=1.png",), ("IMG=1.PNG=1,2,30,40",), ("cam/IMG_2.jpg=50%,40%",), ("1234567890=none",))
    assert given == {
        "a b.jpg": Path("m=1.png"),
        "IMG=1.PNG": Box(1, 2, 30, 40),
        "cam/IMG_2.jpg": Point(50, 40, percent=True),
        "1234567890": Segment("none"),
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
        (2, "=1,2", "is not N=x,y"),
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
    assert ways(("2=none", "grabcut", "a.jpg=auto")) == ("grabcut", ("2=none", "a.jpg=auto"))
    for texts, said in ((("alpha", "none"), "alpha and none"), (("magic",), "'magic'"), (("2=magic",), "'magic'")):
        with pytest.raises(click.UsageError, match=said):
            ways(texts)


def test_masks_without_numbers_are_for_all_images_in_their_order() -> None:
    assert in_order(("a.png", "b.png"), (), (), ()) == (Path("a.png"), Path("b.png"))
    assert in_order(("2=a.png",), (), ("1=5,5",), ()) == {2: Path("a.png"), 1: Point(5, 5)}
    for masks, points in ((("a.png",), ("1=5,5",)), (("a.png", "2=b.png"), ())):
        with pytest.raises(click.UsageError, match="give --mask N=FILE"):
            in_order(masks, (), points, ())


def test_a_mask_file_with_an_equals_sign_in_its_name_is_a_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.png").touch()
    assert in_order(("a=b.png",), (), (), ()) == (Path("a=b.png"),)
    assert in_order(("c=b.png",), (), (), ()) == {"c": Path("b.png")}


SEE = "See the new mask: studio concepts show rex --sheet rex.png"


@pytest.mark.parametrize(
    ("new_images", "looked_at", "doubtful", "by_hand", "said"),
    [
        ((2,), 1, (), True, [SEE, CORRECT]),
        ((2, 3), 2, (), True, [SEE.replace("mask:", "masks:"), CORRECT]),
        ((2,), 1, (), False, ["1 of 1 mask looks right.", CORRECT]),
        ((2,), 1, ("02.jpg",), True, [f"0 of 1 mask looks right; {LOOK.replace(', 04.jpg', '')}", CORRECT]),
        ((), 0, (), False, []),
    ],
)
def test_an_edit_says_how_to_see_and_correct_its_masks(new_images, looked_at, doubtful, by_hand, said) -> None:
    concept = SimpleNamespace(
        name="rex", images=[SimpleNamespace(source_name=f"0{number}.jpg") for number in (1, 2, 3)]
    )
    added: Any = SimpleNamespace(
        concept=concept, new_images=new_images, looked_at=looked_at, doubtful=doubtful, created=True
    )
    added.doubtful_images = tuple(number for number in new_images if f"0{number}.jpg" in doubtful)
    assert masks_edited(added, by_hand) == said
