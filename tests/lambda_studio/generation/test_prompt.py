"""Names in prompts: parsing, binding by span, and every way a prompt can be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer

from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.prompt import Span, bind
from lambda_studio.generation.template import parse

CLIP = SimpleTokenizer()
DOG, CAT, HOT, STUFFED, ANIMAL = 1929, 2368, 2069, 11781, 4668


class ClipTokenizer:
    """open_clip's tokenizer, with the context length that a test needs."""

    start_token, end_token = CLIP.sot_token_id, CLIP.eot_token_id

    def __init__(self, context_length: int = 77):
        self.context_length = context_length

    def encode(self, text: str) -> list[int]:
        return CLIP.encode(text)


TOKENIZER = ClipTokenizer()
NOUNS = {"rex": "dog", "fido": "dog", "tom": "cat", "bear": "stuffed animal"}


def bound(template: str, nouns=NOUNS, tokenizer=TOKENIZER):
    return bind(parse(template), nouns, tokenizer)


def test_a_prompt_without_names_is_plain_text():
    prompt = bound("a hot dog")
    assert (prompt.text, prompt.spans) == ("a hot dog", ())
    assert prompt.token_ids[: prompt.length] == (49406, *CLIP.encode("a hot dog"), 49407)


def test_a_name_becomes_its_noun_and_the_span_holds_its_token():
    prompt = bound("a <rex> on the beach")
    assert prompt.template == "a <rex> on the beach"
    assert prompt.text == "a dog on the beach"
    assert prompt.spans == (Span("rex", 2, 3),)
    assert prompt.token_ids[2] == DOG


def test_two_subjects_with_one_noun_stand_at_different_places():
    prompt = bound("a <rex> beside a <fido>")
    assert prompt.spans == (Span("rex", 2, 3), Span("fido", 5, 6))
    assert prompt.token_ids[2] == prompt.token_ids[5] == DOG


def test_a_hot_dog_beside_rex_is_left_alone():
    prompt = bound("a hot dog beside <rex>")
    assert prompt.token_ids[1:6] == (320, HOT, DOG, *CLIP.encode("beside"), DOG)
    assert prompt.spans == (Span("rex", 5, 6),)


def test_a_noun_of_two_tokens_has_a_span_of_two():
    prompt = bound("a <bear>, asleep")
    assert prompt.spans == (Span("bear", 2, 4),)
    assert prompt.token_ids[2:4] == (STUFFED, ANIMAL)


def test_a_repeated_name_is_the_same_subject_however_it_is_written():
    prompt = bound("<rex> and <REX> and <ｒｅｘ>")
    assert [span.name for span in prompt.spans] == ["rex", "rex", "rex"]
    assert [span.start for span in prompt.spans] == [1, 3, 5]


def test_ids_are_padded_with_zeros_to_the_context_length():
    prompt = bound("a <rex>", tokenizer=ClipTokenizer(context_length=8))
    assert prompt.token_ids == (49406, 320, DOG, 49407, 0, 0, 0, 0)
    assert prompt.length == 4


def test_a_name_that_touches_a_word_is_set_apart():
    prompt = bound("hot<rex>s and <rex>'s hat")
    assert prompt.text == "hot dogs and dog's hat"
    assert prompt.spans == (Span("rex", 2, 3), Span("rex", 4, 5))
    assert list(prompt.token_ids[1 : prompt.length - 1]) == CLIP.encode(prompt.text)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("two <rex>s on the beach", "two dogs on the beach"),
        ("three <bear>s", "three stuffed animals"),
        ("the <rex>s' ball", "the dogs' ball"),
        ("<rex>es", "dogs"),
        ("<rex>sled", "dog sled"),
        ("<rex>'s sled", "dog's sled"),
    ],
)
def test_a_name_with_a_plural_ending_is_the_plural_of_its_noun(prompt, text):
    found = bound(prompt)
    assert found.text == text
    (span,) = found.spans
    assert CLIP.encode(text)[span.start - 1 : span.end - 1] == list(found.token_ids[span.start : span.end])


@pytest.mark.parametrize("text", ["＜end_of_text＞", "&lt;end_of_text&gt;", "＜START_OF_TEXT＞"])
def test_special_tokens_can_be_written_by_nobody(text):
    with pytest.raises(PromptInvalid, match="as its own start or end"):
        bound(f"a <rex> on the beach {text} in the snow")
    with pytest.raises(PromptInvalid, match="studio concepts edit rex --noun NOUN"):
        bind(parse("a <rex>"), {"rex": text}, ClipTokenizer())


