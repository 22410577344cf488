"""Keys, values and loss gradients of the calibration texts, cached on disk: the slow part of calibration.

Every sequence becomes two files below the cache folder, named by a hash of its tokens:
`<hash>.kv.npy`   f16 [T, valuesPerToken]: all planes of a token side by side, keys before RoPE;
`<hash>.grad.npy` f16 [P, valuesPerToken]: GRADIENT_SCALE x root mean square of d loss(later tokens) / d cached value.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .model import Model
from .texts import Sequence

GRADIENT_SCALE = 256.0
"""Keeps f16 gradients of typical size (1e-4 to 1) within the normal range."""


@dataclass
class Collected:
    """One sequence's cached tensors; `gradients` covers only the first P tokens and may be missing."""

    sequence: Sequence
    key: str
    kv: np.ndarray
    gradients: np.ndarray | None


def sequence_key(sequence: Sequence) -> str:
    return hashlib.sha256(np.array(sequence.tokens, np.uint32).tobytes()).hexdigest()[:16]


def flat(planes: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([p.flatten(1) for p in planes], 1)


def squared_gradients(model: Model, tokens: torch.Tensor, past: list[torch.Tensor], samples: int):
    """Mean over `samples` label draws of the squared gradient of the summed loss of `tokens` wrt `past`.

    Labels are drawn from the model itself, so the expectation is the diagonal of the true Fisher information of the
    cached values (Kunstner et al. 2019, arXiv:1905.12558). Returns (planes of `tokens`, [P, valuesPerToken]).
    """
    leaves = [p.clone().requires_grad_() for p in past]
    logits, planes = model.forward(tokens, leaves)
    total = torch.zeros(len(past[0]), model.geometry.values_per_token, device=model.device)
    for sample in range(samples):
        labels = torch.distributions.Categorical(logits=logits.detach()).sample()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        grads = torch.autograd.grad(loss, leaves, retain_graph=sample + 1 < samples)
        total += flat(list(grads)).pow(2)
    return [p.detach() for p in planes], total / samples


def collect(model: Model, cache: Path, sequences: list[Sequence], gradient_every: int, later_tokens: int = 256,
            samples: int = 2) -> None:
    """Fill the cache for `sequences`; every `gradient_every`-th also gets gradients of its last `later_tokens` losses."""
    cache.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for n, sequence in enumerate(sequences):
        kv_path = cache / f"{sequence_key(sequence)}.kv.npy"
        grad_path = cache / f"{sequence_key(sequence)}.grad.npy"
        wants_gradient = n % gradient_every == 0 and not grad_path.exists()
        if kv_path.exists() and not wants_gradient:
            continue
        started = time.time()
        tokens = torch.tensor(sequence.tokens, device=model.device)
        split = len(tokens) - later_tokens
        with torch.no_grad():
            _, planes = model.forward(tokens[:split] if wants_gradient else tokens, want_logits=False)
        if wants_gradient:
            later, squares = squared_gradients(model, tokens[split:], planes, samples)
            planes = [torch.cat(pair) for pair in zip(planes, later)]
            scaled = (squares.sqrt() * GRADIENT_SCALE).clamp(max=60000)
            _save(grad_path, scaled)
        _save(kv_path, flat(planes))
        print(f"collect {n + 1}/{len(sequences)} {sequence.name} {time.time() - started:.1f} s", flush=True)


def _save(path: Path, values: torch.Tensor) -> None:
    partial = path.with_suffix(".partial.npy")
    np.save(partial, values.detach().cpu().numpy().astype(np.float16))
    partial.rename(path)


def load(cache: Path, sequences: list[Sequence]) -> list[Collected]:
    """What the cache holds of `sequences` (memory-mapped); sequences not collected yet are left out."""
    found = []
    for sequence in sequences:
        kv, grad = cache / f"{sequence_key(sequence)}.kv.npy", cache / f"{sequence_key(sequence)}.grad.npy"
        if kv.exists():
            gradients = np.load(grad, mmap_mode="r") if grad.exists() else None
            found.append(Collected(sequence, sequence_key(sequence), np.load(kv, mmap_mode="r"), gradients))
    return found
