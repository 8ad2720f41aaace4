"""The registry's queries and changes, inside one transaction. Inputs and results are plain values."""

from concepts.verbs.adapters import AdapterVerbs
from concepts.verbs.concepts import ConceptVerbs
from concepts.verbs.features import FeatureVerbs
from concepts.verbs.libraries import LibraryVerbs
from concepts.verbs.runs import RunVerbs


class Registry(LibraryVerbs, ConceptVerbs, FeatureVerbs, RunVerbs, AdapterVerbs):
    """One user's view of the database, from `Database.transaction`. Names compare by `names.name_key`.

    Methods list only the errors that are not listed here.

    Raises:
        LibraryNotFound, ConceptNotFound, AdapterNotFound, RunNotFound: the user can see none of that name or id.
        NotPermitted: the user's role is too low for the change.
        NameInvalid: a new name or noun cannot be used.
    """
