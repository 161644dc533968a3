"""The optional backend: any model of sentence-transformers, on torch, with a GPU when there is one.

Nothing of torch is imported before the first text is embedded, so nothing of it exists before a fork.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from access.refusal import Refusal
from index.embedders.converter import MARK, digest_of
from index.embedders.onnx import TRAITS
from index.embedders.port import FloatMatrix
from index.embedders.texts import TextEmbedder, Traits

_PROBE_SECONDS = 600  # the first load of a large model from a slow disk
_BATCH = 16  # texts of like length: 200 MB of attention scores at 512 tokens and 12 heads
_OTHER_RUNTIMES = ["onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "*.gguf"]  # never read by this backend

# What a new model's scale is computed on: all but 1 component in 1,000 of these stay unclipped in int8.
SCALE_TEXTS = (
    "Patient de 67 ans, hypertendu et diabétique de type 2, hospitalisé pour une décompensation cardiaque.",
    "Allergie à la pénicilline : œdème de Quincke en 2009.",
    "Pas d'antécédent chirurgical notable.",
    "Hémoglobine 11,2 g/dL, plaquettes 210 G/L, CRP 48 mg/L.",
    "Scanner thoracique : pas d'embolie pulmonaire, opacité en verre dépoli du lobe inférieur droit.",
    "Paracétamol 1 g trois fois par jour si douleur, amoxicilline arrêtée.",
    "Vaccination contre la grippe et rappel diphtérie, tétanos, poliomyélite.",
    "Fracture du col fémoral gauche opérée par prothèse totale de hanche.",
    "Suivi de grossesse : 32 semaines d'aménorrhée, échographie sans anomalie.",
    "Sa mère a eu un cancer du sein à 52 ans.",
    "Bilan rénal : créatinine 132 µmol/L, débit de filtration glomérulaire 48 mL/min.",
    "Le patient refuse la transfusion et désigne sa fille comme personne de confiance.",
    "Discharge summary: community-acquired pneumonia, oral antibiotics for seven days.",
    "Electrocardiogram: atrial fibrillation, ventricular rate 110 per minute.",
    "Dépistage du cancer colorectal : test immunologique négatif.",
    "Remboursement d'une consultation de spécialiste et de soins dentaires.",
)


class SentenceTransformersModel:
    """A loaded model. Another process has its own."""

    def __init__(self, directory: Path) -> None:
        """Load from `directory`, without the network. Refusal (stage "embed", code "embedder-unavailable")."""
        os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}  # nothing leaves this machine
        from sentence_transformers import SentenceTransformer

        _one_thread_in_a_child()
        noise: Any = importlib.import_module("transformers.utils.logging")
        noise.set_verbosity_error()
        noise.disable_progress_bar()
        try:
            self.loaded = SentenceTransformer(str(directory), local_files_only=True)
        except Exception as error:  # whatever the model's own files make transformers or torch raise
            raise Refusal(
                "embed",
                "embedder-unavailable",
                f"Le modèle sentence-transformers ne se charge pas ({type(error).__name__}).",
                "Vérifiez ANAMNESE_EMBEDDER_MODEL, ou réglez ANAMNESE_EMBEDDER=onnx.",
            ) from error

    def count(self, text: str) -> int:
        return len(self.loaded.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def vectors(self, texts: Sequence[str]) -> FloatMatrix:
        rows = self.loaded.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, np.float32)


def _one_thread_in_a_child() -> None:
    """In a child of a process that already used torch, OpenMP's threads are gone and a parallel loop waits for ever."""
    torch: Any = importlib.import_module("torch")
    _users.append(os.getpid())
    if _users[0] != os.getpid():
        torch.set_num_threads(1)


_users: list[int] = []  # processes that loaded a model, ancestors first: a fork inherits the list


class SentenceTransformersEmbedder(TextEmbedder):
    """The port on `SentenceTransformersModel`."""

    def __init__(self, directory: Path, cache: Path) -> None:
        """`directory` is a model's; what is learnt of it (window, scale) is kept in `cache`."""
        super().__init__(traits_of(directory, cache), lambda: SentenceTransformersModel(directory))


def resolve(model: str) -> Path:
    """The directory of `model`, an id or a directory: from the local cache of models, else downloaded once."""
    if Path(model).expanduser().is_dir():
        return Path(model).expanduser()
    from huggingface_hub import snapshot_download

    for offline in (True, False):
        try:
            return Path(snapshot_download(model, local_files_only=offline, ignore_patterns=_OTHER_RUNTIMES))
        except Exception as error:  # no such id, no network, a refused licence: many classes, one meaning here
            last = error
    raise Refusal(
        "start",
        "weights-missing",
        f"Le modèle demandé est introuvable, ici comme en ligne ({type(last).__name__}).",
        "Donnez un dossier existant ou un identifiant de modèle valide dans ANAMNESE_EMBEDDER_MODEL.",
    )


def traits_of(directory: Path, cache: Path) -> Traits:
    """What is known of a directory's model. Our converted weights share the traits of `onnx`, fingerprint included.

    Another model is loaded once in a child process, so that no thread of torch exists here before a fork.
    """
    digest = digest_of(directory)
    mark = directory / MARK
    if mark.is_file() and json.loads(mark.read_text()) == {"fingerprint": TRAITS.fingerprint, "digest": digest}:
        return TRAITS
    known = cache / f"traits-{digest[:24]}.json"
    if not known.is_file():
        probed = _probe_apart(directory)
        cache.mkdir(parents=True, exist_ok=True)
        aside = known.with_suffix(".building")
        aside.write_text(json.dumps(asdict(probed) | {"fingerprint": _fingerprint(digest, probed)}))
        aside.replace(known)
    return Traits(**json.loads(known.read_text()))


def probe(directory: Path) -> Traits:
    """Load the model and measure it. The fingerprint is left empty: it covers the rest."""
    model = SentenceTransformersModel(directory)
    prompts = {name: prompt for name, prompt in model.loaded.prompts.items() if prompt}
    query, passage = prompts.get("query", ""), prompts.get("passage") or prompts.get("document", "")
    sample = np.abs(model.vectors([passage + text for text in SCALE_TEXTS]))
    limit = float(np.quantile(sample, 0.999))
    window = int(model.loaded.max_seq_length or 512)
    return Traits("", sample.shape[1], round(127 / limit, 1), window, query, passage)


def _probe_apart(directory: Path) -> Traits:
    command = [sys.executable, "-m", "index.embedders.sentence_transformers", str(directory)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    if answer.returncode != 0:
        raise Refusal(
            "start",
            "embedder-unavailable",
            "Le modèle sentence-transformers demandé ne se charge pas.",
            "Vérifiez ANAMNESE_EMBEDDER_MODEL, ou réglez ANAMNESE_EMBEDDER=onnx.",
        )
    return Traits(**json.loads(answer.stdout.splitlines()[-1]))


def _fingerprint(digest: str, probed: Traits) -> str:
    parts = (digest, probed.query_prefix, probed.passage_prefix, repr(probed.scale), str(probed.window))
    return "st-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


if __name__ == "__main__":
    print(json.dumps(asdict(probe(Path(sys.argv[1])))))
