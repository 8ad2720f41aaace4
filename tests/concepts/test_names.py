import unicodedata
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.errors import ConceptError, NameInvalid, NounMissing
from concepts.names import MAX_LENGTH, check_name, check_noun, name_key, shown
from lambda_studio.generation import prompt


@pytest.mark.parametrize(
    "name",
    ["rex", "Käthe", "犬", "my dog", "100% _wool_", "../../etc/passwd", "'; DROP TABLE concepts; --", "🐕‍🦺", "x" * 80],
)
def test_a_name_is_any_visible_text_of_up_to_80_characters(name):
    assert check_name(name) == name


def test_a_name_is_kept_in_nfc_without_spaces_around_it():
    assert check_name("  Ka\u0308the\u00a0") == "Käthe"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("x" * 81, "has 81 characters"),
        ("x" * 10_000, "has 10000 characters"),
        ("re\nx", "control character U+000A"),
        ("re\x00x", "control character U+0000"),
        ("re\u202ex", "direction-changing character U+202E"),
        ("re\u2066x", "direction-changing character U+2066"),
        ("re\u200bx", "invisible or direction-changing character U+200B"),
        ("re\u2028x", "line-break character U+2028"),
        ("re\ud800x", "surrogate character U+D800"),
        ("re\ue000x", "private-use character U+E000"),
        ("<rex>", "contains an angle bracket"),
        ("re\uff1cx", "contains an angle bracket"),
        ("\u200d\u200d", "has no visible character"),
        ("\u3164", "has no visible character"),
        ("\u2800 \u2800", "has no visible character"),
        ("\ufe0f\u034f", "has no visible character"),
    ],
)
def test_a_name_that_could_deceive_or_break_a_prompt_is_refused(name, why):
    with pytest.raises(NameInvalid) as refusal:
        check_name(name)
    assert why in refusal.value.cause
    if "bracket" not in why:
        assert refusal.value.remedy == "Give a name of 1 to 80 characters."
    assert refusal.value.exit_code == 5


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("<rex>", "Only prompts have the brackets. Give the name without them: rex"),
        ("re\uff1cx", "Only prompts have the brackets. Give the name without them: rex"),
        ("<>", "Give a name of 1 to 80 characters."),
        ("<\u200b>", "Give a name of 1 to 80 characters."),
    ],
)
def test_a_refused_name_with_brackets_is_spelled_without_them_if_that_is_a_name(name, remedy):
    with pytest.raises(NameInvalid) as refusal:
        check_name(name)
    assert refusal.value.remedy == remedy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rex", "rEX"),
        ("STRASSE", "straße"),
        ("ﬁdo", "fido"),
        ("Ⅳ", "iv"),
        ("\u0390", "\u03aa\u0301"),  # ΐ, and its capital: folding alone leaves them in two forms
        ("ᾳ", "ΑΙ"),
        ("re\u200dx", "rex"),
        ("re\ufe0fx", "rex"),
        ("re\u034fx", "rex"),
        ("❤\ufe0f", "❤"),
        ("㎏", "KG"),
    ],
)
def test_names_that_look_alike_or_differ_in_case_or_form_are_one(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("rex", "réx"), ("犬", "狗"), ("a b", "ab"), ("🐕", "🐈"), ("ı", "i")])
def test_names_that_differ_are_two(one, other):
    assert name_key(one) != name_key(other)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_a_key_is_its_own_key_and_the_same_for_every_way_to_write_a_name(text):
    key = name_key(text)
    assert name_key(key) == key == name_key(unicodedata.normalize("NFD", text).casefold())
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert name_key(unicodedata.normalize(form, text)) == key


@given(st.text(max_size=40))
def test_a_prompt_compares_names_as_the_registry_does(text):
    assert prompt.name_key(text) == name_key(text)


def test_a_revision_that_computed_keys_did_so_as_names_do():
    revision = import_module("migrations.versions.0002_owners_and_removal")
    for name in ("Ϊ\u0301", "re\u200dx", "STRASSE", "❤\ufe0f", "\u3164a"):
        assert revision._name_key(name) == name_key(name)


def test_a_noun_has_single_spaces_and_must_be_there():
    assert check_noun(" stuffed   animal ") == "stuffed animal"
    with pytest.raises(NounMissing) as refusal:
        check_noun(" ")
    assert str(refusal.value) == "The noun is missing. Name the kind of thing, for example: noun=dog"
    with pytest.raises(NameInvalid, match="The noun 'd<og' contains an angle bracket"):
        check_noun("d<og")


@given(st.text(st.characters(), max_size=100))
def test_any_text_is_accepted_once_and_for_all_or_refused_on_one_printable_line(text):
    try:
        name = check_name(text)
    except ConceptError as refusal:
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in str(refusal))
        assert len(str(refusal)) < 1200
    else:
        assert check_name(name) == name
        assert 1 <= len(name) <= MAX_LENGTH
        name.encode()


def test_a_name_in_a_message_is_one_short_line():
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 10_000)) == MAX_LENGTH + 2
