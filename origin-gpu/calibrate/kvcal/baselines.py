"""What two baselines of the quality bench learn from the calibration texts (bench/quality/baselines/README.md).

`kvtc`: principal components of keys before RoPE and of values, each over all layers together, without loss weights;
`cachegen`: per channel and layer the distributions of anchors and of differences, at several bin sizes.
Both are fitted on the very texts that the profile is fitted on. Raw little-endian arrays below one folder, and `index.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from .__main__ import DEFAULT_BOS, DEFAULT_MODEL, HERE, ROOT
from .collect import load
from .data import CalibrationData
from .model import Geometry, Model, rope_angles, rotate
from .sources import SourceStore
from .texts import sequences
from .tokenizer import load_tokenizer

ANCHOR_SPAN = 10
ANCHOR_LEVELS = 127
"""Anchors are 8-bit: -127 to 127 of the largest magnitude of a token's row."""
ALPHABET = 63
"""Largest magnitude of a difference with a symbol of its own; the last symbol is an escape."""
BINS_OF_THIRDS = (0.5, 1.0, 1.5)
"""The paper's bin sizes of the first, second and last third of the layers, over the deviation of a plane's differences."""
BIN_FACTORS = (0.125, 0.25, 0.5, 1.0, 1.5, 2.5)
SMOOTHING = 0.02
"""Added to every count."""
SAMPLE_TOKENS = 384


def write_array(folder: Path, name: str, values: torch.Tensor) -> dict:
    """`<name>.f32` and what the index says about it."""
    array = values.contiguous().numpy().astype("<f4")
    array.tofile(folder / f"{name}.f32")
    return {"file": f"{name}.f32", "shape": list(array.shape)}


