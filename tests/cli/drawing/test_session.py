"""`studio session`: prompt after prompt in one process."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from cli.drawing import session
from cli.screen import ctrl_c
from lambda_studio.pictures.texts.picture_texts import read_texts

FAST = ("--steps", 2, "--seed", 5)


@pytest.fixture
def typing(monkeypatch):
    """Sets what is typed (a terminal) or written by a program (none)."""

    def typed(text: str | bytes, terminal: bool) -> None:
        stream = io.TextIOWrapper(io.BytesIO(text if isinstance(text, bytes) else text.encode()))
        stream.isatty = lambda: terminal
        monkeypatch.setattr("sys.stdin", stream)

    return typed


def test_each_prompt_of_a_program_is_answered_by_a_line_and_wrong_ones_by_an_error(studio, added, typing) -> None:
    typing("a <rex>\n\na <max>\na <rex> --d 9 --s 1\n", terminal=False)
    answer = studio("session", "--json", *FAST, "--out", "drawn")
    first, wrong, last = map(json.loads, answer.out.splitlines())
    assert first["format"] == 1 and set(first) == {"format", "drawn"} == set(last)
    drawn = [each for answer in (first, last) for of_prompt in answer["drawn"] for each in of_prompt["pictures"]]
    assert [Path(each["path"]).is_file() and each["seed"] for each in drawn] == [5, 9]
    assert wrong["error"]["exit_code"] == answer.code == 5
    assert wrong["error"]["cause"].startswith("Line 3: ") and "max" in wrong["error"]["cause"]


def test_a_picture_is_the_one_that_generate_draws(studio, added, typing, tmp_path) -> None:
    assert studio("generate", "a <rex>", *FAST, "--out", "alone.png").code == 0
    typing("a dog\na <rex>\n", terminal=False)
    answer = studio("session", *FAST, "--out", "drawn")
    drawn = answer.out.split()[-1]
    assert (tmp_path / drawn).read_bytes() == (tmp_path / "alone.png").read_bytes()


def test_an_empty_line_draws_the_last_prompt_again_and_mistakes_end_nothing(studio, added, typing, monkeypatch) -> None:
    lines = iter(["", "a <rex> --x 3", "a <rex> --s 1", "", EOFError])

    def typed(prompt):
        line = next(lines)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", typed)
    typing("", terminal=True)
    answer = studio("session", "--steps", 2)
    assert answer.code == 0 and len(answer.out.split()) == 2
    assert "--x is no option of a prompt." in answer.err and answer.err.count("The seed is") == 2
    assert "Ctrl-D ends." in answer.err


def test_bytes_that_are_no_utf_8_are_refused_and_the_next_line_is_drawn(studio, added, typing) -> None:
    typing(b"\xff\xfe a dog\na <rex>\n", terminal=False)
    answer = studio("session", "--json", *FAST)
    wrong, right = map(json.loads, answer.out.splitlines())
    assert wrong["error"]["cause"] == "Line 1: The prompt is no text in UTF-8." and answer.code == 2
    assert len(right["drawn"]) == 1


@pytest.mark.parametrize(
    ("option", "said"), [("--s 0", "--s is 0"), ("--d -1", "--d is -1"), ("--l nan", "--l is nan")]
)
def test_a_wrong_setting_is_named_as_it_was_written(studio, added, typing, option, said) -> None:
    typing(f"# first\na <rex> {option}\n", terminal=False)
    answer = studio("session", *FAST)
    assert answer.code == 2 and f"Error: Line 2: {said}." in answer.err


def test_comments_are_left_out_and_commands_obeyed(studio, added, typing) -> None:
    typing("\ufeff# a comment\n  # another\nhelp\na <rex>\nexit\na <rex>\n", terminal=False)
    answer = studio("session", *FAST)
    assert answer.code == 0 and len(answer.out.split()) == 1
    assert answer.err.count("exit or Ctrl-D ends.") == 1
    typing("quit\na <rex>\n", terminal=False)
    assert studio("session", *FAST).out == ""


def test_ctrl_c_stops_a_drawing_and_not_the_session(studio, added, typing, monkeypatch) -> None:
    from lambda_studio.workflows.pictures import Pictures

    draw, calls = Pictures.of_line, []

    def stopped(self, line, **asked):
        calls.append(line)
        if len(calls) == 1:
            ctrl_c.received.append(2)
            raise KeyboardInterrupt
        return draw(self, line, **asked)

    monkeypatch.setattr(Pictures, "of_line", stopped)
    typing("a <rex>\na <rex>\na <max>\n", terminal=False)
    answer = studio("session", *FAST)
    assert len(answer.out.split()) == 1 and answer.err.splitlines()[0] == "Stopped."
    assert "Error: Line 3: The prompt names <max>" in answer.err, "an error after Ctrl-C is told"


def test_a_line_without_end_is_not_read_whole(studio, typing, monkeypatch) -> None:
    monkeypatch.setattr(session, "LONGEST", 10)
    typing("a dog and " * 2, terminal=False)
    assert studio("session", *FAST).out.split() == ["outputs/a-dog-and-0001.png", "outputs/a-dog-and-0002.png"]


def test_every_prompt_is_drawn_with_the_pictures_that_the_session_was_given(studio, added, photos, typing) -> None:
    given = ("--from-image", photos[0], "--strength", 0.5, "--edges", photos[1])
    assert studio("generate", "a <rex>", *FAST, *given, "--out", "alone.png").code == 0
    typing("a dog\na <rex>\n", terminal=False)
    answer = studio("session", *FAST, *given, "--json")
    drawn = [json.loads(line)["drawn"][0] for line in answer.out.splitlines()]
    assert [set(each["given"]) for each in drawn] == [{"from_image", "edges"}] * 2
    assert Path(drawn[1]["pictures"][0]["path"]).read_bytes() == Path("alone.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--edges", "gone.png"), 5, "gone.png"),
        (
            ("--strength", 0.5),
            2,
            "A strength is given without a photograph.\n  → Give the photograph, too: --from-image",
        ),
        (("--edges-low", 5), 2, "Settings of edges are given without a picture."),
        (("--depth", "photo1.png"), 2, "The stack's decoder takes no depth map."),
    ],
)
def test_pictures_that_fit_no_prompt_are_refused_before_the_first(studio, photos, typing, options, code, said) -> None:
    typing("a dog\na cat\n", terminal=False)
    answer = studio("session", *FAST, *options)
    assert (answer.code, answer.out, answer.err.count("Error: ")) == (code, "", 1)
    assert said in answer.err


def test_every_prompt_has_the_sessions_negative_prompt_and_references_and_may_have_no_texts(
    studio, added, typing
) -> None:
    settings = ("--negative-prompt", "a hat", "--references", "each")
    assert studio("generate", "a <rex>", *FAST, *settings, "--out", "alone.png").code == 0
    typing("a <rex>\na <rex> --n snow\n", terminal=False)
    drawn = [Path(path) for path in studio("session", *FAST, *settings).out.split()]
    assert drawn[0].read_bytes() == Path("alone.png").read_bytes()
    said = read_texts(drawn[1]).settings
    assert (said["negative_prompt"], said["references"]) == ("snow", "each")
    typing("a <rex>\n", terminal=False)
    with Image.open(studio("session", *FAST, "--no-metadata").out.strip()) as image:
        assert image.text == {}
