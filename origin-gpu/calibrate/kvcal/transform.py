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
    blocks = []
    if lead.shape[1]:
        blocks.append(Block(F16_BLOCK, lead.numpy().astype(np.float16), None))
    if tail.shape[1]:
        scales = tail.abs().amax(0) / 127
        blocks.append(Block(I8_BLOCK, torch.round(tail / scales).numpy().astype(np.int8), scales.numpy()))
    return blocks


@dataclass(frozen=True)
class Stage:
    """How the bases of one kind of group are cut: layers of a group, columns (None: all), ends of bands below the rank."""

    layers: int
    rank: int | None
    bands: tuple[int, ...]
    f16_columns: int


def fit_basis(covariance: torch.Tensor, planes: list[int], columns: np.ndarray, stage: Stage) -> Group:
    """Eigenvectors of the weighted covariance [d, d] of `planes`, by falling variance, as they are stored."""
    _, vectors = torch.linalg.eigh(covariance.double())
    blocks = store_basis(vectors.flip(1)[:, : stage.rank].float(), stage.f16_columns)
    stored = torch.cat([b.dequantized() for b in blocks], 1)
    ends = [b for b in stage.bands if 0 < b < stored.shape[1]] + [stored.shape[1]]
    return Group(planes, columns, blocks, stored, ends)


def fit_groups(moments: Moments, weights: torch.Tensor, lead: Stage | None, rest: Stage) -> list[Group]:
    """The bases of every plane set of `moments`: first the `lead` ones over a whole set, then `rest`, over fewer layers, of what they leave.

    A leading basis over many layers catches what they share; full-rank bases of so many layers would not be worth
    their size, and smaller ones do as well on what remains. Without `lead` a plane set is one group of `rest`.
    """
    first, second = [], []
    for n, (planes, columns) in enumerate(zip(moments.plane_sets, moments.columns)):
        w = weights[columns]
        covariance = w[:, None] * moments.covariance(n) * w
        if lead is None:
            second.append(fit_basis(covariance, planes, columns, rest))
            continue
        first.append(fit_basis(covariance, planes, columns, lead))
        u = first[-1].basis
        u = u @ torch.linalg.inv(torch.linalg.cholesky(u.T @ u)).T
        covariance = covariance - u @ (u.T @ covariance)
        covariance = covariance - (covariance @ u) @ u.T
        for part in runs(planes, 2 * rest.layers):
            within = np.flatnonzero(np.isin(np.concatenate([np.full(moments.dims[p], p) for p in planes]), part))
            second.append(fit_basis(covariance[within][:, within], part, columns[within], rest))
    return first + second


def runs(items: list[int], length: int) -> list[list[int]]:
    """Consecutive parts of `length` items; the last may be shorter."""
    return [items[a : a + length] for a in range(0, len(items), length)]


def layer_groups(layers: int, group_layers: int) -> list[list[int]]:
    """Planes of consecutive runs of `group_layers` layers."""
    return runs(list(range(2 * layers)), 2 * group_layers)


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
