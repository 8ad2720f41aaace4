"""Whether drawn pictures repeat photographs of the training: apart from likeness, which looks at the subject."""

from jaxtyping import Float
from torch import Tensor

from lambda_studio.evaluation.results import Copies
from lambda_studio.evaluation.similarity import similarities


def copies(drawn: Float[Tensor, "drawn dim"], trained: Float[Tensor, "trained dim"]) -> Copies:
    """Return how near pictures are to photographs, by embeddings of whole pictures."""
    nearest = similarities(drawn, trained).max(dim=1).values
    if len(trained) < 2:
        return Copies(float(nearest.mean()), None)
    pairs = similarities(trained, trained).fill_diagonal_(-1.0)
    return Copies(float(nearest.mean()), float((nearest > pairs.max()).float().mean()))
