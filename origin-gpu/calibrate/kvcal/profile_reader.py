"""Reads a `.kvp` file back (docs/format.md, section 4), to measure it again without fitting it again."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch

from .classes import EntropyClass
from .crc32c import crc32c
from .model import Geometry
from .predictor import Predictor
from .profile import MAGIC, VERSION, FirstToken, Profile
from .transform import I8_BLOCK, Block, Group, Transform


class BadProfile(Exception):
    """The file is not a profile of this version, or damaged."""


class _Cursor:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def fields(self, layout: str) -> tuple:
        found = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found

    def array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self.data, kind, count, self.at).copy()
        self.at += found.nbytes
        return found

    def raw(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def _read_class(c: _Cursor) -> EntropyClass:
    largest, order = c.fields("BB")
    return EntropyClass(largest, order, *(c.array("<u2", n).astype(np.int64) for n in (2 * largest + 2, 3, 3)))


def _read_group(c: _Cursor, starts: np.ndarray) -> tuple[Group, torch.Tensor]:
    planes = c.array("<u2", c.fields("H")[0]).tolist()
    rank, band_count = c.fields("HB")
    ends = c.array("<u2", band_count).tolist()
    exponents = torch.from_numpy(c.array("i1", rank).astype(np.int64))
    layout = [c.fields("HB") for _ in range(c.fields("B")[0])]
    columns = np.concatenate([np.arange(starts[p], starts[p + 1]) for p in planes])
    blocks = []
    for count, kind in layout:
        scales = c.array("<f4", count) if kind == I8_BLOCK else None
        data = c.array("i1" if kind == I8_BLOCK else "<f2", count * len(columns))
        blocks.append(Block(kind, data.reshape(count, len(columns)).T, scales))
    return Group(planes, columns, blocks, torch.cat([b.dequantized() for b in blocks], 1), ends), exponents


def _read_predictor(c: _Cursor, groups: list[Group]) -> Predictor | None:
    if c.fields("B")[0] == 0:
        return None
    gamma, lead, energy, unit, bias = c.fields("fHHff")
    count = sum(min(lead, g.rank) + 1 for g in groups)
    table = torch.from_numpy(c.array("<f4", 3 * count).reshape(count, 3))
    return Predictor(gamma, lead, energy, unit, bias, *table.T.contiguous())


def read_profile(path: Path, heads: int) -> Profile:
    """The profile in a file; `heads` is the model's number of query heads, which a profile does not hold."""
    data = path.read_bytes()
    c = _Cursor(data)
    if c.raw(4) != MAGIC or c.fields("HHI") != (VERSION, 0, len(data)):
        raise BadProfile(f"{path}: not a profile of version {VERSION}, or truncated")
    if crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise BadProfile(f"{path}: wrong CRC")
    fingerprint = c.raw(32)
    layers, kv_heads, key_dim, value_dim = c.fields("4H")
    layout, factor_count, dims, base, scale = c.fields("BHHff")
    factors = tuple(c.array("<f4", factor_count).tolist())
    geometry = Geometry(layers, heads, kv_heads, key_dim, value_dim, layout, dims, base, scale, factors)
    base_step, level_count = c.fields("fB")
    names = [c.raw(16).rstrip(b"\0").decode() for _ in range(level_count)]
    (kld_per_distortion,) = c.fields("f")
    sizes = [geometry.plane_dim(p) for p in range(geometry.planes)]
    table = [c.array("<f4", 2 * n).reshape(2, n) for n in sizes]
    mean, weights = torch.from_numpy(np.concatenate(table, 1))
    bank = [_read_class(c) for _ in range(c.fields("B")[0])]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs = [_read_group(c, starts) for _ in range(c.fields("B")[0])]
    groups = [g for g, _ in pairs]
    first = [FirstToken(c.fields("I")[0], c.raw(2 * geometry.values_per_token)) for _ in range(c.fields("B")[0])]
    predictor = _read_predictor(c, groups)
    if c.at != len(data) - 4:
        raise BadProfile(f"{path}: {len(data) - 4 - c.at} bytes left over")
    return Profile(fingerprint, geometry, base_step, names, kld_per_distortion, Transform(mean, weights, groups), bank,
                   [e for _, e in pairs], predictor, first)
