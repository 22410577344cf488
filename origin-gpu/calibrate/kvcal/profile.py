"""A fitted profile and its file (docs/format.md, section 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from .basis import F16_BLOCK, I4_BLOCK, ProductBasis, StoredMatrix
from .classes import EntropyClass, base_costs, refinement_costs
from .crc32c import crc32c
from .model import Geometry
from .predictor import Predictor
from .transform import Group, Transform

MAGIC = b"KVEP"
VERSION = 1


@dataclass
class FirstToken:
    """f16 planes of one token alone at position 0, as the engine caches them, in the order of docs/format.md 2."""

    token: int
    planes: bytes


@dataclass
class Profile:
    """Everything a `.kvp` file holds. `exponents` has one tensor [r] per group."""

    fingerprint: bytes
    geometry: Geometry
    base_step: float
    level_names: list[str]
    kld_per_distortion: float
    transform: Transform
    bank: list[EntropyClass]
    exponents: list[torch.Tensor]
    predictor: Predictor | None
    first_tokens: list[FirstToken]

    @property
    def level_count(self) -> int:
        return len(self.level_names)

    @cached_property
    def base_costs(self) -> torch.Tensor:
        return base_costs(self.bank)

    @cached_property
    def refinement_costs(self) -> torch.Tensor:
        return refinement_costs(self.bank)


def _floats(values) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def _class(c: EntropyClass) -> bytes:
    return struct.pack("<BB", c.largest, c.escape_order) + np.concatenate([c.base, c.zero, c.nonzero]).astype("<u2").tobytes()


def _group(group: Group, exponents: torch.Tensor) -> bytes:
    out = struct.pack("<H", len(group.planes)) + np.array(group.planes, "<u2").tobytes()
    out += struct.pack("<HB", group.rank, len(group.band_ends)) + np.array(group.band_ends, "<u2").tobytes()
    out += exponents.numpy().astype(np.int8).tobytes()
    if not isinstance(group.basis, ProductBasis):
        return out + _matrix(group.basis)
    parts = group.basis.parts
    out += struct.pack("<BB", 0, len(parts)) + b"".join(struct.pack("<HH", members, m.rank) for members, m in parts)
    return out + b"".join(_matrix(m) for _, m in parts) + _matrix(group.basis.mix)


def _matrix(matrix: StoredMatrix) -> bytes:
    out = struct.pack("<B", len(matrix.blocks))
    out += b"".join(struct.pack("<HB", b.columns.shape[1], b.kind) for b in matrix.blocks)
    for block in matrix.blocks:
        columns = np.ascontiguousarray(block.columns.T)
        if block.kind == F16_BLOCK:
            out += columns.astype("<f2").tobytes()
        else:
            out += _floats(block.scales) + (_nibbles(columns) if block.kind == I4_BLOCK else columns.astype("i1")).tobytes()
    return out


def _nibbles(rows: np.ndarray) -> np.ndarray:
    """Two values in a byte, the earlier one in the low half; a row of odd length ends with a zero half."""
    bits = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).astype(np.uint8) & 15
    return bits[:, ::2] | bits[:, 1::2] << 4


def _predictor(p: Predictor | None) -> bytes:
    if p is None:
        return b"\0"
    head = struct.pack("<fHHf", p.gamma, p.lead_count, p.energy_count, p.energy_unit)
    if len(p.bias) > 1:
        head = b"\2" + head + bytes([len(p.bias), *p.row_of_group])
    else:
        head = b"\1" + head
    return head + _floats(p.bias) + _floats(torch.cat([p.mean[:, None], p.inverse_deviation[:, None], p.beta], 1))


def profile_bytes(profile: Profile) -> bytes:
    """The file."""
    g, t = profile.geometry, profile.transform
    body = profile.fingerprint + struct.pack("<4H", g.layers, g.kv_heads, g.key_dim, g.value_dim)
    body += struct.pack("<BHHff", g.rope_layout, len(g.rope_factors), g.rope_dims, g.rope_base, g.rope_scale) + _floats(g.rope_factors)
    body += struct.pack("<fB", profile.base_step, profile.level_count)
    body += b"".join(name.encode().ljust(16, b"\0") for name in profile.level_names)
    body += struct.pack("<f", profile.kld_per_distortion)
    start = 0
    for plane in range(g.planes):
        columns = slice(start, start + g.plane_dim(plane))
        body += _floats(t.mean[columns]) + _floats(t.weights[columns])
        start = columns.stop
    body += struct.pack("<B", len(profile.bank)) + b"".join(map(_class, profile.bank))
    body += struct.pack("<B", len(t.groups)) + b"".join(map(_group, t.groups, profile.exponents))
    body += struct.pack("<B", len(profile.first_tokens))
    body += b"".join(struct.pack("<I", f.token) + f.planes for f in sorted(profile.first_tokens, key=lambda f: f.token))
    body += _predictor(profile.predictor)
    head = MAGIC + struct.pack("<HHI", VERSION, 0, 4 + 2 + 2 + 4 + len(body) + 4)
    return head + body + struct.pack("<I", crc32c(head + body))


def write_profile(profile: Profile, path: Path) -> int:
    """Write the file in one step (a reader sees the old one or the new one); returns its size in bytes."""
    data = profile_bytes(profile)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.rename(path)
    return len(data)