def fit_kvtc(data: CalibrationData, folder: Path, every: int, rank: int | None) -> dict:
    """Means, leading eigenvectors [d, r], their variances, and coefficients of a sample for the bit allocation."""
    kinds = {}
    for parity, kind in enumerate(("key", "value")):
        columns = data.plane_columns(list(range(parity, data.geometry.planes, 2)))
        total, products, count = 0, torch.zeros(len(columns), len(columns)), 0
        origin = data.values(0, columns).mean(0)
        for n in range(len(data.collected)):
            x = data.values(n, columns, every) - origin
            total, count = total + x.sum(0, dtype=torch.float64), count + len(x)
            products.addmm_(x.T, x)
        offset = (total / count).float()
        values, vectors = torch.linalg.eigh(products / count - torch.outer(offset, offset))
        basis = vectors.flip(1)[:, :rank]
        step = max(1, len(data.collected) * 1000 // SAMPLE_TOKENS)
        rows = [data.values(n, columns, step)[: 1 + 1000 // step] for n in range(0, len(data.collected))]
        sample = (torch.cat(rows)[:SAMPLE_TOKENS] - origin - offset) @ basis
        kinds[kind] = {
            "mean": write_array(folder, f"kvtc-{kind}-mean", origin + offset),
            "basis": write_array(folder, f"kvtc-{kind}-basis", basis),
            "variances": write_array(folder, f"kvtc-{kind}-variances", values.flip(0)[:rank]),
            "sample": write_array(folder, f"kvtc-{kind}-sample", sample),
        }
        print(f"kvtc {kind}: {count} tokens, variance kept {(values.flip(0)[:rank].sum() / values.sum()).item():.5f}", flush=True)
    return kinds


def rows_as_cached(geometry: Geometry, kv: torch.Tensor) -> torch.Tensor:
    """[T, valuesPerToken] with keys before RoPE to the same after it; the first row is position 1."""
    sizes = [geometry.plane_dim(p) for p in range(geometry.planes)]
    angles = rope_angles(geometry, torch.arange(1, len(kv) + 1))
    planes = [
        part if plane % 2 else rotate(geometry, part.reshape(len(kv), geometry.kv_heads, -1), angles).flatten(1)
        for plane, part in enumerate(kv.split(sizes, 1))
    ]
    return torch.cat(planes, 1)


def anchors_and_differences(geometry: Geometry, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Integers of the anchors, and differences of the other tokens from the anchors as decoded."""
    x = x[: len(x) // ANCHOR_SPAN * ANCHOR_SPAN].reshape(-1, ANCHOR_SPAN, x.shape[1])
    sizes = [geometry.plane_dim(p) for p in range(geometry.planes)]
    scales = torch.cat([p.abs().amax(1, keepdim=True).expand_as(p) for p in x[:, 0].split(sizes, 1)], 1).half().float() / ANCHOR_LEVELS
    anchors = (x[:, 0] / scales.clamp_min(1e-9)).round().clamp(-ANCHOR_LEVELS, ANCHOR_LEVELS)
    return anchors, (x[:, 1:] - (anchors * scales)[:, None]).flatten(0, 1)


def plane_steps(geometry: Geometry, deviations: torch.Tensor, factor: float) -> torch.Tensor:
    """Bin size of every plane."""
    thirds = [min(2, 3 * (p // 2) // geometry.layers) for p in range(geometry.planes)]
    return deviations * factor * torch.tensor([BINS_OF_THIRDS[t] for t in thirds])


def costs(counts: np.ndarray) -> torch.Tensor:
    """Bits of every symbol [channels, symbols]."""
    smoothed = torch.from_numpy(counts.astype(np.float32)) + SMOOTHING
    return torch.log2(smoothed.sum(1, keepdim=True)) - torch.log2(smoothed)


def count(counts: np.ndarray, symbols: torch.Tensor) -> None:
    """Adds symbols [n, channels], from 0, to counts [channels, symbols]."""
    keys = symbols.long() + torch.arange(symbols.shape[1]) * counts.shape[1]
    counts += np.bincount(keys.flatten().numpy(), minlength=counts.size).reshape(counts.shape)


def fit_cachegen(data: CalibrationData, folder: Path, every_sequence: int) -> dict:
    """Deviation of every plane's differences, bits of every anchor symbol and, per bin factor, of every difference."""
    g, channels = data.geometry, data.geometry.values_per_token
    chosen = range(0, len(data.collected), every_sequence)
    squares, total = torch.zeros(channels, dtype=torch.float64), 0
    for n in chosen:
        _, differences = anchors_and_differences(g, rows_as_cached(g, data.values(n)))
        squares, total = squares + differences.square().sum(0, dtype=torch.float64), total + len(differences)
    deviations = torch.stack([(squares[c].mean() / total).sqrt() for c in data.columns]).float()
    sizes = torch.tensor([g.plane_dim(p) for p in range(g.planes)])
    anchor_counts = np.zeros((channels, 2 * ANCHOR_LEVELS + 1), np.int64)
    counts = [np.zeros((channels, 2 * ALPHABET + 2), np.int64) for _ in BIN_FACTORS]
    for n in chosen:
        anchors, differences = anchors_and_differences(g, rows_as_cached(g, data.values(n)))
        count(anchor_counts, anchors + ANCHOR_LEVELS)
        for factor, found in zip(BIN_FACTORS, counts):
            q = (differences / plane_steps(g, deviations, factor).repeat_interleave(sizes)).round()
            count(found, torch.where(q.abs() > ALPHABET, 2 * ALPHABET + 1, q + ALPHABET))
    print(f"cachegen: {len(chosen)} sequences, {total} differences", flush=True)
    return {
        "anchorSpan": ANCHOR_SPAN,
        "anchorLevels": ANCHOR_LEVELS,
        "alphabet": ALPHABET,
        "anchorCosts": write_array(folder, "cachegen-anchors", costs(anchor_counts)),
        "settings": [
            {"factor": f, "steps": plane_steps(g, deviations, f).tolist(), "costs": write_array(folder, f"cachegen-{f}", costs(c))}
            for f, c in zip(BIN_FACTORS, counts)
        ],
    }


def main() -> None:
    p = argparse.ArgumentParser(prog="calibrate baselines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="GGUF file")
    p.add_argument("--output", type=Path, default=ROOT / ".kvedge/baselines", help="folder; the model's name is added")
    p.add_argument("--cache", type=Path, default=HERE / ".cache", help="texts and collected tensors of a calibration")
    p.add_argument("--bos", type=int, default=DEFAULT_BOS, help="as in the calibration")
    p.add_argument("--sequence-tokens", type=int, default=1024, help="as in the calibration")
    p.add_argument("--max-sequences", type=int, help="use only this many calibration sequences")
    p.add_argument("--every", type=int, default=4, help="of the tokens, the principal components see one in this many")
    p.add_argument("--rank", type=int, help="principal components kept; all of them if not given (3072 keep 99.3%% and floor the KLD at 0.004)")
    a = p.parse_args()
    started = time.time()
    model = Model(a.model)
    store = SourceStore(a.cache / "sources", "")
    texts = sequences(store, load_tokenizer(model.reader), "calibrate", a.sequence_tokens, None if a.bos < 0 else a.bos)
    data = CalibrationData(model.geometry, load(a.cache / "kv", texts[: a.max_sequences]))
    if not data.collected:
        raise SystemExit(f"{a.cache / 'kv'} holds nothing of this model: run the calibration first")
    folder = a.output / a.model.stem
    folder.mkdir(parents=True, exist_ok=True)
    index = {
        "modelFingerprint": model.fingerprint().hex(),
        "sequences": len(data.collected),
        "cachegen": fit_cachegen(data, folder, 2),
        "kvtc": fit_kvtc(data, folder, a.every, a.rank),
    }
    (folder / "index.json").write_text(json.dumps(index))
    print(f"{folder}: {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
