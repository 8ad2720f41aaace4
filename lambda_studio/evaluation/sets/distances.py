"""Distances of two sets of features: Fréchet's (FID), and maximum mean discrepancies (KID, CMMD)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.config import require

Features = Float[Tensor, "image dim"]
Kernel = Callable[[Tensor, Tensor], Tensor]
SUBSETS, LARGEST_SUBSET = 100, 1000
"""KID's own settings (Bińkowski et al., 2018)."""
SIGMA, SCALE = 10.0, 1000.0
"""CMMD's own settings (Jayasumana et al., 2024)."""
BLOCK = 1024
"""The rows of a kernel matrix that are in memory at a time."""


def frechet(drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"]) -> float:
    """Return Fréchet's distance of two Gaussians (Heusel et al., 2017, Eq. 6), fitted with n - 1.

    With Inception's features it is the FID, which is biased: it falls with the number of pictures. Compare only numbers
    of the same count. Raises InvalidSetting for fewer than two pictures.
    """
    _require_two(drawn, real)
    one, other = drawn.double(), real.double()
    means = one.mean(0) - other.mean(0)
    first, second = torch.cov(one.T).reshape(one.shape[1], -1), torch.cov(other.T).reshape(one.shape[1], -1)
    root = _square_root(first)
    # the eigenvalues of first @ second are those of this symmetric product
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    return max(float(means @ means + first.trace() + second.trace() - 2 * shared), 0.0)


def kid(drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"]) -> float:
    """Return the mean over `kid_of_subsets`. Raises as it does."""
    return float(kid_of_subsets(drawn, real).mean())


def kid_of_subsets(
    drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"], subsets: int = SUBSETS, seed: int = 0
) -> Float[Tensor, " subset"]:
    """Return the unbiased squared MMD with the kernel (x·y / dim + 1)³, of random subsets of both sets.

    A subset has `LARGEST_SUBSET` pictures, or as many as the smaller set has. An unbiased estimate may be negative.
    Raises InvalidSetting for fewer than two pictures.
    """
    _require_two(drawn, real)
    size, generator = min(len(drawn), len(real), LARGEST_SUBSET), torch.Generator().manual_seed(seed)
    found = []
    for _ in range(subsets):
        one, other = (each[torch.randperm(len(each), generator=generator)[:size]].double() for each in (drawn, real))
        found.append(_unbiased(one, other, _cubic))
    return torch.stack(found)


def cmmd(drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"]) -> float:
    """Return 1000 times the biased squared MMD with the kernel exp(-|x - y|² / 2σ²), σ = 10, as published."""
    one, other = drawn.double(), real.double()
    return float(
        SCALE * (_mean(one, one, _gaussian) + _mean(other, other, _gaussian) - 2 * _mean(one, other, _gaussian))
    )


def _unbiased(one: Tensor, other: Tensor, kernel: Kernel) -> Tensor:
    """Return the estimate that leaves out pairs of a picture with itself."""
    own = [
        (each.sum() - each.diagonal().sum()) / (len(each) * (len(each) - 1))
        for each in (kernel(one, one), kernel(other, other))
    ]
    return own[0] + own[1] - 2 * kernel(one, other).mean()


def _mean(one: Tensor, other: Tensor, kernel: Kernel) -> Tensor:
    rows = torch.stack([kernel(part, other).sum() for part in one.split(BLOCK)])
    return rows.sum() / (len(one) * len(other))


def _cubic(one: Tensor, other: Tensor) -> Tensor:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _gaussian(one: Tensor, other: Tensor) -> Tensor:
    return torch.exp(-(torch.cdist(one, other) ** 2) / (2 * SIGMA**2))


def _square_root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T


def _require_two(drawn: Tensor, real: Tensor) -> None:
    cause = f"There are {len(drawn)} drawn and {len(real)} real pictures."
    require(min(len(drawn), len(real)) >= 2, cause, "A distance of sets needs two of each, and means little for few.")
