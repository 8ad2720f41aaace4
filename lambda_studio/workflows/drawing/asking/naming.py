"""The concepts that a prompt names, and those that its wildcards stand for."""

import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import product

from concepts.records import ConceptRecord
from concepts.registry import Registry
from lambda_studio.errors import PromptInvalid
from lambda_studio.generation.template import ANY, Template, did_you_mean, name_key, replaced, require_known
from lambda_studio.workflows.workplace import Workplace

MOST_NEAR = 3
"""The most concepts that are offered for a noun in brackets."""


def without_wildcards(place: Workplace, template: Template) -> Iterator[Template]:
    """Yield the prompt, or one prompt for each concept that its wildcards stand for, by name.

    A wildcard that is there twice is the same concept twice. Different ones are combined.
    Raises PromptInvalid for a noun of no concept.
    """
    if not template.wildcards:
        yield template
        return
    concepts = place.concepts()
    of_noun = {each: _of(each, [(one.name, one.noun) for one in concepts]) for each in template.wildcards}
    for names in product(*of_noun.values()):
        yield replaced(template, dict(zip(of_noun, names, strict=True)))


def _of(noun: str, concepts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the names of a noun's concepts, or of all for no noun. Raises PromptInvalid if there are none."""
    found = [name for name, of in concepts if not noun or name_key(of) == name_key(noun)]
    if not found:
        nouns = list(dict.fromkeys(of for _, of in concepts))
        near = get_close_matches(name_key(noun), [name_key(each) for each in nouns], n=1, cutoff=0.75)
        has = (
            f"The library has: {', '.join(nouns[:12])}{', …' if len(nouns) > 12 else ''}."
            if nouns
            else ("The library has no concepts yet: studio add-concept NAME IMAGE --noun NOUN")
        )
        meant = f"Did you mean <{ANY}:{near[0]}>? " if near else ""
        raise PromptInvalid(f"<{ANY}{f':{noun}' if noun else ''}> stands for no concept.", meant + has)
    return found


def named_concepts(place: Workplace, template: Template) -> list[ConceptRecord]:
    """Read the prompt's concepts in one query. Raises PromptInvalid, with the nearest names, for an unknown name."""
    library = place.library
    with place.database.reading() as registry:
        concepts = registry.find_concepts(library, template.names)
        if len(concepts) < len(template.names):
            _explain_unknown(registry, library, template, concepts)
            require_known(template, [near.name for near in registry.concepts_near(library, template.names)])
    return concepts


def _explain_unknown(registry: Registry, library: str, template: Template, concepts: Sequence[ConceptRecord]) -> None:
    """Raise PromptInvalid if one of the unknown names is that of a removed concept, or the noun of a concept.

    It names all unknown names, and what each of them may mean.
    """
    known = {name_key(concept.name) for concept in concepts}
    removed = {name_key(each.name): each.name for each in registry.removed_concepts(library)}
    nouns: dict[str, list[str]] = {}
    for each in registry.concepts(library):
        nouns.setdefault(name_key(each.noun), []).append(each.name)
    unknown = {name_key(name): name for name in template.names if name_key(name) not in known}
    restored = [removed[key] for key in unknown if key in removed]
    meant = [_of_noun(nouns[key][:MOST_NEAR], name) for key, name in unknown.items() if key in {*nouns} - {*removed}]
    if not restored and not meant:
        return
    others = [name for key, name in unknown.items() if key not in {*nouns, *removed}]
    near = [each.name for each in registry.concepts_near(library, others)]
    names = ", ".join(f"<{name}>" for name in unknown.values())
    why = "was removed" if restored and len(unknown) == 1 else "the library does not have"
    remedies = [*meant, *filter(None, [did_you_mean(others, near)])]
    if restored:
        what = "it" if len(unknown) == 1 else ", ".join(f"<{name}>" for name in restored)
        again = " && ".join(f"studio concepts restore {shlex.quote(name)}" for name in restored)
        remedies.append(f"Restore {what}: {again}")
    raise PromptInvalid(f"The prompt names {names}, which {why}.", " ".join(remedies))


def _of_noun(names: Sequence[str], noun: str) -> str:
    """Return the remedy that names the concepts of a noun."""
    meant = " or ".join(f"<{name}>" for name in names)
    return f"Did you mean {meant}? {'Its' if len(names) == 1 else 'Their'} noun is {noun}."


def concept_names(place: Workplace) -> list[str]:
    """Return the names of all concepts of the library."""
    library = place.library
    with place.database.reading() as registry:
        return registry.concept_names(library)
