"""Who somebody is: the operating system's user, or whom `STUDIO_USER` names."""

import getpass
import os
from collections.abc import Mapping

from concepts.errors import NameInvalid
from concepts.names import check_name, shown

VARIABLE = "STUDIO_USER"
"""The environment variable that outranks the operating system."""


def current_user(environment: Mapping[str, str] = os.environ) -> str:
    """The user that this process works for. Raises NameInvalid."""
    return check_user(environment.get(VARIABLE) or _login())


def check_user(user: str) -> str:
    """A user's name as it is stored: letters keep their case, as systems differ in it. Raises NameInvalid."""
    return check_owned_name(user, "user name")


def check_owned_name(name: str, what: str) -> str:
    """A name that can stand on either side of OWNER/LIBRARY. Raises NameInvalid."""
    name = check_name(name, what)
    if "/" in name:
        remedy = f"Choose a {what} without one; OWNER/LIBRARY names another's library."
        raise NameInvalid(f"The {what} {shown(name)} holds a slash.", remedy)
    return name


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user need not have a name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "local"
