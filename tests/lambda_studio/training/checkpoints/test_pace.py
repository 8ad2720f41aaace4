"""Checkpoints are worth their time."""

from lambda_studio.training.checkpoints.pace import ALWAYS, BYTES_A_SECOND, SHARE, Pace


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_small_checkpoint_is_always_allowed() -> None:
    pace = Pace(Clock())
    pace.saved()
    assert pace.allows(int(BYTES_A_SECOND * ALWAYS) - 1)


def test_a_large_one_waits_until_it_is_a_small_share_of_the_time() -> None:
    clock = Clock()
    pace, size = Pace(clock), 15_000_000_000
    wait = size / BYTES_A_SECOND / SHARE
    assert 300 < wait < 400, "a full fine-tuning of Kandinsky 2.2 on a GPU"
    assert not pace.allows(size)
    clock.now += wait - 1
    assert not pace.allows(size)
    clock.now += 1
    assert pace.allows(size)
    pace.saved()
    assert not pace.allows(size)
