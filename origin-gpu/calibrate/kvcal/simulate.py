"""What the encoder does to one chunk: shifts, ladder, which bands join which level, and how many bits that costs.

Bits are the entropy under the bank's 12-bit tables, which rANS reaches within 0.1%, plus every byte of headers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .classes import (CLASS_COUNT, CLASSES_PER_PASS, CLASSES_PER_SHIFT, SYMBOLS, base_symbols, ladder,
                      refinement_symbols)
from .predictor import group_shifts
from .profile import Profile

LANES = 32
CLASS_SHIFTS = torch.arange(-6, 7)
SEGMENT_OVERHEAD_BITS = 8 * (8 + 8) + LANES * 24
"""Directory entry, segment header and the unused part of the 32 flushed states (24 of 32 bits on average)."""
CHUNK_OVERHEAD_BITS = 8 * (4 + 2 + 1 + 1 + 4 + 96 + 4 + 2 + 8 + 1 + 2 + 4 + 4 + 1 + 1 + 4)
LEVEL_OVERHEAD_BITS = 8 * 24


@dataclass
class CodedChunk:
    """Result of one chunk at one level: bits of everything sent, and the coefficients a decoder gets back."""

    bits: float
    coefficients: list[torch.Tensor]
    weighted_error: float
    """Sum over tokens of squared error of the coefficients (decoded - exact)."""


def _row_shifts(shifts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(order [n] of the tokens, row shift [n] of each sorted token), docs/format.md 6.4."""
    order = torch.sort(shifts, stable=True).indices
    ordered = shifts[order]
    rows = torch.empty_like(ordered)
    for start in range(0, len(ordered), LANES):
        row = ordered[start : start + LANES]
        rows[start : start + LANES] = row[len(row) // 2]
    return order, rows


def _segment_bits(symbols: torch.Tensor, costs: torch.Tensor, exponents: torch.Tensor, offset: int, row_shifts: torch.Tensor) -> float:
    """Bits of symbols [n, r] (sorted tokens) under the best class shift of the segment."""
    bins, width = costs.shape[1], symbols.shape[1]
    total = torch.zeros(len(CLASS_SHIFTS))
    for shift in row_shifts.unique():
        part = symbols[row_shifts == shift]
        flat = (part + torch.arange(width) * bins).flatten()
        counts = torch.bincount(flat, minlength=width * bins).view(width, bins).float()
        classes = (exponents + offset - CLASSES_PER_SHIFT * shift)[:, None] + CLASS_SHIFTS
        lowest, highest = int(classes.min()), int(classes.max())
        table = costs[torch.arange(lowest, highest + 1).clamp(0, CLASS_COUNT - 1)]
        total += (counts @ table.T).gather(1, classes - lowest).sum(0)
    return total.min().item()


class ChunkLadder:
    """One chunk's coefficients in every pass, with the bits and the distortion of every segment."""

    def __init__(self, profile: Profile, coefficients: list[torch.Tensor]):
        """`coefficients`: per group [n, r] of the coded tokens (the exact first token left out)."""
        self.profile, self.exact = profile, coefficients
        shifts = group_shifts(profile.predictor, coefficients)
        self.steps = [(profile.base_step * 3.0 ** (j / 4))[:, None] for j in shifts]
        self.orders = [_row_shifts(j) for j in shifts]
        rows = len(profile.predictor.bias) if profile.predictor else 0
        self.shift_bits = rows * 4 * len(coefficients[0]) + (8 * (2 + len(coefficients)) if rows > 1 else 0)
        self._bits: dict[tuple[int, int, int, bool], float] = {}
        self.scaled = [y / steps for y, steps in zip(coefficients, self.steps)]
        self.passes = [ladder(u, profile.level_count) for u in self.scaled]

    def segment_bits(self, group: int, band: int, p: int, refinement: bool) -> float:
        key = (group, band, p, refinement)
        if key not in self._bits:
            columns = self.profile.transform.groups[group].bands()[band]
            order, row_shifts = self.orders[group]
            q = self.passes[group][p][:, columns][order]
            exponents = self.profile.exponents[group][columns]
            if refinement:
                symbols = refinement_symbols(q, self.passes[group][p - 1][:, columns][order])
                costs = self.profile.refinement_costs
            else:
                symbols, costs = base_symbols(q), self.profile.base_costs
            payload = _segment_bits(symbols, costs, exponents, CLASSES_PER_PASS * p, row_shifts)
            self._bits[key] = payload + SEGMENT_OVERHEAD_BITS
        return self._bits[key]

    def error(self, group: int, band: int, p: int) -> float:
        """Squared error, in squared steps of pass 0, of a band decoded up to pass p (-1: absent)."""
        columns = self.profile.transform.groups[group].bands()[band]
        u = self.scaled[group][:, columns]
        return (u if p < 0 else u - self.passes[group][p][:, columns] / 3**p).square().sum().item()

    def choose(self, slope: float) -> list[dict[tuple[int, int], tuple[int, float]]]:
        """For every level: (group, band) -> (last pass, -1 if absent; bits so far).

        A band joins or is refined when the distortion it removes, in squared steps of the level, is at least `slope` a bit.
        """
        state = {(g, b): (-1, 0.0) for g, group in enumerate(self.profile.transform.groups) for b in range(len(group.band_ends))}
        levels = []
        for level in range(self.profile.level_count):
            for (g, b), (last, spent) in list(state.items()):
                if last < 0:
                    bits = self.segment_bits(g, b, level, False)
                else:
                    bits = sum(self.segment_bits(g, b, p, True) for p in range(last + 1, level + 1))
                gain = (self.error(g, b, last) - self.error(g, b, level)) * 9.0**level
                if gain >= slope * bits:
                    state[g, b] = (level, spent + bits)
            levels.append(dict(state))
        return levels

    def decode(self, chosen: dict[tuple[int, int], tuple[int, float]], exact_first: bool) -> CodedChunk:
        """The chunk as its level `chosen` gives it; `exact_first` charges an exact f16 first token."""
        found, error = [], 0.0
        for g, group in enumerate(self.profile.transform.groups):
            y = torch.zeros_like(self.exact[g])
            for b, columns in enumerate(group.bands()):
                last, _ = chosen[g, b]
                if last >= 0:
                    y[:, columns] = self.passes[g][last][:, columns] / 3**last * self.steps[g]
            error += (y - self.exact[g]).square().sum().item()
            found.append(y)
        bits = sum(spent for _, spent in chosen.values()) + CHUNK_OVERHEAD_BITS + LEVEL_OVERHEAD_BITS * self.profile.level_count
        bits += self.shift_bits
        if exact_first:
            bits += 16 * len(self.profile.transform.mean)
        return CodedChunk(bits, found, error)
