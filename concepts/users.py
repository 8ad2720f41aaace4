"""The user's name: from `STUDIO_USER` or the operating system."""

import getpass
import os
from collections.abc import Mapping

from concepts.errors import NameInvalid
from concepts.names import check_name, shown

VARIABLE = "STUDIO_USER"
"""The environment variable that overrides the operating system's user."""


def current_user(environment: Mapping[str, str] = os.environ) -> str:
    """Return the user that this process works for. Raises NameInvalid."""
    return check_user(environment.get(VARIABLE) or _login())


def check_user(user: str) -> str:
    """Return the user's name as it is stored, with its case unchanged. Raises NameInvalid."""
    return check_owned_name(user, "user name")


def check_owned_name(name: str, what: str) -> str:
    """Return a name that can be a part of OWNER/LIBRARY. Raises NameInvalid."""
    name = check_name(name, what)
    if "/" in name:
        remedy = f"Choose a {what} without a slash; OWNER/LIBRARY names another user's library."
        raise NameInvalid(f"The {what} {shown(name)} contains a slash.", remedy)
    return name


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # the user of a container may have no name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "local"
