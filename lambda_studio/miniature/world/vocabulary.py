"""List the words of the captions. The miniature learnt no other words."""

from lambda_studio.generation.plurals import plural
from lambda_studio.miniature.world.captions import OPENINGS, PLACE_PHRASES
from lambda_studio.miniature.world.figures import PATTERNS
from lambda_studio.miniature.world.identities import COLOURS, NOUNS
from lambda_studio.miniature.world.scenes import RELATIONS

JOINING = "a an and beside next to wearing holding"


def known_words() -> tuple[str, ...]:
    """Return every word that a caption can contain, and the plurals of the nouns, in alphabetical order."""
    places = [phrase for phrases in PLACE_PHRASES.values() for phrase in phrases]
    phrases = [*NOUNS, *map(plural, NOUNS), *COLOURS, *PATTERNS, *RELATIONS, *places, *OPENINGS, JOINING]
    return tuple(sorted({word for phrase in phrases for word in phrase.replace("-", " ").split()}))
