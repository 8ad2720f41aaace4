"""Picture files that end too early: found by their structure, and completed if all rows are there."""
