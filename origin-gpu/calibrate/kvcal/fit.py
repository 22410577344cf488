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
from .predictor import MAX_SHIFT, MIN_SHIFT, Predictor, features, fit_predictor
from .profile import FirstToken, Profile
from .transform import Stage, Transform, fit_groups, layer_groups


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of a profile; the defaults are those of SmolLM2-135M chosen on the tuning documents."""

    lead_layers: int = 12
    """Layers of a leading group, a multiple of `group_layers`; 0: none."""
    lead_rank: int = 256
    lead_bands: tuple[int, ...] = (96,)
    group_layers: int = 4
    rank: int | None = None
    bands: tuple[int, ...] = (128, 384, 768)
    f16_columns: int = 64
    ridge: float = 0.02
    base_step: float = 2.0
    """Step of the coarsest level over the root mean square of all coefficients."""
    level_names: tuple[str, ...] = ("draft", "standard", "high", "near-lossless")
    gamma: float = 1.0
    lead_count: int = 48
    energy_count: int = 256
    predictor_ridge: float = 300.0
    slope: float = 2 * math.log(2) / 12
    every: int = 4
    """Of the calibration tokens, the class bank sees one in this many."""


def fit_transform(data: CalibrationData, cache: Path, settings: Settings) -> tuple[Transform, float]:
    """(transform, root mean square of all coefficients of full bases)."""
    moments = Moments(data, layer_groups(data.geometry.layers, settings.lead_layers or settings.group_layers), cache)
    weights = data.weights(settings.ridge)
    lead = Stage(settings.lead_layers, settings.lead_rank, settings.lead_bands, settings.f16_columns) if settings.lead_layers else None
    rest = Stage(settings.group_layers, settings.rank, settings.bands, settings.f16_columns)
    groups = fit_groups(moments, weights, lead, rest)
    sets = [moments.covariance(n).diagonal() * weights[c].square() for n, c in enumerate(moments.columns)]
    energy = torch.cat(sets).mean().item()
    return Transform(moments.mean, weights, groups), math.sqrt(energy)


def fit_sensitivity(data: CalibrationData, transform: Transform, unit: float, settings: Settings) -> Predictor:
    """The predictor, fitted on every sequence with gradients; prints its correlation on sequences left out."""
    x, y, owner = [], [], []
    for n, target in data.log_sensitivity(transform.weights):
        coefficients = transform.analyse(data.values(n)[: len(target)])
        x.append(features(coefficients, settings.lead_count, settings.energy_count, unit))
        y.append(target - target.mean())
        owner += [n] * len(target)
    features_all, target_all = torch.cat(x), torch.cat(y)
    shape = (settings.gamma, settings.lead_count, settings.energy_count, unit)
    held = torch.tensor([(o // 2) % 5 == 0 for o in owner])
    trial = fit_predictor(features_all[~held], target_all[~held], settings.predictor_ridge, *shape)
    z = ((features_all[held] - trial.mean) * trial.inverse_deviation).clamp(-5, 5) @ trial.beta
    correlation = torch.corrcoef(torch.stack([z, target_all[held]]))[0, 1]
    print(f"predictor: {len(y)} sequences, held-out correlation {correlation:.3f}, "
          f"deviation of log2 sensitivity {target_all.std():.2f}", flush=True)
    return fit_predictor(features_all, target_all, settings.predictor_ridge, *shape)


def fit_classes(data: CalibrationData, transform: Transform, predictor: Predictor | None, base_step: float, settings: Settings):
    """(class bank, exponents per group)."""
    passes = len(settings.level_names)
    starts = [sum(g.rank for g in transform.groups[:n]) for n in range(len(transform.groups))]
    histograms, tokens, entries = Histograms(sum(g.rank for g in transform.groups)), 0, None
    for first in range(0, len(data.collected), 16):
        batch = range(first, min(first + 16, len(data.collected)))
        coefficients = transform.analyse(torch.cat([data.values(n, every=settings.every) for n in batch]))
        shifts = predictor.shifts(coefficients) if predictor else torch.zeros(len(coefficients[0]), dtype=torch.long)
        if entries is None:
            entries = [entry_passes(y, g.bands(), base_step, passes) for g, y in zip(transform.groups, coefficients)]
            spread = torch.bincount(shifts - MIN_SHIFT, minlength=MAX_SHIFT - MIN_SHIFT + 1).float() / len(shifts)
            print(f"share of shifts {MIN_SHIFT}..{MAX_SHIFT}:", " ".join(f"{s:.2f}" for s in spread))
        for start, y, entry in zip(starts, coefficients, entries):
            histograms.add(start, y, shifts, base_step, passes, entry)
        tokens += len(shifts)
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
