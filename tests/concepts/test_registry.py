"""The registry has the verbs of its nouns, and each is tried with every role."""

from concepts.registry import Registry
from tests.concepts.verbs import test_adapters, test_concepts, test_features, test_libraries, test_runs


def test_every_verb_of_the_registry_is_tried_with_every_role():
    verbs = {name for name in dir(Registry) if not name.startswith("_")}
    tried = [test_adapters, test_concepts, test_libraries, test_runs]
    writes = set().union(*(each.WRITES for each in tried))
    assert verbs == writes | set().union(*(each.OTHERS for each in (*tried, test_features)))
