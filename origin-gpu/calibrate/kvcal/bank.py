"""Fits the class bank and every coefficient's scale exponent to the calibration coefficients."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import torch

from .classes import (CLASS_COUNT, CLASSES_PER_PASS, CLASSES_PER_SHIFT, SYMBOLS, UNIT_CLASS, EntropyClass, base_costs, base_symbols,
                      histogram, ladder, make_class, refinement_costs, refinement_symbols)
from .predictor import MAX_SHIFT, MIN_SHIFT

SIDE_WEIGHT = 0.1
"""Weight of symbols that a coefficient would give in passes where its band usually is not coded that way."""


class Histograms:
    """Symbol counts of all coefficients by class offset 8 * pass - 2 * shift, weighted by how likely they are coded."""

    def __init__(self, coefficients: int):
        self.base = defaultdict(lambda: torch.zeros(coefficients, SYMBOLS))
        self.refine = defaultdict(lambda: torch.zeros(coefficients, 6))
        self.energy = torch.zeros(coefficients)
        self.tokens = 0

    def add(self, first: int, y: torch.Tensor, shifts: torch.Tensor, base_step: float, passes: int, entry: torch.Tensor) -> None:
        """Count y [T, r], coefficients first .. first + r - 1; `entry` [r] is the pass in which each is usually coded first."""
        rows = slice(first, first + y.shape[1])
        self.energy[rows] += (y / base_step).square().sum(0)
        for shift in range(MIN_SHIFT, MAX_SHIFT + 1):
            part = y[shifts == shift]
            if not len(part):
                continue
            q = ladder(part / (base_step * 3 ** (shift / 4)), passes)
            for p in range(passes):
                offset = CLASSES_PER_PASS * p - CLASSES_PER_SHIFT * shift
                weight = torch.where(entry == p, 1.0, SIDE_WEIGHT)[:, None]
                self.base[offset][rows] += weight * histogram(base_symbols(q[p]), SYMBOLS)
                if p:
                    weight = torch.where(entry < p, 1.0, SIDE_WEIGHT)[:, None]
                    self.refine[offset][rows] += weight * histogram(refinement_symbols(q[p], q[p - 1]), 6)


def entry_passes(y: torch.Tensor, bands: list[slice], base_step: float, passes: int, worth: float = 0.3) -> torch.Tensor:
    """[r]: the first pass whose step is below 1 / `worth` of the band's root mean square; the last pass if none is."""
    entry = torch.full((y.shape[1],), passes - 1)
    for band in bands:
        rms = y[:, band].square().mean().sqrt().item()
        wanted = math.ceil(math.log(worth * base_step / max(rms, 1e-30), 3))
        entry[band] = min(max(wanted, 0), passes - 1)
    return entry


def _pooled(histograms: Histograms, exponents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    base, refine = torch.zeros(CLASS_COUNT, SYMBOLS), torch.zeros(CLASS_COUNT, 6)
    for table, pooled in ((histograms.base, base), (histograms.refine, refine)):
        for offset, counts in table.items():
            pooled.index_add_(0, (exponents + offset).clamp(0, CLASS_COUNT - 1), counts)
    return base, refine


def fit_bank(histograms: Histograms, tokens: int, rounds: int = 4) -> tuple[list[EntropyClass], torch.Tensor]:
    """Alternate between tables given exponents and exponents [coefficients] given tables; both lower the coded bits."""
    rms = (histograms.energy / tokens).sqrt().clamp_min(1e-6)
    exponents = UNIT_CLASS + torch.round(CLASSES_PER_PASS * torch.log(rms) / math.log(3)).long()
    candidates = torch.arange(-8, 9)
    bank: list[EntropyClass] = []
    for _ in range(rounds):
        base, refine = _pooled(histograms, exponents)
        scales = [3 ** ((k - UNIT_CLASS) / CLASSES_PER_PASS) for k in range(CLASS_COUNT)]
        bank = [make_class(b, r, s) for b, r, s in zip(base.double().numpy(), refine.double().numpy(), scales)]
        bits = torch.zeros(len(exponents), len(candidates))
        for table, costs in ((histograms.base, base_costs(bank)), (histograms.refine, refinement_costs(bank))):
            for offset, counts in table.items():
                per_class = counts @ costs.T
                bits += per_class.gather(1, (exponents[:, None] + candidates + offset).clamp(0, CLASS_COUNT - 1))
        bits += 1e-3 * candidates.abs()
        exponents = (exponents + candidates[bits.argmin(1)]).clamp(-128, 127)
    return bank, exponents
