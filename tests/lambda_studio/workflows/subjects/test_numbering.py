"""Images are called by their numbers or by their file names, and never by a name that could be another's."""

import unicodedata

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.subjects.numbering import Numbering

FILES = Numbering(["cam/IMG_1.jpg", "cam/IMG_2.JPG", "old/IMG_1.jpg", "Müller.png", "7"], "rex")


@pytest.mark.parametrize(
    ("called", "number"),
    [
        (1, 1),
        ("IMG_2.JPG", 2),
        ("img_2.jpg", 2),
        ("cam/IMG_1.jpg", 1),
        ("old/IMG_1.jpg", 3),
        ("./old/IMG_1.jpg", 3),
        (unicodedata.normalize("NFD", "müller.png"), 4),
        ("7", 5),
    ],
)
def test_an_image_is_found_by_its_number_or_its_file_name(called, number) -> None:
    assert FILES.number(called) == number


def test_the_exact_spelling_comes_before_others() -> None:
    assert Numbering(["a.jpg", "A.jpg"], "rex").number("A.jpg") == 2


@pytest.mark.parametrize(
    ("called", "cause"),
    [
        (0, "rex has no image 0."),
        (6, "rex has no image 6."),
        ("MG_1.jpg", "rex has no image 'MG_1.jpg'."),
        ("other/IMG_2.JPG", "rex has no image 'other/IMG_2.JPG'."),
        (".", "rex has no image '.'."),
    ],
)
def test_an_image_that_is_not_there_or_not_clear_is_refused_with_what_is_there(called, cause) -> None:
    with pytest.raises(InvalidSetting) as caught:
        FILES.number(called)
    assert caught.value.cause == cause
    names = "1 (IMG_1.jpg), 2 (IMG_2.JPG), 3 (IMG_1.jpg), 4 (Müller.png), 5 (7)"
    assert caught.value.remedy == f"It has images {names}."


def test_a_name_of_several_images_is_refused_with_their_numbers() -> None:
    with pytest.raises(
        InvalidSetting, match=r"'IMG_1\.jpg' is the name of images 1, 3 of rex\. Give a number\. A sheet"
    ):
        FILES.number("IMG_1.jpg")


def test_many_images_are_not_all_listed() -> None:
    with pytest.raises(InvalidSetting, match=r"8 \(8\.jpg\), and 22 more\.$"):
        Numbering([f"{number}.jpg" for number in range(1, 31)], "rex").number(31)
    with pytest.raises(InvalidSetting, match=r"It has only image 1 \(a\.jpg\)\."):
        Numbering(["a.jpg"], "rex").number(2)


def test_two_marks_of_one_image_are_refused() -> None:
    assert FILES.numbers({"IMG_2.JPG": "box", 1: "point"}) == {2: "box", 1: "point"}
    with pytest.raises(InvalidSetting, match=r"Image 2 \(IMG_2\.JPG\) is given two masks"):
        FILES.numbers({"IMG_2.JPG": "box", 2: "point"})
