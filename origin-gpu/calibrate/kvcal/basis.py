"""Bases as a profile stores them (docs/format.md, section 4.2): matrices of a few bits a value, or products of two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

F16_BLOCK, I8_BLOCK, I4_BLOCK = 1, 2, 3
LARGEST = {I8_BLOCK: 127, I4_BLOCK: 7}
I4_CLIP = 2.6
"""Largest stored value of an i4 column, in root mean squares of the column: least squared error for a normal distribution."""


@dataclass
class Block:
    """Neighbouring columns as stored: f16 [d, n], or integers [d, n] times one f32 scale per column."""

    kind: int
    columns: np.ndarray
    scales: np.ndarray | None

    def dequantized(self) -> torch.Tensor:
        columns = torch.from_numpy(self.columns.astype(np.float32))
        return columns if self.scales is None else columns * torch.from_numpy(self.scales)


class StoredMatrix:
    """An orthonormal matrix [d, r] as a decoder sees it: nearly orthonormal."""

    def __init__(self, blocks: list[Block]):
        self.blocks = blocks
        self.values = torch.cat([b.dequantized() for b in blocks], 1)

    @property
    def rank(self) -> int:
        return self.values.shape[1]

    def leading(self, columns: int) -> StoredMatrix:
        """Its first columns."""
        return StoredMatrix([Block(b.kind, b.columns[:, :n], b.scales if b.scales is None else b.scales[:n])
                             for b, n in zip(self.blocks, self._kept(columns)) if n > 0])

    def _kept(self, columns: int) -> list[int]:
        starts = np.cumsum([0] + [b.columns.shape[1] for b in self.blocks])
        return [min(int(end), columns) - int(start) for start, end in zip(starts, starts[1:])]

    @property
    def refinements(self) -> int:
        return 3 if any(b.kind == I4_BLOCK for b in self.blocks) else 1

    def project(self, e: torch.Tensor) -> torch.Tensor:
        """Coefficients [T, r] of e [T, d].

        U is not exactly orthonormal, so U^T e alone leaves an error that no finer step removes; each refinement adds the
        transform of what is left (a Neumann series towards the least-squares coefficients).
        """
        y = e @ self.values
        for _ in range(self.refinements):
            y += (e - y @ self.values.T) @ self.values
        return y

    def expand(self, y: torch.Tensor) -> torch.Tensor:
        """[T, d] of coefficients [T, r]."""
        return y @ self.values.T


class ProductBasis:
    """U = W V, W block diagonal: `parts` are (number of member planes, its matrix), `mix` is V."""

    def __init__(self, parts: list[tuple[int, StoredMatrix]], mix: StoredMatrix):
        self.parts, self.mix = parts, mix

    @property
    def rank(self) -> int:
        return self.mix.rank

    def leading(self, columns: int) -> ProductBasis:
        """Its first columns."""
        return ProductBasis(self.parts, self.mix.leading(columns))

    @cached_property
    def _sizes(self) -> tuple[list[int], list[int]]:
        return [len(m.values) for _, m in self.parts], [m.rank for _, m in self.parts]

    def project(self, e: torch.Tensor) -> torch.Tensor:
        inner = [m.project(part) for (_, m), part in zip(self.parts, e.split(self._sizes[0], 1))]
        return self.mix.project(torch.cat(inner, 1))

    def expand(self, y: torch.Tensor) -> torch.Tensor:
        inner = self.mix.expand(y).split(self._sizes[1], 1)
        return torch.cat([m.expand(part) for (_, m), part in zip(self.parts, inner)], 1)


def store_matrix(columns: torch.Tensor, f16_end: int, i8_end: int) -> StoredMatrix:
    """Columns before `f16_end` as f16 (their variance needs it), up to `i8_end` as i8, the rest as i4."""
    f16_end, i8_end = min(f16_end, columns.shape[1]), min(i8_end, columns.shape[1])
    ends = [(F16_BLOCK, 0, f16_end), (I8_BLOCK, f16_end, i8_end), (I4_BLOCK, max(f16_end, i8_end), columns.shape[1])]
    return StoredMatrix([_block(kind, columns[:, a:b]) for kind, a, b in ends if b > a])


def _block(kind: int, columns: torch.Tensor) -> Block:
    if kind == F16_BLOCK:
        return Block(kind, columns.numpy().astype(np.float16), None)
    largest = columns.abs().amax(0)
    if kind == I4_BLOCK:
        largest = torch.minimum(largest, I4_CLIP * columns.square().mean(0).sqrt())
    scales = largest / LARGEST[kind]
    integers = torch.round(columns / scales).clamp(-LARGEST[kind], LARGEST[kind])
    return Block(kind, integers.numpy().astype(np.int8), scales.numpy())
