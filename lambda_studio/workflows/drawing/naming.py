"""Whether a prompt's names are in the library, found out before any model is loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lambda_studio.generation.prompt import Template, bind, parse


@dataclass
class OneTokenAPiece:
    """A tokenizer under which every prompt fits: it lets `bind` check names before any model is loaded."""

    context_length: int
    start_token: int = 0
    end_token: int = 0

    def encode(self, text: str) -> list[int]:
        return [0]


def read_prompt(prompt: str, nouns_near: Callable[[Sequence[str]], Mapping[str, str]]) -> Template:
    """The prompt's names, all of which are there. Raises PromptInvalid, which names the nearest to an unknown one.

    `nouns_near` gives the nouns of concepts of such names and of names near them.
    """
    template = parse(prompt)
    bind(template, nouns_near(template.names), OneTokenAPiece(2 * len(template.references) + 3))
    return template
