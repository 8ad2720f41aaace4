"""The harnesses behind docs/reliability.md: a sample of each runs with the tests, all of it by `make reliability`."""
