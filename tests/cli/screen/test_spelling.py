"""Settings told as options."""

import click

from cli.screen.spelling import in_remedies, option_names, with_options, with_values


def test_other_words_with_an_equals_sign_stay() -> None:
    options = {"resume": "--resume", "out": "--out", "stack": "--stack"}
    assert with_values("Go on with resume=True, or give x=1.", options) == "Go on with --resume, or give x=1."
    assert (
        with_values("Give out='a b.zip', or stack=FILE.toml.", options) == "Give --out 'a b.zip', or --stack FILE.toml."
    )


def test_a_part_of_a_path_with_an_equals_sign_stays() -> None:
    remedy = "Delete it: /runs/steps=500/rex.png or my-steps=3, or give steps=600."
    assert with_values(remedy, {"steps": "--steps"}) == remedy.replace("give steps=600", "give --steps 600")


def test_a_switch_is_given_or_its_opposite() -> None:
    switch = click.Option(["--dora/--no-dora", "--use-dora", "use_dora"])
    options = option_names(click.Command("tune", params=[switch]))
    assert with_values("Give use_dora=True.", options) == "Give --dora."
    assert with_values("Leave out x, or give use_dora=False too.", options) == "Leave out x, or give --no-dora too."


def test_only_the_remedies_at_the_ends_of_lines_are_spelled_anew() -> None:
    cause = "2 reasons:\n  - noun=dog.jpg is empty\n  - rex has no noun → Give nouns='rex=NOUN'."
    spelled = in_remedies(cause, lambda text: with_values(text, {"nouns": "--noun", "noun": "--noun"}))
    assert spelled == cause.replace("nouns='rex=NOUN'", "--noun 'rex=NOUN'")


def test_settings_are_named_by_the_longest_spelling_of_their_option() -> None:
    command = click.Command("draw", params=[click.Option(["-n", "--number", "count"]), click.Argument(["prompt"])])
    assert option_names(command) == {"count": "--number"}
    assert with_options("count is 0.", option_names(command)) == "--number is 0."
    assert option_names(None) == {}


def test_parts_of_paths_and_options_that_are_written_already_stay() -> None:
    options = {"out": "--out", "pictures": "--pictures"}
    text = "my/pictures and pictures/a.png and pictures.json and --out and re-out stay, but out and pictures."
    assert with_options(text, options) == text.replace("but out and pictures.", "but --out and --pictures.")


def test_names_in_quotes_stay_though_a_setting_has_the_same_name() -> None:
    said = "rank: 32 -> 8; weights: {'rank': 2.0} -> {'rank': 3.0}."
    options = {"rank": "--rank", "weights": "--weight"}
    assert with_options(said, options) == "--rank: 32 -> 8; --weight: {'rank': 2.0} -> {'rank': 3.0}."
