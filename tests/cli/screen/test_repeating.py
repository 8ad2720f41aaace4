"""Commands in messages mean the library and the home of the command that printed them."""

import json

import click
import pytest

from cli.screen.repeating import repeated, same_command


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("keep one: studio concepts edit rex --drop 4", {"library": "pm"}, "studio --library pm concepts edit rex"),
        ("studio library import x", {"library": "pm"}, "studio --library pm library import x"),
        ("studio library use pm", {"library": "pm"}, "studio library use pm"),
        ("studio library list", {"home": "my home"}, "studio --home 'my home' library list"),
        ("studio generate x", {"stack": "a.toml", "home": "h"}, "studio --stack a.toml --home h generate x"),
        ("studio runs", {"stack": "a.toml"}, "studio runs"),
        ("No concept named 'studio lamp'.", {"library": "pm", "home": "h"}, "No concept named 'studio lamp'."),
        ("in /tmp/studio concepts", {"home": "h"}, "in /tmp/studio concepts"),
        (
            "studio runs; studio adapters",
            {"home": "C:\\h"},
            "studio --home 'C:\\h' runs; studio --home 'C:\\h' adapters",
        ),
        ("studio finetune rex", {"json": True}, "studio finetune rex"),
        ("studio finetune rex", {}, "studio finetune rex"),
    ],
)
def test_each_command_gets_the_options_that_it_needs(text: str, given: dict[str, object], expected: str) -> None:
    assert expected in repeated(text, given)


def test_a_pasted_command_changes_the_library_that_it_was_printed_for(studio, photos) -> None:
    assert studio("library", "create", "pm").code == 0
    added = studio("add-concept", "rex", photos[0], "--noun", "dog", "--library", "pm")
    assert added.code == 0
    assert "make one: studio --library pm finetune rex" in studio("concepts", "show", "rex", "--library", "pm").out
    refused = studio("concepts", "edit", "rex", "--drop", 1, "--library", "pm", "--json")
    remedy = "hide it: studio --library pm concepts remove rex"
    assert remedy in refused.err and remedy in json.loads(refused.out)["error"]["remedy"]


def test_the_environment_is_there_for_the_next_command_too(studio, added, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_LIBRARY", "default")
    assert "--library" not in studio("concepts", "show", "rex").out
    assert (
        "make one: studio --library default finetune rex"
        in studio("concepts", "show", "rex", "--library", "default").out
    )


def test_a_prompt_without_quotes_is_explained(studio, added) -> None:
    answer = studio("generate", "a", "rex", "on")
    assert answer.code == 2
    assert 'Put the prompt in quotes: studio generate "a <rex> on the beach".' in answer.err


def test_a_command_is_said_again_with_the_options_that_were_given_and_no_others() -> None:
    @click.command("train")
    @click.argument("work")
    @click.option("-s", "--stage", "stages", multiple=True)
    @click.option("--share", type=float, default=1.0)
    @click.option("--fast", is_flag=True)
    @click.option("--slow", is_flag=True)
    def train(**_: object) -> None: ...

    given = ["my work", "--stage", "clip", "-s", "movq", "--fast"]
    context = train.make_context("studio miniature train", given)
    assert same_command(context) == "studio miniature train 'my work' --stage clip --stage movq --fast"


def test_a_command_that_has_the_option_keeps_its_own() -> None:
    text = "Continue with: studio --home /demo/home concepts, or studio concepts"
    said = "Continue with: studio --home /demo/home concepts, or studio --home /mine concepts"
    assert repeated(text, {"home": "/mine"}) == said
    assert "studio --library a --home /demo" in repeated("studio --home /demo concepts", {"library": "a"})
