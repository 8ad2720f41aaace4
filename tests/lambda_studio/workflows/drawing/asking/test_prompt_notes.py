from dataclasses import replace

import pytest

from lambda_studio.config import GenerateConfig
from lambda_studio.generation.template import parse
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.workflows.drawing.asking.prompt_notes import note_sampler, notes_about

KNOWN = ["pip", "Rex", "red-hat"]
NOUNS = {"Rex": "dog", "red-hat": "hat"}
KANDINSKY = BUILT_IN["kandinsky-2.2"]


def notes(prompt, nouns=NOUNS, known=KNOWN, spec=KANDINSKY):
    return list(notes_about(parse(prompt), nouns, known, spec))


@pytest.mark.parametrize(
    "prompt",
    [
        "a <rex> on the beach",
        "a <rex> (the best: 7 of 8) in 2:30 hours",
        "<Rex> and <red-hat>",
        "a <rex>-like (<red-hat>)",
        "a <rex>--d 3",
    ],
)
def test_a_plain_prompt_has_no_note(prompt):
    assert notes(prompt) == []


@pytest.mark.parametrize("prompt", ["a ＜rex＞ in snow", "a &lt;rex&gt; in snow", "a [rex] in snow", "{REX}", "rex."])
def test_a_name_in_other_brackets_or_in_none_is_questioned(prompt):
    said = "The prompt names no concept, so none of the library is drawn. Did you mean <Rex>?"
    assert notes(prompt) == [said]
    assert notes(f"{prompt} with a <red-hat>") == ["“Rex” is read as a word. Did you mean <Rex>?"]


def test_an_escaped_name_is_not_questioned():
    assert notes(r"a \<rex\> in snow") == notes(r"a <red-hat> with \<rex\>") == []
    assert notes(r"\<pip\> and rex") == [
        "The prompt names no concept, so none of the library is drawn. Did you mean <Rex>?"
    ]


def test_a_name_that_is_a_small_word_is_not_questioned_beside_others():
    assert notes("a <rex> in snow", known=["a", *KNOWN]) == []
    assert notes("a mat", known=["a"]) == [
        "The prompt names no concept, so none of the library is drawn. Did you mean <a>?"
    ]


def test_a_prompt_without_names_has_no_note_where_there_are_no_concepts():
    assert notes("a dog in snow", known=[]) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a (<rex>:1.3) in snow",
        "a <rex>:0.8 in snow",
        "(red sky:1.2) and <rex>",
        "a <rex>++ in snow",
        "a <rex>-- in snow",
        "a ((<rex>))",
    ],
)
def test_weights_are_questioned(prompt):
    assert notes(prompt) == ["Weights such as (<name>:1.3) are read as words. Write them as <name:1.3>."]


def test_more_subjects_than_in_training_are_told():
    names = [f"n{i}" for i in range(5)]
    prompt = " and ".join(f"<{name}>" for name in names)
    nouns = dict.fromkeys(names, "dog")
    (said,) = notes(prompt, nouns, names)
    assert said.startswith("The prompt has 5 subjects. kandinsky-2.2 was trained on pictures of up to 4, and may")
    assert notes(" and ".join(["<rex>"] * 5)) == [said], "also of one concept, because each is a subject to draw"
    assert notes(prompt, nouns, names, replace(KANDINSKY, subjects=5)) == []
    assert notes(prompt, nouns, names, replace(KANDINSKY, subjects=None)) == []


def test_a_name_without_brackets_is_not_also_told_as_a_word_that_was_not_learnt():
    for prompt in ("Rex on the beach", "a &lt;rex&gt; on the beach"):
        (said,) = notes(prompt, spec=BUILT_IN["miniature"])
        assert said.endswith("Did you mean <Rex>?")
    both = notes("Rex and a quantum on the beach", spec=BUILT_IN["miniature"])
    assert len(both) == 2 and "did not learn “quantum”." in both[1]


def test_words_that_the_miniature_did_not_learn_are_told_with_the_nearest_that_it_did():
    (said,) = notes("two <rex>s' quantum flapjack, quantum on the Beach", spec=BUILT_IN["miniature"])
    listed = "Its words are listed in the documentation of the miniature."
    assert said == f"miniature did not learn “quantum”, “flapjack”. {listed}"
    (said,) = notes("a <rex> on the beech", spec=BUILT_IN["miniature"])
    assert said == f"miniature did not learn “beech” (did you mean “beach”?). {listed}"
    assert notes("a photo of <rex>'s <red-hat> next to two dogs", spec=BUILT_IN["miniature"]) == []


def test_a_file_of_words_that_is_no_text_or_no_file_is_no_fault_of_ours(tmp_path):
    spec = replace(KANDINSKY, words=tmp_path / "words.txt")
    with pytest.raises(OSError, match=r"words\.txt"):
        notes("a <rex>", spec=spec)
    spec.words.write_bytes(b"a dog \xff\xfe")
    assert notes("a <rex>", spec=spec) == []


def test_lcm_is_questioned_unless_the_stack_prefers_it():
    config = GenerateConfig(sampler="lcm")
    (note,) = note_sampler(config, KANDINSKY)
    assert "4 to 8 steps" in note and "kandinsky-2.2 does not say" in note
    assert list(note_sampler(config, replace(KANDINSKY, generate={"sampler": "lcm"}))) == []
    assert list(note_sampler(GenerateConfig(), KANDINSKY)) == []
