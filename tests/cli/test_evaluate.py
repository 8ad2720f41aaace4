"""`studio evaluate`."""


def test_alone_it_lists_its_commands(studio) -> None:
    answer = studio("evaluate")
    assert answer.code == 0 and "  compare " in answer.out
