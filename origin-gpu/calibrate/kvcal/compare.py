"""Whether this model computes what the engine computes: keys and values of every layer, and next-token distributions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from .model import Model, rope_angles, rotate


def compare_with_engine(model: Model, folder: Path) -> None:
    """Print a JSON object of differences to what the engine left in `folder`.

    `tokens.u32`: the token ids; `planes.f16`: their planes as the engine caches them (docs/format.md, section 2);
    `distributions.f32`: natural log probabilities of the token after each of the last tokens, as many as there are rows.
    """
    g = model.geometry
    tokens = torch.from_numpy(np.fromfile(folder / "tokens.u32", "<u4").astype(np.int64))
    engine = torch.from_numpy(np.fromfile(folder / "planes.f16", "<f2").astype(np.float32))
    expected = torch.from_numpy(np.fromfile(folder / "distributions.f32", "<f4")).view(-1, len(model.embedding))
    with torch.no_grad():
        logits, planes = model.forward(tokens)
    angles = rope_angles(g, torch.arange(len(tokens)))
    errors = {"keys": [], "values": []}
    sizes = [len(tokens) * g.plane_dim(plane) for plane in range(g.planes)]
    for plane, (own, theirs) in enumerate(zip(planes, engine.split(sizes))):
        cached = own if plane % 2 else rotate(g, own, angles)
        difference = cached.flatten() - theirs
        errors["values" if plane % 2 else "keys"].append((difference.norm() / theirs.norm()).item())
    own, expected = (torch.log_softmax(x.double(), -1) for x in (logits[-len(expected) :], expected))
    kld = (expected.exp() * (expected - own)).nansum(-1).mean().item()
    print(json.dumps({"tokens": len(tokens), "kld": kld, **errors}))
