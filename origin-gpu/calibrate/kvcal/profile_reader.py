"""Reads a `.kvp` file back (docs/format.md, section 4), to measure it again without fitting it again."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch

from .basis import F16_BLOCK, I4_BLOCK, Block, ProductBasis, StoredMatrix
from .classes import EntropyClass
from .crc32c import crc32c
from .model import Geometry
from .predictor import Predictor
from .profile import MAGIC, VERSION, FirstToken, Profile
from .transform import Group, Transform


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
    columns = np.concatenate([np.arange(starts[p], starts[p + 1]) for p in planes])
    (block_count,) = c.fields("B")
    basis = _read_matrix(c, block_count, len(columns)) if block_count else _read_product(c, planes, starts)
    return Group(planes, columns, basis, ends), exponents


def _read_product(c: _Cursor, planes: list[int], starts: np.ndarray) -> ProductBasis:
    parts, matrices, first = [c.fields("HH") for _ in range(c.fields("B")[0])], [], 0
    for members, _ in parts:
        rows = sum(int(starts[p + 1] - starts[p]) for p in planes[first : first + members])
        matrices.append(_read_matrix(c, c.fields("B")[0], rows))
        first += members
    mix = _read_matrix(c, c.fields("B")[0], sum(columns for _, columns in parts))
    return ProductBasis([(members, m) for (members, _), m in zip(parts, matrices)], mix)


def _read_matrix(c: _Cursor, block_count: int, rows: int) -> StoredMatrix:
    blocks = []
    for count, kind in [c.fields("HB") for _ in range(block_count)]:
        if kind == F16_BLOCK:
            blocks.append(Block(kind, c.array("<f2", count * rows).reshape(count, rows).T, None))
            continue
        scales = c.array("<f4", count)
        data = _from_nibbles(c, count, rows) if kind == I4_BLOCK else c.array("i1", count * rows).reshape(count, rows)
        blocks.append(Block(kind, data.T, scales))
    return StoredMatrix(blocks)


def _from_nibbles(c: _Cursor, count: int, rows: int) -> np.ndarray:
    pairs = c.array("i1", count * (-(-rows // 2))).reshape(count, -1)
    halves = np.stack([(pairs << 4).astype(np.int8) >> 4, pairs >> 4], 2)
    return halves.reshape(count, -1)[:, :rows]


def _read_predictor(c: _Cursor, groups: list[Group]) -> Predictor | None:
    (kind,) = c.fields("B")
    if kind == 0:
        return None
    gamma, lead, energy, unit = c.fields("fHHf")
    rows = c.fields("B")[0] if kind == 2 else 1
    row_of_group = c.array("u1", len(groups)).tolist() if kind == 2 else [0] * len(groups)
    bias = torch.from_numpy(c.array("<f4", rows))
    count = sum(min(lead, g.rank) + 1 for g in groups)
    table = torch.from_numpy(c.array("<f4", (2 + rows) * count).reshape(count, 2 + rows))
    return Predictor(gamma, lead, energy, unit, row_of_group, bias, table[:, 0], table[:, 1], table[:, 2:])


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
