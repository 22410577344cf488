"""Held-out rate and damage: compress a prefix chunk by chunk, score the tokens after it (design: quality, measure 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .collect import flat, sequence_key
from .model import Model
from .profile import Profile
from .simulate import ChunkLadder
from .texts import Sequence

CHUNK_TOKENS = 256


@dataclass
class Reference:
    """The uncompressed run of one tuning document: prefix values [P, valuesPerToken] and log probabilities after it."""

    sequence: Sequence
    prefix: torch.Tensor
    log_probabilities: np.ndarray


@dataclass
class LevelResult:
    """One document at one level. KLD and dNLL are nats per scored token, bits are per stored value."""

    domain: str
    level: int
    bits_per_value: float
    kld: float
    nll: float
    top1: float
    error_per_token: float


def references(model: Model, cache: Path, documents: list[Sequence], prefix: int) -> list[Reference]:
    """Reference runs over f16 values, as an engine caches them; cached on disk."""
    cache.mkdir(parents=True, exist_ok=True)
    found = []
    for document in documents:
        kv, logp = cache / f"{sequence_key(document)}.{prefix}.kv.npy", cache / f"{sequence_key(document)}.{prefix}.logp.npy"
        if not logp.exists():
            tokens = torch.tensor(document.tokens, device=model.device)
            with torch.no_grad():
                _, past = model.forward(tokens[:prefix], want_logits=False)
                values = flat(past).half().float().cpu()
                logits, _ = model.forward(tokens[prefix:], to_planes(model, values))
            np.save(kv, values.numpy())
            np.save(logp, torch.log_softmax(logits[:-1], -1).cpu().numpy())
        found.append(Reference(document, torch.from_numpy(np.load(kv)), np.load(logp, mmap_mode="r")))
    return found


def to_planes(model: Model, x: torch.Tensor) -> list[torch.Tensor]:
    """[T, valuesPerToken] as one tensor [T, kvHeads, headDim] per plane."""
    g = model.geometry
    sizes = [g.plane_dim(p) for p in range(g.planes)]
    return [part.reshape(len(x), g.kv_heads, -1).to(model.device) for part in x.split(sizes, 1)]


def compress(profile: Profile, prefix: torch.Tensor, slope: float) -> list[tuple[float, float, torch.Tensor]]:
    """(bits, squared error of coefficients, decoded prefix) of every level; the first token of the prefix is exact."""
    levels = [[0.0, 0.0, [prefix[:1]]] for _ in profile.level_names]
    for start in range(0, len(prefix), CHUNK_TOKENS):
        chunk = prefix[max(start, 1) : start + CHUNK_TOKENS]
        coder = ChunkLadder(profile, profile.transform.analyse(chunk))
        for level, chosen in enumerate(coder.choose(slope)):
            coded = coder.decode(chosen, exact_first=start == 0)
            levels[level][0] += coded.bits
            levels[level][1] += coded.weighted_error
            levels[level][2].append(profile.transform.synthesise(coded.coefficients))
    return [(bits, error, torch.cat(parts)) for bits, error, parts in levels]


@torch.no_grad()
def measure(model: Model, profile: Profile, reference: Reference, slope: float, levels: list[int] | None = None) -> list[LevelResult]:
    """Rate and damage of every level (or those named) on one document."""
    prefix, exact = reference.prefix, torch.from_numpy(np.array(reference.log_probabilities))
    tokens = torch.tensor(reference.sequence.tokens, device=model.device)[len(prefix) :]
    found = []
    for level, (bits, error, decoded) in enumerate(compress(profile, prefix, slope)):
        if levels is not None and level not in levels:
            continue
        logits, _ = model.forward(tokens, to_planes(model, decoded.half().float()))
        coded = torch.log_softmax(logits[:-1], -1).cpu()
        next_tokens = tokens[1:, None].cpu()
        found.append(LevelResult(
            domain=reference.sequence.domain,
            level=level,
            bits_per_value=bits / prefix.numel(),
            kld=(exact.exp() * (exact - coded)).sum(-1).mean().item(),
            nll=(exact.gather(1, next_tokens) - coded.gather(1, next_tokens)).mean().item(),
            top1=(exact.argmax(-1) == coded.argmax(-1)).float().mean().item(),
            error_per_token=error / len(prefix),
        ))
    return found


def print_results(names: list[str], results: list[LevelResult], by_domain: bool = True) -> None:
    """A table of means by level and, below it, by domain."""
    print(f"{'level':<14} {'bits/value':>10} {'x':>6} {'KLD':>9} {'dNLL':>9} {'top-1':>6} {'KLD/error':>10}")
    for level, name in enumerate(names):
        rows = [r for r in results if r.level == level]
        if rows:
            print(_line(name, rows))
    if by_domain:
        for domain in sorted({r.domain for r in results}):
            for level, name in enumerate(names):
                rows = [r for r in results if r.level == level and r.domain == domain]
                if rows:
                    print("  " + _line(f"{domain[:9]} {name[:4]}", rows))


def _line(name: str, rows: list[LevelResult]) -> str:
    mean = lambda f: sum(map(f, rows)) / len(rows)
    bits, kld = mean(lambda r: r.bits_per_value), mean(lambda r: r.kld)
    ratio = kld / mean(lambda r: r.error_per_token)
    return (f"{name:<14} {bits:10.3f} {16 / bits:6.1f} {kld:9.5f} {mean(lambda r: r.nll):9.5f} "
            f"{mean(lambda r: r.top1):6.3f} {ratio:10.3g}")