WORDS = st.sampled_from(["a", "hot", "dog", "dogs", "guinea pig", "42", "café", "beside,", "it's", "Red-Hat", "!", "x"])
NAMES = st.sampled_from([f"<{name}>" for name in NOUNS])


@given(words=st.lists(WORDS | NAMES, max_size=15), gap=st.sampled_from([" ", "  ", " \t"]))
def test_bound_ids_are_the_tokens_of_the_whole_text_and_spans_are_their_nouns(words, gap):
    prompt = bound(gap.join(words))
    ids = CLIP.encode(prompt.text)
    assert prompt.token_ids == (49406, *ids, 49407, *[0] * (75 - len(ids)))
    assert prompt.length == len(ids) + 2
    assert [f"<{span.name}>" for span in prompt.spans] == [word for word in words if word.startswith("<")]
    for span in prompt.spans:
        assert list(prompt.token_ids[span.start : span.end]) == CLIP.encode(NOUNS[span.name])


def test_an_unknown_name_is_refused_with_the_nearest_names():
    with pytest.raises(PromptInvalid) as caught:
        bound("a <reks> and a <Tomm>")
    assert caught.value.cause == "The prompt names <reks>, <Tomm>, which the library does not have."
    assert caught.value.remedy == "Did you mean <rex> or <tom>?"


def test_an_unknown_name_that_is_near_nothing_lists_what_there_is():
    with pytest.raises(PromptInvalid, match=r"<zzz>, which .* The library has: bear, fido, rex, tom\."):
        bound("a <zzz>")
    with pytest.raises(
        PromptInvalid, match="The library has no concepts yet: studio add-concept zzz IMAGE --noun NOUN"
    ):
        bound("a <zzz>", nouns={})


def test_a_subject_without_a_noun_is_refused():
    with pytest.raises(PromptInvalid, match="The noun of <rex> is empty"):
        bound("a <rex>", nouns={"rex": " "})


def test_a_prompt_that_is_too_long_says_which_words_would_be_cut():
    with pytest.raises(PromptInvalid) as caught:
        bound("a <bear> on the beach at night", tokenizer=ClipTokenizer(context_length=8))
    assert caught.value.cause == "The prompt has 10 tokens, but CLIP reads 8: it would ignore “at night”."
    assert caught.value.remedy == "Shorten the prompt."


def test_words_after_clips_limit_may_be_cut_but_no_subject():
    said: list[str] = []
    tokenizer = ClipTokenizer(context_length=8)
    cut = bind(parse("a <bear> on the beach at night"), NOUNS, tokenizer, said.append)
    assert said == ["The prompt has 10 tokens, but CLIP reads 8: it would ignore “at night”."]
    assert cut.token_ids == bound("a <bear> on the beach", tokenizer=tokenizer).token_ids
    assert (cut.length, cut.spans) == (8, (Span("bear", 2, 4),))
    last = bind(parse("the beach at night, a <rex> too"), NOUNS, ClipTokenizer(context_length=9), said.append)
    assert last.spans == (Span("rex", 7, 8),) and len(said) == 2
    with pytest.raises(PromptInvalid, match="CLIP reads 8: it would ignore “dog too”"):
        bind(parse("the beach at night, a <rex> too"), NOUNS, tokenizer, pytest.fail)


def test_the_words_that_would_be_cut_are_counted_when_they_are_many():
    with pytest.raises(PromptInvalid, match=r"would ignore “(red ){12}… \(25 words\)”"):
        bound("red " * 100)


def test_a_prompt_that_fits_exactly_is_kept_whole():
    prompt = bound("red " * 75)
    assert prompt.length == 77
    assert 0 not in prompt.token_ids


def test_images_and_weights_stay_with_their_span():
    prompt = bound("a <rex#2:0.5> by a <REX:1.5>")
    assert prompt.text == "a dog by a dog"
    assert prompt.spans == (Span("rex", 2, 3, (2,), 0.5), Span("rex", 5, 6, (), 1.5))
    assert [span.subject for span in prompt.spans] == ["rex#2", "rex"]


def test_an_escaped_bracket_is_text():
    assert bound(r"a \<b\> <rex>").text == "a <b> dog"
