"""Prompts as users write them: names, weights, numbers of images, wildcards and escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.errors import ConceptError
from concepts.names import check_name
from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.template import Reference, escaped, name_key, parse, plain, replaced


def test_names_are_found_where_they_stand():
    template = parse("a <rex> and < Tom >, <REX>")
    assert template.references == (Reference("rex", 2, 7), Reference("Tom", 12, 19), Reference("REX", 21, 26))
    assert template.names == ("rex", "Tom")


def test_names_compare_by_compatibility_form_and_case():
    assert name_key("Ｓtraße") == name_key("STRASSE") == "strasse"


@given(st.text(st.sampled_from("<> ab\n漢"), max_size=12))
def test_any_text_is_read_or_refused_with_a_caret(text):
    try:
        template = parse(text)
    except PromptInvalid as error:
        assert error.cause.count("\n") == 2
        assert error.cause.endswith("^")
    else:
        assert text.count("<") == text.count(">") == len(template.references)
        assert all(text[ref.start : ref.end].strip("<> \n") == ref.name.strip() for ref in template.references)


@pytest.mark.parametrize(
    ("template", "message", "column"),
    [
        ("a <rex on the beach", "This name is never closed", 2),
        ("a <rex <tom>", "A name begins inside another name", 7),
        ("a rex> runs", "This > closes no name", 5),
        ("a < > runs", "This name is empty", 2),
    ],
)
def test_brackets_that_make_no_name_are_refused_with_a_caret_under_the_place(template, message, column):
    with pytest.raises(PromptInvalid) as caught:
        parse(template)
    headline, shown, caret = caught.value.cause.split("\n")
    assert headline == f"{message}:"
    assert shown == f"  {template}"
    assert caret == "  " + " " * column + "^"
    assert caught.value.remedy


def test_the_caret_stands_under_the_place_in_wide_and_very_long_text():
    with pytest.raises(PromptInvalid) as wide:
        parse("犬 <rex")
    assert wide.value.cause.split("\n")[2] == "  " + " " * 3 + "^"
    with pytest.raises(PromptInvalid) as long:
        parse("x" * 10_000 + "<rex" + "y" * 10_000)
    _, shown, caret = long.value.cause.split("\n")
    assert shown[caret.index("^")] == "<"
    assert len(shown) < 130


@pytest.mark.parametrize(
    ("content", "name", "images", "weight"),
    [
        ("rex:0.8", "rex", (), 0.8),
        ("rex : .5", "rex", (), 0.5),
        ("rex#2", "rex", (2,), 1.0),
        ("rex#1, 3, 1:2", "rex", (1, 3), 2.0),
        ("rex:a", "rex:a", (), 1.0),
        ("rex#", "rex#", (), 1.0),
        ("route 66: north", "route 66: north", (), 1.0),
        (r"rex\:0.8", "rex:0.8", (), 1.0),
        (r"rex\#2:0", "rex#2", (), 0.0),
        (r"\*", "*", (), 1.0),
        (r"a\b", r"a\b", (), 1.0),
        (r"a\\", "a\\", (), 1.0),
    ],
)
def test_a_name_may_have_images_and_a_weight(content, name, images, weight):
    (found,) = parse(f"a <{content}> runs").references
    assert (found.name, found.images, found.weight, found.any_of) == (name, images, weight, None)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("<rex:3>", "The weight of this name is 3:"),
        ("<rex#0>", "This name asks for image 0:"),
        ("<#2>", "This name is empty:"),
        (r"a \<rex>", "This > closes no name:"),
        (r"a <rex\>", "This name is never closed:"),
    ],
)
def test_wrong_weights_and_numbers_are_refused(template, message):
    with pytest.raises(PromptInvalid) as caught:
        parse(template)
    assert caught.value.cause.startswith(message)


def test_escaped_brackets_are_text():
    template = parse(r"a \<b\> <rex> \\<max>")
    assert [each.name for each in template.references] == ["rex", "max"]
    assert plain(r"a \<b\> ") == "a <b> " and plain(r" \\") == " \\"


def test_a_wildcard_is_replaced_by_a_concept_with_its_weight_and_images():
    template = parse("a <*:dog:0.5> in a <*> by a <rex> and the <*:dog#2>")
    assert (template.wildcards, template.names) == (("dog", ""), ("rex",))
    found = replaced(template, {"dog": "max", "": "red: 3"})
    assert found.text == r"a <max:0.5> in a <red\: 3> by a <rex> and the <max#2>"
    assert found.wildcards == () and found.names == ("max", "red: 3", "rex")


@given(st.text(st.sampled_from(r"aB:#*\ .,0123"), min_size=1, max_size=10))
def test_every_name_that_a_library_takes_can_be_written_in_a_prompt(text):
    try:
        name = check_name(text)
    except ConceptError:
        return
    (found,) = parse(f"<{escaped(name)}> <{escaped(name)}:0.5>").references[:1]
    assert (found.name, found.images, found.weight, found.any_of) == (name, (), 1.0, None)
    heavier = parse(f"<{escaped(name)}#2:0.5>").references[0]
    assert (heavier.name, heavier.images, heavier.weight) == (name, (2,), 0.5)
