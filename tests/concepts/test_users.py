import getpass

import pytest

from concepts.errors import NameInvalid
from concepts.users import current_user


def test_a_user_is_the_operating_systems_unless_the_environment_names_one(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "carol")
    assert current_user({}) == current_user({"STUDIO_USER": ""}) == "carol"
    assert current_user({"STUDIO_USER": " Zoe\u0308 "}) == "Zoë"
    with pytest.raises(NameInvalid) as refusal:
        current_user({"STUDIO_USER": "a/b"})
    assert refusal.value.cause == "The user name 'a/b' contains a slash."


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_goes_by_a_number(monkeypatch, error):
    def nobody() -> str:
        raise error("no such user")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert current_user({}).startswith(("uid-", "local"))
