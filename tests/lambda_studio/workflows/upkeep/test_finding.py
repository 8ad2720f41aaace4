"""A finding without a remedy is no problem."""

from lambda_studio.workflows.upkeep.finding import Finding


def test_a_finding_is_whole_exactly_without_a_remedy() -> None:
    assert Finding("database", "sound").whole
    assert not Finding("database", "damaged", "Restore a backup.").whole
