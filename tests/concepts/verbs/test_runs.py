"""Verbs of runs, with every role."""

import pytest

from concepts.access import ROLES
from tests.concepts.verbs.roles import Writes, require_roles

OTHERS = {"runs", "find_run", "runs_of_concept", "run_statuses"}
WRITES: Writes = {
    "start_run": ("editor", lambda it, at, had, image: it.start_run(at, "finetune", {}, [had["rex"].version_id])),
    "finish_run": ("editor", lambda it, at, had, image: it.finish_run(had["run"], had["adapter"])),
    "remove_run": ("editor", lambda it, at, had, image: it.remove_run(had["run"])),
    "continue_run": ("editor", lambda it, at, had, image: it.continue_run(had["run"], {})),
    "fail_run": ("editor", lambda it, at, had, image: it.fail_run(had["run"], "why")),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_a_run_if_it_may(alice, bob, toys, picture, role):
    require_roles(WRITES, role, alice, bob, toys, picture)
