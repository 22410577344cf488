"""Linear predictor of a token's sensitivity from its own leading coefficients (docs/format.md, section 4.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

MIN_SHIFT, MAX_SHIFT = -11, 4
"""Step shifts that the format can store (docs/format.md, 6.2)."""
SHIFT_OCTAVES = math.log2(3) / 4
"""log2 of the step ratio of one unit of shift."""


@dataclass
class Predictor:
    """`mean`, `inverse_deviation` and `beta` are [features], group by group."""

    gamma: float
    lead_count: int
    energy_count: int
    energy_unit: float
    bias: float
    mean: torch.Tensor
    inverse_deviation: torch.Tensor
    beta: torch.Tensor

    def predict(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """log2 sensitivity [T] relative to its mean."""
        x = features(coefficients, self.lead_count, self.energy_count, self.energy_unit)
        return self.bias + ((x - self.mean) * self.inverse_deviation).clamp(-5, 5) @ self.beta

    def shifts(self, coefficients: list[torch.Tensor]) -> torch.Tensor:
        """Step shift j [T] of every token: its step is the level's times 3^(j/4)."""
        wanted = -self.gamma / 2 * self.predict(coefficients) / SHIFT_OCTAVES
        return torch.round(wanted).clamp(MIN_SHIFT, MAX_SHIFT).long()


def features(coefficients: list[torch.Tensor], lead_count: int, energy_count: int, energy_unit: float) -> torch.Tensor:
    """[T, features]: per group the leading coefficients, then ln(1 + mean square / unit^2)."""
    parts = []
    for y in coefficients:
        parts.append(y[:, :lead_count])
        parts.append(torch.log1p(y[:, :energy_count].square().mean(1, keepdim=True) / energy_unit**2))
    return torch.cat(parts, 1)


def fit_predictor(x: torch.Tensor, target: torch.Tensor, ridge: float, gamma: float, lead_count: int,
                  energy_count: int, energy_unit: float) -> Predictor:
    """Ridge regression of `target` [N] (log2 sensitivity) on features x [N, F]; `ridge` is in units of samples."""
    mean, deviation = x.mean(0), x.std(0).clamp_min(1e-9)
    z = ((x - mean) / deviation).clamp(-5, 5).double()
    centre, goal = z.mean(0), target.double() - target.double().mean()
    zc = z - centre
    beta = torch.linalg.solve(zc.T @ zc + ridge * torch.eye(x.shape[1], dtype=torch.float64), zc.T @ goal)
    bias = -(centre @ beta).item()
    return Predictor(gamma, lead_count, energy_count, energy_unit, bias, mean, 1 / deviation, beta.float())
