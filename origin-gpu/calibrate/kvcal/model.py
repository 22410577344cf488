"""Llama-like language models from a GGUF file: forward pass with an injected KV cache, keys taken before RoPE.

Supported architectures: `ARCHITECTURES`. Head sizes, biases, tied embeddings and RoPE parameters are the file's; what the
forward pass does not implement is refused by name, down to single tensors. `npm run -s bench -- calibration` compares
the result with the engine's. Weights are dequantized to f32; everything runs on the CPU or, with `device="cuda"`, on a GPU.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from gguf import GGUFReader
from gguf.quants import dequantize

ROPE_INTERLEAVED, ROPE_HALVES = 1, 2


@dataclass(frozen=True)
class Architecture:
    """What distinguishes one Llama-like architecture from another beyond the metadata of its file."""

    rope_layout: int
    head_norms: bool = False
    """Whether queries and keys are normalized head by head before they are rotated."""


ARCHITECTURES = {
    "llama": Architecture(ROPE_INTERLEAVED),
    "qwen2": Architecture(ROPE_HALVES),
    "qwen3": Architecture(ROPE_HALVES, head_norms=True),
}

REFUSED_METADATA = {
    "expert_count": "mixture of experts",
    "attention.sliding_window": "attention through a sliding window",
    "attention.kv_lora_rank": "latents (MLA) instead of keys and values",
    "attention.scale": "an attention scale of its own",
    "attn_logit_softcapping": "soft-capped attention",
    "final_logit_softcapping": "soft-capped logits",
}
"""Metadata that change the forward pass when present and not zero, and what they mean."""


class UnsupportedModel(Exception):
    """The GGUF file describes something this calibration does not implement; the message names it."""


@dataclass(frozen=True)
class Geometry:
    """Sizes of a model's KV cache and its rotary embedding (docs/format.md, sections 2 and 4)."""

    layers: int
    heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    rope_layout: int
    rope_dims: int
    rope_base: float
    rope_scale: float
    rope_factors: tuple[float, ...]

    @property
    def planes(self) -> int:
        return 2 * self.layers

    def plane_dim(self, plane: int) -> int:
        """Values per token in a plane; plane 2l holds the keys of layer l, plane 2l + 1 its values."""
        return self.kv_heads * (self.value_dim if plane % 2 else self.key_dim)

    @property
    def values_per_token(self) -> int:
        return sum(self.plane_dim(p) for p in range(self.planes))


