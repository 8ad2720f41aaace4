"""Processes share out an evaluation in blocks."""

import pytest

from lambda_studio.progress import silent, unheard
from lambda_studio.workflows.benchmarks.sharing import Share, share_of


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_item_is_in_exactly_one_part(of: int) -> None:
    parts = [list(Share(number, of).part(range(5))) for number in range(of)]
    assert [item for part in parts for item in part] == list(range(5))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_without_a_launcher_one_process_does_everything(studio, monkeypatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    share = share_of(studio.workplace)
    assert share == Share() and share.is_first
    share.wait()


def test_of_several_processes_the_first_one_tells(studio, monkeypatch) -> None:
    import accelerate.state

    class State:
        process_index = local_process_index = 1
        num_processes = 2
        waited = 0

        def __init__(self, **given) -> None:
            assert given in ({}, {"cpu": True, "timeout": given.get("timeout")})

        def wait_for_everyone(self) -> None:
            State.waited += 1

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(accelerate.state, "PartialState", State)
    place = studio.workplace
    share = share_of(place)
    share.wait()
    assert (share, State.waited) == (Share(1, 2), 1)
    assert not share.is_first and place.notify is unheard and place.progress is silent
