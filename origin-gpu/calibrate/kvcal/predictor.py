"""Linear predictor of a token's sensitivity from its own leading coefficients (docs/format.md, section 4.3).

Sensitivities of early and late layers differ within a token, so groups of layers may have predictions of their own (rows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

MIN_SHIFT, MAX_SHIFT = -11, 4
"""Step shifts that the format can store (docs/format.md, 6.2)."""
SHIFT_OCTAVES = math.log2(3) / 4
"""log2 of the step ratio of one unit of shift."""
MAX_ROWS = 16
"""Rows of shifts that a chunk can have."""


@dataclass
class Predictor:
    """`mean` and `inverse_deviation` are [features], group by group; `bias` is [rows], `beta` [features, rows]."""

    gamma: float
    lead_count: int
    energy_count: int
    energy_unit: float
    row_of_group: list[int]
    bias: torch.Tensor
    mean: torch.Tensor
    inverse_deviation: torch.Tensor
    beta: torch.Tensor

    def predict(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """log2 sensitivity [T, rows] relative to its mean."""
        x = features(coefficients, self.lead_count, self.energy_count, self.energy_unit)
        return self.bias + ((x - self.mean) * self.inverse_deviation).clamp(-5, 5) @ self.beta

    def shifts(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """Step shift j [rows, T] of every token: its step is the level's times 3^(j/4)."""
        wanted = -self.gamma / 2 * self.predict(coefficients) / SHIFT_OCTAVES
        return torch.round(wanted).clamp(MIN_SHIFT, MAX_SHIFT).long().T.contiguous()


def group_shifts(predictor: Predictor | None, coefficients: list[torch.Tensor]) -> list[torch.Tensor]:
    """Step shifts [T] of every group; groups of a row share the tensor."""
    if predictor is None:
        return [torch.zeros(len(coefficients[0]), dtype=torch.long)] * len(coefficients)
    rows = predictor.shifts(coefficients).unbind()
    return [rows[row] for row in predictor.row_of_group]


def features(coefficients: list[torch.Tensor], lead_count: int, energy_count: int, energy_unit: float) -> torch.Tensor:
    """[T, features]: per group the leading coefficients, then ln(1 + mean square / unit^2)."""
    parts = []
    for y in coefficients:
        parts.append(y[:, :lead_count])
        parts.append(torch.log1p(y[:, :energy_count].square().mean(1, keepdim=True) / energy_unit**2))
    return torch.cat(parts, 1)


def shift_rows(layers_of_group: list[tuple[int, int]], row_layers: int) -> list[int]:
    """Row of every group, given its (first, last) layer: groups share one if they lie in the same runs of `row_layers` layers (0: all do)."""
    spans = [(first // row_layers, last // row_layers) if row_layers else () for first, last in layers_of_group]
    found = list(dict.fromkeys(spans))
    if len(found) > MAX_ROWS:
        raise ValueError(f"{len(found)} rows of shifts; a profile holds {MAX_ROWS}")
    return [found.index(span) for span in spans]


def fit_predictor(x: torch.Tensor, target: torch.Tensor, ridge: float, gamma: float, lead_count: int,
                  energy_count: int, energy_unit: float, row_of_group: list[int]) -> Predictor:
    """Ridge regression of `target` [N, rows] (log2 sensitivity) on features x [N, F]; `ridge` is in units of samples."""
    mean, deviation = x.mean(0), x.std(0).clamp_min(1e-9)
    z = ((x - mean) / deviation).clamp(-5, 5).double()
    centre, goal = z.mean(0), target.double() - target.double().mean(0)
    zc = z - centre
    beta = torch.linalg.solve(zc.T @ zc + ridge * torch.eye(x.shape[1], dtype=torch.float64), zc.T @ goal)
    bias = -(centre @ beta).float()
    return Predictor(gamma, lead_count, energy_count, energy_unit, row_of_group, bias, mean, 1 / deviation, beta.float())
