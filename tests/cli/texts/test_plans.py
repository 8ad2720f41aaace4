"""What a plan says, line by line."""

from dataclasses import replace

from cli.texts.plans import fault_lines, guess_lines, left_aside_lines, subject_lines
from lambda_studio.bundles.layouts.plan import Fault, LeftAside, Plan, PlannedPicture, PlannedSubject

REX = PlannedSubject("rex", "dog", "given", "rex", (PlannedPicture("rex/0.jpg", "rex/0.mask.png"),), ("a note",))
ASKED = PlannedSubject("ohwx", None, "'ohwx' is a trainer's token", "10_ohwx", (PlannedPicture("10_ohwx/0.jpg"),))


def test_subjects_are_a_table_with_their_notes() -> None:
    assert list(subject_lines(Plan("set", "a folder for each subject", (REX, ASKED)))) == [
        "Read as a folder for each subject: 2 subjects.",
        "NAME  NOUN  PICTURES  MASKS  STATE  FROM     NOUN FROM",
        "rex   dog   1         1      new    rex      given",
        "ohwx  ?     1                new    10_ohwx  'ohwx' is a trainer's token",
        "Note: rex: a note",
    ]


def test_captions_are_counted_where_there_are_some() -> None:
    captioned = replace(ASKED, pictures=(PlannedPicture("10_ohwx/0.jpg", caption="10_ohwx/0.txt"),))
    table = list(subject_lines(Plan("set", "kohya's folders", (REX, captioned))))
    assert table[1] == "NAME  NOUN  PICTURES  MASKS  CAPTIONS  STATE  FROM     NOUN FROM"
    assert table[3] == "ohwx  ?     1                1         new    10_ohwx  'ohwx' is a trainer's token"


def test_a_subject_that_is_skipped_has_no_notes(tmp_path) -> None:
    plan = Plan("set", "a folder", (replace(REX, state="name taken", is_guess=True),))
    assert "Note: rex: a note" not in subject_lines(plan, skips=True)
    assert list(guess_lines(plan, "", skips=True)) == []
    assert "Note: rex: a note" in subject_lines(plan) and len(list(guess_lines(plan, ""))) == 1


def test_the_source_itself_is_named_as_it_was_given() -> None:
    table = list(subject_lines(Plan("my pictures", "pictures", (replace(REX, folder="."),))))
    assert "my pictures" in table[2] and " . " not in table[2]


def test_files_left_aside_are_named_and_a_long_list_is_cut() -> None:
    aside = (LeftAside(".", ("a.txt",), "texts"), LeftAside("rex", tuple(map(str, range(7))), "not pictures"))
    assert list(left_aside_lines(Plan("set", "", (), aside))) == [
        "Left aside: a.txt: texts",
        "Left aside: rex/0, rex/1, rex/2, rex/3, rex/4 and 2 more: not pictures",
    ]


def test_faults_are_told_with_what_to_do() -> None:
    faults = (Fault("rex/0.jxl", "is a JXL picture"), Fault("8_", "has no name", "Rename the folder."))
    assert list(fault_lines(Plan("set", "", (), faults=faults))) == [
        "Cannot be used: rex/0.jxl is a JXL picture",
        "Cannot be used: 8_ has no name → Rename the folder.",
        "The import would be refused. Correct or remove these, or import the rest: leave_out=True",
    ]
    assert list(fault_lines(Plan("set", "", (REX,)))) == []


def test_guessed_nouns_are_told_with_what_to_do() -> None:
    guess = replace(REX, is_guess=True)
    assert list(guess_lines(Plan("set", "", (guess, REX)), "--noun NAME=NOUN")) == [
        "Note: 1 noun guessed (rex). To change one: --noun NAME=NOUN"
    ]
    assert list(guess_lines(Plan("set", "", (REX,)), "")) == []


def test_a_noun_that_may_be_a_name_is_asked_about_and_not_called_a_guess_too() -> None:
    luna = replace(REX, name="luna", noun="luna", is_guess=True, may_be_name=True)
    assert list(guess_lines(Plan("set", "", (luna, REX)), "--noun NAME=NOUN")) == [
        "Note: 1 noun may be a name (luna), and a noun says what the subject is: dog, mug. To give it: --noun NAME=NOUN"
    ]
