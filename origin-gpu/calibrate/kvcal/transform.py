"""Loss-weighted bases: y = U^T (w * (x - mean)), K and V of several layers jointly.

A Karhunen-Loeve transform of values scaled so that a unit of squared error costs the same loss everywhere
(docs/format.md, sections 4.2, 6.1 and 10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .basis import ProductBasis, StoredMatrix, store_matrix
from .data import CalibrationData
from .moments import Moments


@dataclass
class Group:
    """One basis: member planes, positions of their values within a token, and where its bands end."""

    planes: list[int]
    columns: np.ndarray
    basis: StoredMatrix | ProductBasis
    band_ends: list[int]

    @property
    def rank(self) -> int:
        return self.basis.rank

    def leading(self, columns: int) -> Group:
        """The group with only its leading columns."""
        return Group(self.planes, self.columns, self.basis.leading(columns), [min(columns, self.rank)])

    def bands(self) -> list[slice]:
        return [slice(a, b) for a, b in zip([0, *self.band_ends], self.band_ends)]


@dataclass(frozen=True)
class Storage:
    """Columns up to which a matrix is stored as f16 and as i8; those after are i4."""

    f16_end: int
    i8_end: int


@dataclass(frozen=True)
class Shape:
    """`mixed` leading columns of every group's basis are mixed over `mixed_groups` neighbours, `rest` ones are kept as they are."""

    mixed: int
    mixed_groups: int
    mixed_bands: tuple[int, ...]
    rest: int | None
    rest_bands: tuple[int, ...]
    lead_storage: Storage
    rest_storage: Storage


def eigenvectors(covariance: torch.Tensor) -> torch.Tensor:
    """By falling variance."""
    _, vectors = torch.linalg.eigh(covariance)
    return vectors.flip(1)


def _ends(bands: tuple[int, ...], rank: int) -> list[int]:
    return [b for b in bands if 0 < b < rank] + [rank]


def fit_groups(data: CalibrationData, moments: Moments, weights: torch.Tensor, shape: Shape, every: int) -> list[Group]:
    """For every plane set of `moments` a basis; the leading columns of neighbours go into a product, the rest is a group.

    A basis over many layers catches what they share. As the leading coefficients of a few layers hold nearly all of that, it
    is enough to mix these: a tenth of the arithmetic and bytes of a full matrix.
    """
    rest, parts = [], []
    for n, (planes, columns) in enumerate(zip(moments.plane_sets, moments.columns)):
        w = weights[columns]
        u = eigenvectors(w[:, None] * moments.covariance(n) * w)
        if shape.mixed:
            lead = store_matrix(u[:, : shape.mixed], shape.lead_storage.f16_end, shape.lead_storage.i8_end)
            parts.append((planes, columns, lead))
        u = u[:, shape.mixed :][:, : shape.rest]
        stored = store_matrix(u, shape.rest_storage.f16_end, shape.rest_storage.i8_end)
        rest.append(Group(planes, columns, stored, _ends(shape.rest_bands, stored.rank)))
    products = [fit_product(data, moments.mean, weights, some, shape, every) for some in runs(parts, shape.mixed_groups)]
    return [*products, *rest]


def fit_product(data: CalibrationData, mean: torch.Tensor, weights: torch.Tensor,
                parts: list[tuple[list[int], np.ndarray, StoredMatrix]], shape: Shape, every: int) -> Group:
    """The group that mixes the leading columns of `parts`: (planes, their columns, basis)."""
    mix = eigenvectors(inner_covariance(data, mean, weights, [(c, m) for _, c, m in parts], every))
    basis = ProductBasis([(len(planes), m) for planes, _, m in parts], store_matrix(mix, shape.lead_storage.f16_end, len(mix)))
    planes = [p for planes, _, _ in parts for p in planes]
    return Group(planes, np.concatenate([c for _, c, _ in parts]), basis, _ends(shape.mixed_bands, basis.rank))


def inner_covariance(data: CalibrationData, mean: torch.Tensor, weights: torch.Tensor,
                     parts: list[tuple[np.ndarray, StoredMatrix]], every: int) -> torch.Tensor:
    """Covariance [m, m] of the leading coefficients of all parts side by side, over every `every`-th token."""
    size, count = sum(m.rank for _, m in parts), 0
    total, products = torch.zeros(size), torch.zeros(size, size)
    for n in range(len(data.collected)):
        e = (data.values(n, every=every) - mean) * weights
        inner = torch.cat([e[:, c] @ m.values for c, m in parts], 1)
        products.addmm_(inner.T, inner)
        total += inner.sum(0)
        count += len(inner)
    return products / count - torch.outer(total / count, total / count)


def runs(items: list, length: int) -> list[list]:
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

    def analyse(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Coefficients [T, r] of every group for x [T, valuesPerToken]; later groups see what earlier ones left."""
        e = (x - self.mean) * self.weights
        found = []
        for n, group in enumerate(self.groups):
            part = e[:, group.columns]
            y = group.basis.project(part)
            if any(set(group.planes) & set(later.planes) for later in self.groups[n + 1 :]):
                e[:, group.columns] = part - group.basis.expand(y)
            found.append(y)
        return found

    def synthesise(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """[T, valuesPerToken] from every group's coefficients."""
        x = torch.zeros(len(coefficients[0]), len(self.mean))
        for group, y in zip(self.groups, coefficients):
            x[:, group.columns] += group.basis.expand(y)
        return x / self.weights + self.mean
