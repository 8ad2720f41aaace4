"""What is said of captions."""

from dataclasses import replace
from datetime import UTC, datetime

from cli.texts.captions import caption_lines, captions_now, counted_captions
from concepts.records import ConceptRecord, ImageRecord

IMAGE = ImageRecord("a" * 64, None, 64, 48, "0.jpg", ())
SAID = replace(IMAGE, source_name="1.jpg", caption="rex on a sofa")


def of_images(*images: ImageRecord) -> ConceptRecord:
    return ConceptRecord(1, "default", "my rex", "dog", 1, 1, "b" * 64, datetime.now(UTC), images)


def test_captions_are_counted_with_the_command_that_learns_from_them() -> None:
    assert counted_captions(of_images(IMAGE)) == []
    assert counted_captions(of_images(IMAGE, SAID)) == [
        "1 caption stored. To learn from them: studio finetune 'my rex' --conditions both"
    ]


def test_each_caption_is_named_with_its_image() -> None:
    assert caption_lines(of_images(IMAGE, SAID)) == ["  Caption of image 2 (1.jpg): rex on a sofa"]


def test_after_a_change_all_captions_are_said_or_that_there_are_none() -> None:
    assert captions_now(of_images(IMAGE, SAID)) == ["  Caption of image 2 (1.jpg): rex on a sofa"]
    assert captions_now(of_images(IMAGE)) == ["my rex has no captions."]
