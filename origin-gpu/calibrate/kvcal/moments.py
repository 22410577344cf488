"""First and second moments of the cached values, accumulated once and kept on disk.

Weights only scale a covariance (cov(w x) = w cov(x) w), so bases can be refitted without reading the values again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from .data import CalibrationData


class Moments:
    """Mean [valuesPerToken], values per token of each plane (`dims`) and, per set of planes, the covariance [d, d] of their values."""

    def __init__(self, data: CalibrationData, plane_sets: list[list[int]], cache: Path, every: int):
        self.plane_sets = plane_sets
        self.dims = [data.geometry.plane_dim(p) for p in range(data.geometry.planes)]
        self.columns = [data.plane_columns(planes) for planes in plane_sets]
        name = hashlib.sha256(repr((plane_sets, every)).encode()).hexdigest()[:12]
        self._file = cache / f"moments-{name}.pt"
        self._accumulate(data, every)

    def _accumulate(self, data: CalibrationData, every: int) -> None:
        wanted = {item.key: n for n, item in enumerate(data.collected)}
        kept = torch.load(self._file) if self._file.exists() else None
        if kept is None or not set(kept["keys"]) <= set(wanted):
            origin = data.values(0).mean(0)
            kept = {"keys": [], "count": 0, "origin": origin, "sum": torch.zeros_like(origin, dtype=torch.float64),
                    "products": [torch.zeros(len(c), len(c)) for c in self.columns]}
        missing = [n for key, n in wanted.items() if key not in set(kept["keys"])]
        for n in missing:
            x = data.values(n, every=every) - kept["origin"]
            kept["sum"] += x.sum(0, dtype=torch.float64)
            kept["count"] += len(x)
            kept["keys"].append(data.collected[n].key)
            for columns, products in zip(self.columns, kept["products"]):
                part = x[:, columns]
                products.addmm_(part.T, part)
        if missing:
            torch.save(kept, self._file)
            print(f"moments: {len(missing)} sequences added, {kept['count']} tokens", flush=True)
        self._kept = kept
        self._offset = (kept["sum"] / kept["count"]).float()
        self.mean = kept["origin"] + self._offset

    def covariance(self, n: int) -> torch.Tensor:
        """Of the n-th plane set."""
        offset = self._offset[self.columns[n]]
        return self._kept["products"][n] / self._kept["count"] - torch.outer(offset, offset)
