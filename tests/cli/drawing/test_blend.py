"""`studio blend`."""

import json

import pytest


@pytest.fixture
def dogs(studio, photos) -> None:
    for name, photo in zip(("rex", "route:66"), photos, strict=False):
        assert studio("add-concept", name, photo, "--noun", "dog").code == 0


def test_a_blend_is_made_shown_drawn_and_forgotten(studio, dogs) -> None:
    words = ("blend", "rex:0.7", r"route\:66:0.3", "--name", "mix")
    assert studio(*words).out == "Made mix (dog) in library default: 0.7 rex + 0.3 route:66.\n"
    assert json.loads(studio(*words, "--json").out)["created"] is False
    shown = studio("concepts", "show", "mix").out
    assert "no images: a blend of\n  0.7 rex, version 1\n  0.3 route:66, version 1\ncached embeddings:\n" in shown
    assert shown.endswith("none; it is a blend without pictures, which fine-tuning needs\n")
    card = json.loads(studio("concepts", "show", "mix", "--json").out)
    assert [(each["name"], each["weight"], each["version"]) for each in card["blend"]] == [
        ("rex", 0.7, 1), ("route:66", 0.3, 1),
    ]  # fmt: skip
    assert studio("generate", "a <mix>", "--steps", 1).code == 0
    gone = studio("concepts", "forget", "rex", "--yes").out
    assert "mix is a blend of it and keeps its embedding. Delete that too: studio concepts forget mix" in gone
    assert "0.7 rex, which the library does not have today" in studio("concepts", "show", "mix").out


def test_a_blend_is_listed_without_images(studio, dogs) -> None:
    studio("blend", "rex", "route:66:1", "--name", "mix")
    rows = [line.split()[:4] for line in studio("concepts").out.splitlines()]
    assert rows == [["NAME", "NOUN", "IMAGES", "VERSION"], ["mix", "dog", "0", "1"]] + [
        [name, "dog", "1", "1"] for name in ("rex", "route:66")
    ]
    listed = json.loads(studio("concepts", "list", "--json").out)
    assert [(each["image_count"], each["picture_count"]) for each in listed] == [(1, 0), (1, 1), (1, 1)]
    (version,) = json.loads(studio("concepts", "history", "mix", "--json").out)
    assert (version["image_count"], version["picture_count"]) == (1, 0)
    assert studio("concepts", "history", "mix").out.splitlines()[1].split()[:3] == ["1", "dog", "0"]
    assert studio("library", "create", "other").code == 0
    assert studio("concepts", "copy", "mix", "other").out == "Copied to mix (dog) in library other: no images.\n"
    assert studio("concepts", "edit", "mix", "--noun", "cat").out == "mix (cat) is now version 2: no images.\n"
    studio("concepts", "remove", "mix", "-y")
    assert studio("concepts", "restore", "mix").out == "mix (cat) is back, in version 2: no images.\n"


def test_a_name_with_a_colon_needs_no_backslash_if_a_weight_follows(studio, dogs) -> None:
    made = studio("blend", "route:66:1", "rex", "--name", "mix", "--noun", "cat")
    assert made.out == "Made mix (cat) in library default: 0.5 route:66 + 0.5 rex.\n"


def test_the_noun_of_a_blend_of_several_nouns_is_said_with_the_option_for_another(studio, dogs, photos) -> None:
    assert studio("add-concept", "tom", photos[0], "--noun", "cat").code == 0
    made = studio("blend", "rex", "tom", "--name", "mix")
    assert "Note: The nouns are dog, cat. Prompts use dog; give --noun NOUN for another." in made.out
    given = studio("blend", "rex", "tom", "--name", "mixed", "--noun", "dog")
    assert given.out == "Made mixed (dog) in library default: 0.5 rex + 0.5 tom.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rex:0.5", "rex:0.5"), "'rex' is named twice"),
        (("rex", "rexx"), "No concept named 'rexx'"),
        (("rex",), "The number of concepts is 1"),
        (("rex:1", r"route\:66:-1"), "The weights have the sum 0"),
        (("rex\0", "rex"), "the text contains a NUL character"),
        (("rex:nan", "rex"), "The weight of 'rex' is nan. Give a number, as rex:0.7, or"),
        (("rex:-INF", "rex"), "The weight of 'rex' is -INF."),
        (("rex:", "rex"), "'rex' has a colon and no weight."),
    ],
)
def test_wrong_parts_are_refused(studio, dogs, words, said) -> None:
    refused = studio("blend", *words, "--name", "mix")
    assert refused.code and said in refused.err


def test_a_taken_name_and_pictures_for_a_blend_are_refused_with_a_way_out(studio, dogs, photos) -> None:
    taken = studio("blend", "rex", "route:66:1", "--name", "rex")
    assert taken.code == 4 and "→ Choose another name, or remove it: studio concepts remove rex" in taken.err
    assert studio("blend", "rex", "route:66:1", "--name", "mix").code == 0
    refused = studio("concepts", "edit", "mix", "--add", photos[0])
    assert refused.code == 5 and "mix is a blend" in refused.err and "studio add-concept NAME IMAGE" in refused.err
    assert studio("concepts", "edit", "mix", "--noun", "cat").code == 0
