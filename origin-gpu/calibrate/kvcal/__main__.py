"""Command line: collect, fit, write the profile, print held-out rate and damage."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

import torch

from .collect import collect, load
from .compare import compare_with_engine
from .damage import measure, print_results, references
from .data import CalibrationData
from .fit import Settings, fit_profile
from .model import Model, UnsupportedModel
from .profile import FirstToken, write_profile
from .profile_reader import read_profile
from .sources import SOURCES, SourceStore
from .texts import sequences
from .tokenizer import load_tokenizer

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
DEFAULT_MODEL = ROOT / ".kvedge/models/SmolLM2-135M-Instruct.Q4_1.gguf"
DEFAULT_OUTPUT = ROOT / ".kvedge/trial/smollm2-135m.kvp"


def arguments() -> argparse.Namespace:
    d = Settings()
    p = argparse.ArgumentParser(prog="calibrate", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="GGUF file")
    p.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="profile to write")
    p.add_argument("--cache", type=Path, default=HERE / ".cache", help="texts and collected tensors")
    p.add_argument("--device", default="cpu", help="torch device of the collection and the measurements")
    p.add_argument("--bos", type=int, help="token that heads every other sequence; -1: none does; default: the model's own")
    p.add_argument("--first-token-planes", type=Path, nargs="*", default=[], metavar="TOKEN=FILE",
                   help="exact f16 planes of a token alone at position 0, as the engine caches them")
    p.add_argument("--max-sequences", type=int, help="use only this many calibration sequences")
    p.add_argument("--sequence-tokens", type=int, default=1024)
    p.add_argument("--gradient-every", type=int, default=2, help="gradients for every n-th sequence")
    p.add_argument("--prefix-tokens", type=int, default=1024, help="compressed prefix of the held-out measurement")
    p.add_argument("--scored-tokens", type=int, default=511, help="tokens scored after it")
    p.add_argument("--tune-documents", type=int, help="measure only this many documents; 0: none")
    p.add_argument("--measure", type=Path, metavar="PROFILE", help="only measure this profile; nothing is fitted or written")
    p.add_argument("--compare-engine", type=Path, metavar="FOLDER",
                   help="only compare this model with the engine's KV and logits, as `npm run -s bench -- calibration` leaves them there")
    p.add_argument("--list-sources", action="store_true", help="print the text packages and stop")
    p.add_argument("--group-layers", type=int, default=d.group_layers)
    p.add_argument("--mixed", type=int, default=d.mixed, help="leading columns of each basis that are mixed over several; 0: none")
    p.add_argument("--mixed-layers", type=int, default=d.mixed_layers, help="layers over which they are mixed")
    p.add_argument("--mixed-bands", type=int, nargs="*", default=d.mixed_bands, help="ends of the bands of the mixed columns below their number")
    p.add_argument("--rank", type=int, default=d.rank, help="other columns of each basis; all of them if not given")
    p.add_argument("--bands", type=int, nargs="*", default=d.bands, help="ends of their bands below the rank")
    p.add_argument("--i8-columns", type=int, default=d.i8_columns, help="of these columns, those with 8 bits a value; the others have 4")
    p.add_argument("--base-step", type=float, default=d.base_step, help="coarsest step over the rms of all coefficients")
    p.add_argument("--gamma", type=float, default=d.gamma, help="strength of the token step shifts; 0: no predictor")
    p.add_argument("--shift-layers", type=int, default=d.shift_layers, help="layers that share a row of step shifts; 0: all do")
    p.add_argument("--ridge", type=float, default=d.ridge, help="of the loss weights, over their mean")
    p.add_argument("--slope", type=float, default=d.slope, help="distortion per bit at which a band joins a level")
    return p.parse_args()


def first_tokens(specifications: list[Path]) -> list[FirstToken]:
    found = []
    for specification in map(str, specifications):
        token, _, path = specification.partition("=")
        found.append(FirstToken(int(token), Path(path).read_bytes()))
    return found


def main() -> None:
    try:
        calibrate(arguments())
    except UnsupportedModel as refusal:
        sys.exit(f"error: model-unsupported: this model cannot be calibrated: {refusal}")


def calibrate(a: argparse.Namespace) -> None:
    if a.list_sources:
        for s in SOURCES.values():
            print(f"{s.client:<6} {s.name} {s.version} {s.sha256} ({s.licence})")
        return
    started = time.time()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    settings = Settings(**{f.name: getattr(a, f.name) for f in dataclasses.fields(Settings) if hasattr(a, f.name)})
    settings = dataclasses.replace(settings, bands=tuple(settings.bands), mixed_bands=tuple(settings.mixed_bands))
    model = Model(a.model, a.device)
    if a.compare_engine:
        compare_with_engine(model, a.compare_engine)
        return
    tokenizer, store = load_tokenizer(model.reader), SourceStore(a.cache / "sources", sys.executable)
    bos = model.first_token if a.bos is None else None if a.bos < 0 else a.bos
    if a.measure:
        profile = read_profile(a.measure, model.geometry.heads)
        if profile.predictor and a.gamma != Settings.gamma:
            profile.predictor.gamma = a.gamma
    else:
        calibration = sequences(store, tokenizer, "calibrate", a.sequence_tokens, bos)[: a.max_sequences]
        collect(model, a.cache / "kv", calibration, a.gradient_every)
        data = CalibrationData(model.geometry, load(a.cache / "kv", calibration))
        profile = fit_profile(data, a.cache, model.fingerprint(), settings, first_tokens(a.first_token_planes))
        size = write_profile(profile, a.output)
        share = size / a.model.stat().st_size
        print(f"{a.output}: {size} bytes, {share:.1%} of the model's file, {time.time() - started:.0f} s", flush=True)

    documents = sequences(store, tokenizer, "tune", a.prefix_tokens + a.scored_tokens, bos)[: a.tune_documents]
    results = []
    for reference in references(model, a.cache / "tune", documents, a.prefix_tokens):
        rows = measure(model, profile, reference, settings.slope)
        print(reference.sequence.name, *(f"{r.bits_per_value:.3f}/{r.kld:.5f}" for r in rows), flush=True)
        results += rows
    if results:
        print_results(profile.level_names, results)
        kld, error = (sum(getattr(r, k) for r in results if r.level < 2) for k in ("kld", "error_per_token"))
        print(f"KLD per distortion {kld / error:.4g}; {time.time() - started:.0f} s in all")
        if not a.measure:
            profile.kld_per_distortion = kld / error
            write_profile(profile, a.output)


if __name__ == "__main__":
    main()
