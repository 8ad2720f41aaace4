"""Nouns that are read from names and prompts, and texts that are no nouns."""

import pytest

from lambda_studio.bundles.layouts.nouns import (
    GuessedNoun,
    has_name,
    is_rare,
    noun_after_token,
    noun_in_name,
    noun_in_prompt,
    why_no_noun,
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cat", None),
        ("stuffed animal", None),
        ("犬", None),
        ("mp3 player", None),
        ("", "is empty"),
        ("./real_reg/samples_cat/caption.txt", "is a path"),
        ("data\\cat", "is a path"),
        ("caption.txt", "is a path"),
        ("a big red dog", "is a sentence"),
        ("dog on grass", "is a sentence"),
        ("cat, highly detailed", "is a sentence"),
        ("sks", "is a trainer's token"),
        ("ohwx_man", "is a trainer's token"),
        ("zwx dog", "contains a trainer's token"),
        ("<new1>", "is a trainer's token"),
    ],
)
def test_sentences_paths_and_tokens_are_no_nouns(text: str, why: str | None) -> None:
    assert why_no_noun(text) == why


def test_a_word_that_cannot_be_spoken_is_a_token() -> None:
    assert [word for word in ["sks", "ohwx", "zkvx", "b1ob", "r2d2", "x-sks"] if not is_rare(word)] == []
    assert [
        word for word in ["man", "gym", "TV", "cat2", "dog_01", "3d", "мяч", "Hündchen", "x"] if is_rare(word)
    ] == []


def test_a_pets_name_is_told_from_the_kind_of_a_thing() -> None:
    assert [noun for noun in ("rex", "Luna", "mia cat") if not has_name(noun)] == []
    assert [noun for noun in ("dog", "teddy bear", "red hat", "maxi dress", "poppy", "") if has_name(noun)] == []


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("rex", "rex"),
        ("toy_robot3", "toy robot"),
        ("toyPoodle", "toy poodle"),
        ("rex.v2 (final)", "rex"),
        ("my cat", "cat"),
        ("old-TV", "old TV"),
        ("0012", "thing"),
        ("ohwx_man", None),
        ("photos of my dog at home", None),
        ("new folder", None),
        ("IMG_0012", None),
    ],
)
def test_the_words_of_a_folders_name(name: str, noun: str | None) -> None:
    guessed = noun_in_name(name)
    assert guessed.noun == noun
    assert guessed.source.startswith("a guess" if noun not in (None, "thing") else ("a stand-in" if noun else "'"))


@pytest.mark.parametrize(
    ("prompt", "noun"),
    [
        ("cat", "cat"),
        ("a photo of a cat", "cat"),
        ("photo of a cat, highly detailed", "cat"),
        ("a close-up photo of the dog", "dog"),
        ("stuffed animal", "stuffed animal"),
        ("picture frame", "picture frame"),
        ("a dog on the beach", None),
        ("photo of sks dog", None),
        ("reg/cat.txt", None),
    ],
)
def test_the_noun_of_a_class_prompt(prompt: str, noun: str | None) -> None:
    assert noun_in_prompt(prompt) == noun


@pytest.mark.parametrize(
    ("prompt", "noun"),
    [
        ("photo of a <new1> cat", "cat"),
        ("photo of sks stuffed animal, studio", "stuffed animal"),
        ("photo of <new1>", None),
        ("photo of a cat", None),
        ("photo of sks dog on the beach", None),
    ],
)
def test_the_noun_after_the_token_of_an_instance_prompt(prompt: str, noun: str | None) -> None:
    assert noun_after_token(prompt) == noun


@pytest.mark.parametrize("name", ["100APPLE", "101MSDCF", "100_PANA", "100CANON", "123_0412"])
def test_a_cameras_folder_is_no_subject(name: str) -> None:
    assert noun_in_name(name) == GuessedNoun(None, "is a camera's folder, not a subject")


@pytest.mark.parametrize("name", ["2026", "2026-03", "202603", "20260312", "2024-05-06", "2024_05_06"])
def test_a_dates_folder_is_no_subject(name: str) -> None:
    assert noun_in_name(name) == GuessedNoun(None, "is a date's folder, not a subject")


@pytest.mark.parametrize("name", ["100 dogs", "100apples", "1984 bear", "2", "2099-20"])
def test_other_numbers_are_no_dates_and_no_cameras(name: str) -> None:
    assert noun_in_name(name).noun is not None
