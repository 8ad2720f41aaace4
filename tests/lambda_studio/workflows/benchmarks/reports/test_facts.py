"""The facts of an evaluation as tables."""

from lambda_studio.workflows.benchmarks.reports.facts import LONGEST, facts_of


def test_every_fact_is_in_a_table() -> None:
    found = facts_of(
        {
            "format": 1,
            "name": "ccd",
            "protocol": {"sign": "the paper's", "reference": {"kind": "global"}},
            "stack": "miniature",
            "seeds": [1, 2],
            "real": None,
            "metric_weights": {},
            "adapters": [{"sha256": "ab", "scale": 1.0}],
            "versions": {"torch": "2.6"},
        }
    )
    assert found.name == "ccd"
    assert found.protocol == (("sign", "the paper's"), ("reference.kind", "global"))
    assert found.evaluated == (("stack", "miniature"), ("seeds", "1, 2"), ("real", "none"))
    assert found.settings == {"adapters": (("1.sha256", "ab"), ("1.scale", "1"))}
    assert found.versions == (("torch", "2.6"),)


def test_a_protocol_in_words_and_none_at_all() -> None:
    assert facts_of({"protocol": "all references"}).protocol == (("protocol", "all references"),)
    assert facts_of({}).protocol == () == facts_of({}).versions
    assert facts_of({}).name == "evaluation"


def test_long_and_deep_facts_are_cut() -> None:
    deep: dict = {}
    for _ in range(500):
        deep = {"a": deep}
    nested: list = []
    for _ in range(500):
        nested = [nested]
    found = facts_of({"deep": deep, "nested": nested, "long": "x" * 10_000})
    assert found.settings == {"deep": (("a.a.a.a", "…"),)}
    assert found.evaluated == (("nested", "1 values"), ("long", "x" * LONGEST + "…"))
