"""The class bank: static distributions of quantized coefficients on a grid of scales (docs/format.md, section 4.1).

Class k stands for a scale of UNIT_CLASS-relative size 3^((k - UNIT_CLASS) / 8) steps, so a pass (a step three times
finer) is 8 classes and one unit of token shift is 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

CLASSES_PER_PASS = 8
CLASSES_PER_SHIFT = 2
UNIT_CLASS = 32
CLASS_COUNT = 72
LARGEST = 15
SYMBOLS = 2 * LARGEST + 2
"""Histogram bins: -15 .. 15, then everything larger."""
TOTAL = 4096


@dataclass
class EntropyClass:
    """One class as stored in the profile."""

    largest: int
    escape_order: int
    base: np.ndarray
    zero: np.ndarray
    nonzero: np.ndarray


def quantize(u: torch.Tensor) -> torch.Tensor:
    """Nearest integer, halves away from zero."""
    return torch.sign(u) * torch.floor(u.abs() + 0.5)


def ladder(u: torch.Tensor, passes: int) -> list[torch.Tensor]:
    """Integers of every pass, coarsest first, for u in steps of pass 0; cells nest exactly (docs/format.md, 10)."""
    q = [quantize(u * 3 ** (passes - 1))]
    for _ in range(passes - 1):
        q.append(torch.round(q[-1] / 3))
    return q[::-1]


def base_symbols(q: torch.Tensor) -> torch.Tensor:
    """Histogram bin of every integer."""
    return torch.where(q.abs() > LARGEST, torch.full_like(q, SYMBOLS - 1), q + LARGEST).long()


def refinement_symbols(q: torch.Tensor, parent: torch.Tensor) -> torch.Tensor:
    """Bins 0..2 for a zero parent (r = -1, 0, 1), 3..5 for others (r * sign(parent))."""
    r = q - 3 * parent
    return torch.where(parent == 0, r + 1, r * torch.sign(parent) + 4).long()


def histogram(symbols: torch.Tensor, bins: int) -> torch.Tensor:
    """Counts [coefficients, bins] of symbols [T, coefficients]."""
    width = symbols.shape[1]
    flat = (symbols + torch.arange(width) * bins).flatten()
    return torch.bincount(flat, minlength=width * bins).view(width, bins).float()


def escape_bits(excess: int, order: int) -> int:
    """Bits of the Exp-Golomb code of magnitude A + 1 + excess, with its sign (docs/format.md, 7.3)."""
    u = (excess >> order) + 1
    return 2 * (u.bit_length() - 1) + 1 + order + 1


def laplace(scale: float) -> np.ndarray:
    """Probabilities of the histogram bins for a Laplacian of standard deviation `scale` steps."""
    b = scale / math.sqrt(2)
    edge = np.exp(-np.arange(0.5, LARGEST + 1) / b)
    positive = 0.5 * (edge - np.append(edge[1:], 0))[:LARGEST]
    return np.concatenate([positive[::-1], [1 - edge[0]], positive, [edge[LARGEST]]])


def _integers(probabilities: np.ndarray) -> np.ndarray:
    """Frequencies >= 1 that sum to TOTAL, closest to the probabilities."""
    wanted = probabilities / probabilities.sum() * TOTAL
    found = np.maximum(1, np.floor(wanted)).astype(np.int64)
    while found.sum() != TOTAL:
        missing = TOTAL - found.sum()
        if missing > 0:
            found[np.argmax(wanted / found)] += 1
        else:
            ratio = np.where(found > 1, wanted / np.maximum(found - 1, 1e-9), np.inf)
            found[np.argmin(ratio)] -= 1
    return found


def make_class(base: np.ndarray, refine: np.ndarray, scale: float, escape_limit: float = 1e-3) -> EntropyClass:
    """One class from its pooled symbol counts: `base` [SYMBOLS], `refine` [6].

    Counts are made symmetric and mixed with a Laplacian of the class's scale (steps), worth 200 symbols. The alphabet is
    the smallest whose escapes stay below `escape_limit`, at most LARGEST.
    """
    counts = base + 200 * laplace(scale)
    counts[:-1] = (counts[:-1] + counts[:-1][::-1]) / 2
    p = counts / counts.sum()
    magnitude = lambda m: 2 * p[LARGEST + m]
    largest, beyond = LARGEST, p[-1]
    while largest > 1 and beyond + magnitude(largest) < escape_limit:
        beyond += magnitude(largest)
        largest -= 1
    body = p[LARGEST - largest : LARGEST + largest + 1]
    frequencies = _integers(np.append(body, max(beyond, 1e-9)))
    half = (frequencies[:largest] + frequencies[largest + 1 : 2 * largest + 1][::-1]) // 2
    frequencies[:largest], frequencies[largest + 1 : 2 * largest + 1] = np.maximum(half, 1), np.maximum(half, 1)[::-1]
    frequencies[largest] += TOTAL - frequencies.sum()
    tail = np.exp(-np.arange(10 * scale + 10) * math.sqrt(2) / scale)
    tail /= tail.sum()
    excesses = np.concatenate([[2 * p[LARGEST + m] for m in range(largest + 1, LARGEST + 1)], tail * p[-1]])
    order = min(range(12), key=lambda o: sum(w * escape_bits(n, o) for n, w in enumerate(excesses)))
    prior = _refinement_prior(scale)
    zero = refine[:3] + 50 * prior[0]
    zero = np.array([zero[0] + zero[2], 2 * zero[1], zero[0] + zero[2]])
    return EntropyClass(largest, order, frequencies, _symmetric(zero), _integers(refine[3:] + 50 * prior[1]))


def _symmetric(counts: np.ndarray) -> np.ndarray:
    side = max(1, round(TOTAL * counts[0] / counts.sum()))
    return np.array([side, TOTAL - 2 * side, side])


def _refinement_prior(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Chances of r for a Laplacian of `scale` (finer) steps, for a zero and a positive parent."""
    p = laplace(scale)
    at = lambda m: max(p[LARGEST + m], 1e-12)
    zero = np.array([at(1), at(0), at(1)])
    other = np.array([at(2), at(3), at(4)])
    return zero / zero.sum(), other / other.sum()


def base_costs(bank: list[EntropyClass]) -> torch.Tensor:
    """Bits of every histogram bin under every class [classes, SYMBOLS]; the last bin carries the smallest escape."""
    costs = torch.zeros(len(bank), SYMBOLS)
    for k, c in enumerate(bank):
        bits = -np.log2(c.base / TOTAL)
        for m in range(-LARGEST, LARGEST + 1):
            inside = abs(m) <= c.largest
            costs[k, m + LARGEST] = bits[m + c.largest] if inside else bits[-1] + escape_bits(abs(m) - c.largest - 1, c.escape_order)
        costs[k, -1] = bits[-1] + escape_bits(LARGEST + 6 - c.largest, c.escape_order)
    return costs


def refinement_costs(bank: list[EntropyClass]) -> torch.Tensor:
    """Bits of every refinement bin under every class [classes, 6]."""
    tables = np.stack([np.concatenate([c.zero, c.nonzero]) for c in bank])
    return torch.from_numpy(-np.log2(tables / TOTAL)).float()
