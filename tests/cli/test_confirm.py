"""Asking before something is removed."""


def test_removing_asks_and_without_anybody_to_ask_refuses(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    answer = studio("concepts", "remove", "rex")
    assert answer.code == 2
    assert "Remove rex and its 2 images? There is nobody to ask here: add --yes." in answer.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "n")
    assert studio("concepts", "remove", "rex").code == 130
    assert studio("concepts", "show", "rex").code == 0
