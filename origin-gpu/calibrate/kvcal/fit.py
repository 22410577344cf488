"""Fits a whole profile to collected data."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from .bank import Histograms, entry_passes, fit_bank
from .classes import CLASS_COUNT
from .data import CalibrationData
from .moments import Moments
from .predictor import MAX_SHIFT, MIN_SHIFT, Predictor, features, fit_predictor, group_shifts, shift_rows
from .profile import FirstToken, Profile
from .transform import Shape, Storage, Transform, fit_groups, layer_groups


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of a profile; the defaults are those of SmolLM2-135M chosen on the tuning documents."""

    group_layers: int = 5
    mixed: int = 416
    """Leading columns of each basis that are mixed with those of its neighbours; 0: none."""
    mixed_layers: int = 10
    """Layers over which they are mixed, a multiple of `group_layers`."""
    mixed_bands: tuple[int, ...] = (64, 160, 288, 448, 640)
    rank: int | None = None
    """Columns of each basis besides the mixed ones; None: all."""
    bands: tuple[int, ...] = (128, 320, 640, 1024)
    i8_columns: int = 896
    """Of these columns, those stored as i8; the others are i4."""
    f16_columns: int = 64
    """Of the mixed columns and of the mix, those stored as f16."""
    ridge: float = 0.02
    base_step: float = 2.7
    """Step of the coarsest level over the root mean square of all coefficients."""
    level_names: tuple[str, ...] = ("draft", "standard", "high", "near-lossless")
    gamma: float = 1.0
    lead_count: int = 96
    energy_count: int = 256
    predictor_ridge: float = 300.0
    shift_layers: int = 10
    """Layers that share a row of step shifts; 0: all do."""
    slope: float = 2 * math.log(2) / 12
    moments_every: int = 1
    """Of the calibration tokens, the moments see one in this many."""
    every: int = 4
    """Of the calibration tokens, the class bank sees one in this many."""


def fit_transform(data: CalibrationData, cache: Path, settings: Settings) -> tuple[Transform, float]:
    """(transform, root mean square of all coefficients of full bases)."""
    moments = Moments(data, layer_groups(data.geometry.layers, settings.group_layers), cache, settings.moments_every)
    weights = data.weights(settings.ridge)
    lead_storage = Storage(settings.f16_columns, settings.mixed)
    rest_storage = Storage(0 if settings.mixed else settings.f16_columns, settings.i8_columns)
    shape = Shape(settings.mixed, settings.mixed_layers // settings.group_layers, settings.mixed_bands, settings.rank,
                  settings.bands, lead_storage, rest_storage)
    groups = fit_groups(data, moments, weights, shape, settings.moments_every)
    sets = [moments.covariance(n).diagonal() * weights[c].square() for n, c in enumerate(moments.columns)]
    energy = torch.cat(sets).mean().item()
    return Transform(moments.mean, weights, groups), math.sqrt(energy)


def fit_sensitivity(data: CalibrationData, transform: Transform, unit: float, settings: Settings) -> Predictor:
    """The predictor, fitted on every sequence with gradients; prints its correlation on sequences left out."""
    rows = shift_rows([(g.planes[0] // 2, g.planes[-1] // 2) for g in transform.groups], settings.shift_layers)
    planes = [sorted({p for g, r in zip(transform.groups, rows) if r == row for p in g.planes}) for row in range(max(rows) + 1)]
    columns = max(settings.lead_count, settings.energy_count)
    leading = Transform(transform.mean, transform.weights, [g.leading(columns) for g in transform.groups])
    x, y, owner = [], [], []
    for n, target in data.log_sensitivity(transform.weights, planes):
        coefficients = leading.analyse(data.values(n)[: len(target)])
        x.append(features(coefficients, settings.lead_count, settings.energy_count, unit))
        y.append(target - target.mean(0))
        owner += [n] * len(target)
    features_all, target_all = torch.cat(x), torch.cat(y)
    shape = (settings.gamma, settings.lead_count, settings.energy_count, unit, rows)
    held = torch.tensor([(o // 2) % 5 == 0 for o in owner])
    trial = fit_predictor(features_all[~held], target_all[~held], settings.predictor_ridge, *shape)
    z = ((features_all[held] - trial.mean) * trial.inverse_deviation).clamp(-5, 5) @ trial.beta
    correlations = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(z.T, target_all[held].T)]
    print(f"predictor: {len(y)} sequences, held-out correlation by row {', '.join(f'{c:.3f}' for c in correlations)}, "
          f"deviation of log2 sensitivity {', '.join(f'{d:.2f}' for d in target_all.std(0))}", flush=True)
    return fit_predictor(features_all, target_all, settings.predictor_ridge, *shape)


def fit_classes(data: CalibrationData, transform: Transform, predictor: Predictor | None, base_step: float, settings: Settings):
    """(class bank, exponents per group)."""
    passes = len(settings.level_names)
    starts = [sum(g.rank for g in transform.groups[:n]) for n in range(len(transform.groups))]
    histograms, tokens, entries = Histograms(sum(g.rank for g in transform.groups)), 0, None
    for first in range(0, len(data.collected), 16):
        batch = range(first, min(first + 16, len(data.collected)))
        coefficients = transform.analyse(torch.cat([data.values(n, every=settings.every) for n in batch]))
        shifts = group_shifts(predictor, coefficients)
        if entries is None:
            entries = [entry_passes(y, g.bands(), base_step, passes) for g, y in zip(transform.groups, coefficients)]
            spread = torch.bincount(torch.cat(shifts) - MIN_SHIFT, minlength=MAX_SHIFT - MIN_SHIFT + 1).float()
            print(f"share of shifts {MIN_SHIFT}..{MAX_SHIFT}:", " ".join(f"{s:.2f}" for s in spread / spread.sum()))
        for start, y, entry, shift in zip(starts, coefficients, entries, shifts):
            histograms.add(start, y, shift, base_step, passes, entry)
        tokens += len(coefficients[0])
    bank, exponents = fit_bank(histograms, tokens)
    print(f"classes: {CLASS_COUNT}, exponents {int(exponents.min())}..{int(exponents.max())}, {tokens} tokens", flush=True)
    return bank, [exponents[s : s + g.rank] for s, g in zip(starts, transform.groups)]


def fit_profile(data: CalibrationData, cache: Path, fingerprint: bytes, settings: Settings, first_tokens: list[FirstToken]) -> Profile:
    """Everything but `kld_per_distortion`, which takes a measurement."""
    started = time.time()
    transform, unit = fit_transform(data, cache, settings)
    base_step = settings.base_step * unit
    print(f"{len(transform.groups)} bases, unit {unit:.6g}, base step {base_step:.6g}, {time.time() - started:.0f} s", flush=True)
    predictor = fit_sensitivity(data, transform, unit, settings) if settings.gamma > 0 else None
    bank, exponents = fit_classes(data, transform, predictor, base_step, settings)
    print(f"fitted in {time.time() - started:.0f} s", flush=True)
    return Profile(fingerprint, data.geometry, base_step, list(settings.level_names), 0.0, transform, bank, exponents, predictor, first_tokens)
