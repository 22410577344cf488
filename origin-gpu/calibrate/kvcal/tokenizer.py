"""The byte-level BPE tokenizer stored in a GGUF file, for turning calibration texts into token ids."""

from __future__ import annotations

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from .model import UnsupportedModel

# Split patterns by `tokenizer.ggml.pre`, as in llama.cpp (src/llama-vocab.cpp).
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{DIGITS}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {
    "gpt-2": [_GPT2],
    "smollm": [r"\p{N}", _GPT2],
    "llama-bpe": [_LLAMA3.replace("{DIGITS}", "{1,3}")],
    "qwen2": [_LLAMA3.replace("{DIGITS}", "")],
}


def load_tokenizer(reader: GGUFReader) -> Tokenizer:
    """Build the tokenizer; control tokens such as <|im_start|> are recognised in the text."""
    pre = reader.get_field("tokenizer.ggml.pre").contents()
    if reader.get_field("tokenizer.ggml.model").contents() != "gpt2" or pre not in SPLITS:
        raise UnsupportedModel(f"tokenizer {pre!r}; known: {', '.join(SPLITS)}")
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    merges = [tuple(m.split(" ")) for m in reader.get_field("tokenizer.ggml.merges").contents()]
    kinds = reader.get_field("tokenizer.ggml.token_type").contents()
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    steps = [pre_tokenizers.Split(Regex(p), "isolated") for p in SPLITS[pre]]
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, kinds) if kind == control])
    return tokenizer
