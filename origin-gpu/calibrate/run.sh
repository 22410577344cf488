#!/usr/bin/env bash
# Fits the codec profile of a GGUF model: bash origin-gpu/calibrate/run.sh [options]; --help lists them. With the word
# "baselines" first it fits, on the same texts, what two baselines of the quality bench need.
# Makes its own virtual environment below this folder on the first run (about 5 GB, from PyPI).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if ! "$here/.venv/bin/python" -c 'import torch, gguf, tokenizers' 2>/dev/null; then
  python3 -m venv "$here/.venv"
  "$here/.venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
module=kvcal
if [ "${1:-}" = baselines ]; then
  module=kvcal.baselines
  shift
fi
PYTHONPATH="$here" exec "$here/.venv/bin/python" -W ignore -m "$module" "$@"
