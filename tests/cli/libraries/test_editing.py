"""`studio concepts edit --caption`; `test_concepts.py` has the edits of images and masks."""

import json

SOFA = "  Caption of image 2 (photo2.png): rex on a sofa\n"


def test_a_caption_is_given_replaced_and_removed_without_a_new_version(studio, added) -> None:
    assert studio("concepts", "edit", "rex", "--caption", "2=rex asleep").code == 0
    assert studio("concepts", "edit", "rex", "--caption", "photo2.png=rex on a sofa").out == SOFA
    assert SOFA in studio("concepts", "show", "rex").out
    removed = studio("concepts", "edit", "rex", "--caption", "2=")
    assert (removed.code, removed.out) == (0, "rex has no captions.\n")
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)
    assert ([image["caption"] for image in shown["images"]], shown["concept"]["version"]) == ([None, None], 1)
    both = studio("concepts", "edit", "rex", "--noun", "wolf", "--caption", "2=rex on a sofa")
    assert both.out == f"rex (wolf) is now version 2: 2 images.\n{SOFA}"


def test_a_caption_that_cannot_be_is_refused(studio, added) -> None:
    answer = studio("concepts", "edit", "rex", "--caption", "2=" + "a" * 1001)
    cause = "Error: The caption of image 2 cannot be used: it has 1,001 characters, more than 1,000."
    assert (answer.code, answer.err) == (2, f"{cause}\n  → Give another text.\n")