def rope_angles(geometry: Geometry, positions: torch.Tensor) -> torch.Tensor:
    """Angles [T, ropeDims / 2] in f32, by the recurrence of docs/format.md 6.3 (theta_(i+1) = theta_i * s)."""
    s = np.float32(geometry.rope_base ** (-2.0 / geometry.rope_dims))
    theta = positions.to(torch.float32).cpu().numpy()
    columns = []
    for i in range(geometry.rope_dims // 2):
        factor = np.float32(geometry.rope_factors[i]) if geometry.rope_factors else np.float32(1)
        columns.append(np.float32(geometry.rope_scale) * (theta / factor))
        theta = (theta * s).astype(np.float32)
    return torch.from_numpy(np.stack(columns, 1)).to(positions.device)


def rotate(geometry: Geometry, x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Rotary embedding of x [T, heads, headDim] by `angles` [T, ropeDims / 2]; negative angles undo it."""
    d = geometry.rope_dims
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    turned, rest = x[..., :d], x[..., d:]
    if geometry.rope_layout == ROPE_INTERLEAVED:
        a, b = turned[..., 0::2], turned[..., 1::2]
        out = torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    else:
        a, b = turned[..., : d // 2], turned[..., d // 2 :]
        out = torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
    return torch.cat([out, rest], -1) if rest.shape[-1] else out


class Model:
    """Weights and geometry of one GGUF file."""

    def __init__(self, path: str | Path, device: str = "cpu"):
        self.path, self.device = Path(path), device
        self.reader = GGUFReader(str(path))
        self.architecture = self._meta("general.architecture")
        if self.architecture not in ARCHITECTURES:
            raise UnsupportedModel(f"architecture {self.architecture!r}; known: {', '.join(ARCHITECTURES)}")
        for key, meaning in REFUSED_METADATA.items():
            if self._arch(key, 0):
                raise UnsupportedModel(f"{meaning} ({self.architecture}.{key})")
        self.head_norms = ARCHITECTURES[self.architecture].head_norms
        self._refuse_unknown_tensors()
        self.weights = {
            t.name: torch.from_numpy(np.ascontiguousarray(dequantize(t.data, t.tensor_type))).float().to(device)
            for t in self.reader.tensors
        }
        self.geometry = self._geometry()
        self.epsilon = float(self._arch("attention.layer_norm_rms_epsilon"))
        self.embedding = self.weights["token_embd.weight"]
        self.output = self.weights.get("output.weight", self.embedding)

    def _meta(self, key: str, default=None):
        field = self.reader.get_field(key)
        if field is None and default is None:
            raise UnsupportedModel(f"metadata {key} is missing")
        return default if field is None else field.contents()

    def _arch(self, key: str, default=None):
        return self._meta(f"{self.architecture}.{key}", default)

    def _refuse_unknown_tensors(self) -> None:
        """A tensor that `forward` does not read would be left out in silence."""
        norms = "|attn_q_norm|attn_k_norm" if self.head_norms else ""
        known = re.compile(
            rf"(token_embd|output|output_norm|rope_freqs|blk\.\d+\.(attn_norm|ffn_norm{norms}))\.weight"
            r"|blk\.\d+\.(attn_[qkv]|attn_output|ffn_gate|ffn_up|ffn_down)\.(weight|bias)"
        )
        unknown = [t.name for t in self.reader.tensors if not known.fullmatch(t.name)]
        if unknown:
            raise UnsupportedModel(f"tensor {unknown[0]!r} of architecture {self.architecture!r}")

    def _geometry(self) -> Geometry:
        heads = int(self._arch("attention.head_count"))
        head_dim = int(self._arch("embedding_length")) // heads
        key_dim = int(self._arch("attention.key_length", head_dim))
        scaling = self._arch("rope.scaling.type", "linear")
        if scaling not in ("none", "linear"):
            raise UnsupportedModel(f"rope.scaling.type {scaling!r}")
        stretch = float(self._arch("rope.scaling.factor", self._arch("rope.scale_linear", 0.0)))
        if float(self._arch("rope.scaling.attn_factor", 1.0)) != 1:
            raise UnsupportedModel("RoPE that changes the length of keys (rope.scaling.attn_factor)")
        factors = self.weights.get("rope_freqs.weight")
        return Geometry(
            layers=int(self._arch("block_count")),
            heads=heads,
            kv_heads=int(self._arch("attention.head_count_kv", heads)),
            key_dim=key_dim,
            value_dim=int(self._arch("attention.value_length", head_dim)),
            rope_layout=ARCHITECTURES[self.architecture].rope_layout,
            rope_dims=int(self._arch("rope.dimension_count", key_dim)),
            rope_base=float(self._arch("rope.freq_base", 10000.0)),
            rope_scale=1.0 / stretch if scaling == "linear" and stretch else 1.0,
            rope_factors=() if factors is None else tuple(factors.tolist()),
        )

    @property
    def first_token(self) -> int | None:
        """The token that contexts begin with, by the model's policy or as its chat template does; None if with any."""
        bos = self._meta("tokenizer.ggml.bos_token_id", -1)
        if bos < 0:
            return None
        text = self._meta("tokenizer.ggml.tokens")[bos]
        adds = self.reader.get_field("tokenizer.ggml.add_bos_token")
        is_used = (adds is not None and adds.contents()) or text in self._meta("tokenizer.chat_template", " ")
        return int(bos) if is_used else None

    def fingerprint(self) -> bytes:
        """docs/format.md section 3."""
        weights = hashlib.sha256(self.path.read_bytes()).digest()
        g = self.geometry
        sizes = b"".join(n.to_bytes(4, "little") for n in (g.layers, g.kv_heads, g.key_dim, g.value_dim))
        return hashlib.sha256(b"kvedge/model/v1\0" + weights + sizes).digest()

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weights[name]

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def forward(self, tokens: torch.Tensor, past: list[torch.Tensor] | None = None, want_logits: bool = True):
        """Run `tokens` [T] after `past`, which holds one tensor [T0, kvHeads, headDim] per plane, keys before RoPE.

        Returns (logits [T, vocabulary] or None, planes of the T new tokens in the same form).
        """
        g = self.geometry
        count, before = len(tokens), 0 if past is None else len(past[0])
        angles = rope_angles(g, torch.arange(before + count, device=self.device))
        mask = torch.ones(count, before + count, dtype=torch.bool, device=self.device).tril(before)
        h, planes = self.embedding[tokens], []
        for l in range(g.layers):
            x = self._norm(h, f"blk.{l}.attn_norm.weight")
            q = self._linear(x, f"blk.{l}.attn_q").view(count, g.heads, g.key_dim)
            k = self._linear(x, f"blk.{l}.attn_k").view(count, g.kv_heads, g.key_dim)
            v = self._linear(x, f"blk.{l}.attn_v").view(count, g.kv_heads, g.value_dim)
            if self.head_norms:
                q, k = self._norm(q, f"blk.{l}.attn_q_norm.weight"), self._norm(k, f"blk.{l}.attn_k_norm.weight")
            planes += [k, v]
            if past is not None:
                k, v = torch.cat([past[2 * l], k]), torch.cat([past[2 * l + 1], v])
            q, k = rotate(g, q, angles[before:]), rotate(g, k, angles)
            repeat = g.heads // g.kv_heads
            o = F.scaled_dot_product_attention(
                q.transpose(0, 1)[None],
                k.repeat_interleave(repeat, 1).transpose(0, 1)[None],
                v.repeat_interleave(repeat, 1).transpose(0, 1)[None],
                attn_mask=mask[None, None],
            )[0]
            h = h + self._linear(o.transpose(0, 1).reshape(count, -1), f"blk.{l}.attn_output")
            x = self._norm(h, f"blk.{l}.ffn_norm.weight")
            gate = F.silu(self._linear(x, f"blk.{l}.ffn_gate")) * self._linear(x, f"blk.{l}.ffn_up")
            h = h + self._linear(gate, f"blk.{l}.ffn_down")
        logits = self._norm(h, "output_norm.weight") @ self.output.T if want_logits else None
        return logits, planes
