"""Statistics over the cached calibration tensors. The first token of every sequence is left out: the codec stores it exactly."""

from __future__ import annotations

import numpy as np
import torch

from .collect import GRADIENT_SCALE, Collected
from .model import Geometry


class CalibrationData:
    """Keys, values and squared gradients of all calibration tokens, without each sequence's first."""

    def __init__(self, geometry: Geometry, collected: list[Collected]):
        self.geometry = geometry
        self.collected = collected
        sizes = [geometry.plane_dim(p) for p in range(geometry.planes)]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        self.columns = [slice(int(starts[p]), int(starts[p + 1])) for p in range(geometry.planes)]

    def plane_columns(self, planes: list[int]) -> np.ndarray:
        """Positions of these planes' values within a token."""
        return np.concatenate([np.arange(self.columns[p].start, self.columns[p].stop) for p in planes])

    def values(self, sequence: int, columns: np.ndarray | slice = slice(None), every: int = 1) -> torch.Tensor:
        """Cached values [T - 1, columns] of one sequence as f32."""
        return torch.from_numpy(self.collected[sequence].kv[1::every, columns].astype(np.float32))

    def squared_gradients(self, item: Collected) -> torch.Tensor:
        """[P - 1, valuesPerToken] of one sequence."""
        return (torch.from_numpy(item.gradients[1:].astype(np.float32)) / GRADIENT_SCALE).square_()

    def weights(self, ridge: float) -> torch.Tensor:
        """Weight of every cached value: root of the diagonal Fisher information plus `ridge` of its plane's mean."""
        total = torch.zeros(self.geometry.values_per_token, dtype=torch.float64)
        count = 0
        for item in self.collected:
            if item.gradients is not None:
                squares = self.squared_gradients(item)
                total += squares.sum(0, dtype=torch.float64)
                count += len(squares)
        fisher = total / count
        for columns in self.columns:
            fisher[columns] += ridge * fisher[columns].mean()
        return fisher.sqrt().float()

    def log_sensitivity(self, weights: torch.Tensor, plane_sets: list[list[int]]) -> list[tuple[int, torch.Tensor]]:
        """(sequence, log2 sensitivity [P - 1, sets]) of the sequences that have gradients.

        A token's sensitivity in a set of planes is the mean over their values of squared gradient / squared weight. What depends on the
        distance to the scored tokens, not on the token, is removed: the mean over sequences at each position, smoothed.
        """
        found, columns = [], [self.plane_columns(planes) for planes in plane_sets]
        for n, item in enumerate(self.collected):
            if item.gradients is not None:
                relative = self.squared_gradients(item) / weights.square()
                found.append((n, torch.log2(torch.stack([relative[:, c].mean(1) for c in columns], 1) + 1e-6)))
        longest = max(len(s) for _, s in found)
        trends: dict[int, torch.Tensor] = {}
        for length in {len(s) for _, s in found}:
            curves = torch.stack([s for _, s in found if len(s) == length]).mean(0).T
            width = min(65, length // 2 * 2 - 1) if len(found) > 8 else longest // 2 * 2 - 1
            padded = torch.nn.functional.pad(curves[:, None], (width // 2, width // 2), mode="replicate")
            trends[length] = torch.nn.functional.avg_pool1d(padded, width, 1)[:, 0].T
        return [(n, s - trends[len(s)]) for n, s in found]
