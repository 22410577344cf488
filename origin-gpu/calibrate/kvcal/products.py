"""Matrix products of the KVTC-like baseline, for the quality bench: `coefficients = (x - mean) @ basis` and back.

Reads one JSON object a line, {"kind": "key", "direction": "analyse", "input": FILE, "output": FILE, "columns": n}, whose files are raw
f32 rows, and answers each with a line `done`. `columns`: how many leading coefficients there are in a row.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch


def array(folder: Path, entry: dict) -> torch.Tensor:
    return torch.from_numpy(np.fromfile(folder / entry["file"], "<f4").reshape(entry["shape"]))


def main() -> None:
    folder = Path(sys.argv[1])
    index = json.loads((folder / "index.json").read_text())["kvtc"]
    bases = {kind: (array(folder, entry["mean"]), array(folder, entry["basis"])) for kind, entry in index.items()}
    for line in sys.stdin:
        request = json.loads(line)
        mean, basis = bases[request["kind"]]
        basis = basis[:, : request["columns"]]
        rows = torch.from_numpy(np.fromfile(request["input"], "<f4"))
        if request["direction"] == "analyse":
            out = (rows.reshape(-1, len(mean)) - mean) @ basis
        else:
            out = rows.reshape(-1, basis.shape[1]) @ basis.T + mean
        out.numpy().astype("<f4").tofile(request["output"])
        print("done", flush=True)


if __name__ == "__main__":
    main()
