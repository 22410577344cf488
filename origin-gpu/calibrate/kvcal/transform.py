"""Loss-weighted bases: y = U^T (w * (x - mean)), one U per group of layers, keys and values jointly.

A Karhunen-Loeve transform of values scaled so that a unit of squared error costs the same loss everywhere
(docs/format.md, sections 4.2, 6.1 and 10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .moments import Moments

F16_BLOCK, I8_BLOCK = 1, 2
ANALYSIS_REFINEMENTS = 1


@dataclass
class Block:
    """Neighbouring columns of U as stored: f16 [d, n], or i8 [d, n] times one f32 scale per column."""

    kind: int
    columns: np.ndarray
    scales: np.ndarray | None

    def dequantized(self) -> torch.Tensor:
        columns = torch.from_numpy(self.columns.astype(np.float32))
        return columns if self.scales is None else columns * torch.from_numpy(self.scales)


@dataclass
class Group:
    """One basis: member planes, the blocks of U, U as a decoder sees it [d, r], and where its bands end."""

    planes: list[int]
    columns: np.ndarray
    blocks: list[Block]
    basis: torch.Tensor
    band_ends: list[int]

    @property
    def rank(self) -> int:
        return self.basis.shape[1]

    def bands(self) -> list[slice]:
        return [slice(a, b) for a, b in zip([0, *self.band_ends], self.band_ends)]


def store_basis(basis: torch.Tensor, f16_columns: int) -> list[Block]:
    """Leading columns as f16 (their variance needs it), the rest as i8 with one scale per column."""
    lead, tail = basis[:, :f16_columns], basis[:, f16_columns:]
    blocks = [Block(F16_BLOCK, lead.numpy().astype(np.float16), None)]
    if tail.shape[1]:
        scales = tail.abs().amax(0) / 127
        blocks.append(Block(I8_BLOCK, torch.round(tail / scales).numpy().astype(np.int8), scales.numpy()))
    return blocks


def fit_group(moments: Moments, n: int, weights: torch.Tensor, rank: int | None, bands: list[int], f16_columns: int) -> Group:
    """Eigenvectors of the weighted covariance of the n-th plane set, by falling variance. `bands` are ends below the rank."""
    columns = moments.columns[n]
    w = weights[columns]
    covariance = w[:, None] * moments.covariance(n) * w
    _, vectors = torch.linalg.eigh(covariance.double())
    basis = vectors.flip(1)[:, :rank].float()
    blocks = store_basis(basis, f16_columns)
    stored = torch.cat([b.dequantized() for b in blocks], 1)
    ends = [b for b in bands if 0 < b < stored.shape[1]] + [stored.shape[1]]
    return Group(moments.plane_sets[n], columns, blocks, stored, ends)


def layer_groups(layers: int, group_layers: int) -> list[list[int]]:
    """Planes of consecutive runs of `group_layers` layers."""
    return [list(range(2 * a, 2 * min(a + group_layers, layers))) for a in range(0, layers, group_layers)]


@dataclass
class Transform:
    """Everything between planes and coefficients. `mean` and `weights` are [valuesPerToken]."""

    mean: torch.Tensor
    weights: torch.Tensor
    groups: list[Group]

    def analyse(self, x: torch.Tensor, refinements: int = ANALYSIS_REFINEMENTS) -> list[torch.Tensor]:
        """Coefficients [T, r] of every group for x [T, valuesPerToken]; later groups see what earlier ones left.

        The stored U is not exactly orthonormal, so U^T e alone leaves an error that no finer step removes; each
        refinement adds the transform of what is left (a Neumann series towards the least-squares coefficients).
        """
        e = (x - self.mean) * self.weights
        found = []
        for n, group in enumerate(self.groups):
            part = e[:, group.columns]
            y = part @ group.basis
            for _ in range(refinements):
                y += (part - y @ group.basis.T) @ group.basis
            if any(set(group.planes) & set(later.planes) for later in self.groups[n + 1 :]):
                e[:, group.columns] = part - y @ group.basis.T
            found.append(y)
        return found

    def synthesise(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """[T, valuesPerToken] from every group's coefficients."""
        x = torch.zeros(len(coefficients[0]), len(self.mean))
        for group, y in zip(self.groups, coefficients):
            x[:, group.columns] += y @ group.basis.T
        return x / self.weights + self.mean
