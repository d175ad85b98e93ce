"""Natural language inference: how far a text follows from another, by a model in a folder of the user's own.

Any cross-encoder that transformers opens as a sequence classifier: with a class of entailment (or of consistency), or
with one output that says it. Weights are read as safetensors, and no code of a folder is ever run.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.inference import forwarded, pack
from analytics.models.folder import MAX_TOKENS, Manifest, copy_base, hashes, seal, verified
from store.errors import ConfigError

SAFE_WEIGHTS = "model.safetensors"
SUPPORTS = ("entail", "consisten", "support", "faithful", "grounded")
DENIES = ("not", "non", "un", "in", "contra")


@dataclass(frozen=True, slots=True)
class Judge:
    """A loaded model. `supports`: which class says that the text follows; None where its one output does."""

    model: Any
    tokenizer: Any
    supports: int | None


def prepare(source: Path, folder: Path, *, name: str) -> Manifest:
    """Copy a model's config, tokenizer and safetensors, check that they belong together, and record their hashes.

    Run in a worker or from the command line: imports torch. Raises ConfigError that says what does not fit.
    """
    if not (source / SAFE_WEIGHTS).is_file():
        raise ConfigError(f"{source}: no {SAFE_WEIGHTS}; other kinds of weights can run code and are not opened")
    folder = folder.absolute()
    copy_base(source, folder)
    if b'"auto_map"' in (folder / "config.json").read_bytes():
        raise ConfigError(f"{source}: the model brings its own code (auto_map in config.json), which is not run")
    shutil.copyfile(source / SAFE_WEIGHTS, folder / SAFE_WEIGHTS)
    classes = _verified_classes(folder)
    return seal(Manifest(name=name, folder=str(folder), weights=SAFE_WEIGHTS, classes=classes, files=hashes(folder)))


def _verified_classes(folder: Path) -> tuple[str, ...]:
    """Names of the classes; raises ConfigError when weights are missing, or no class says that a text follows."""
    import transformers  # noqa: PLC0415 - seconds to import; only in workers

    try:
        _, told = transformers.AutoModelForSequenceClassification.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{folder}: cannot be opened as a sequence classifier ({error})") from error
    if told["missing_keys"] or told["mismatched_keys"]:
        lacking = sorted(map(str, (*told["missing_keys"], *told["mismatched_keys"])))
        raise ConfigError(f"{folder}: {len(lacking)} weights are missing or do not fit, first {lacking[0]}")
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    classes = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    _supporting(classes)
    return classes


def _supporting(classes: Sequence[str]) -> int | None:
    if len(classes) == 1:
        return None
    for i, name in enumerate(map(str.lower, classes)):
        if any(word in name for word in SUPPORTS) and not name.startswith(DENIES):
            return i
    raise ConfigError(f"none of the classes {', '.join(classes)} says that a text follows (id2label in config.json)")


@cache
def loaded(folder: Path) -> Judge:
    """The model of a folder whose every file is what it was when it was prepared."""
    import transformers  # noqa: PLC0415

    told = verified(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True
    ).eval()
    pack(model)
    return Judge(
        model=model,
        tokenizer=transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True),
        supports=_supporting(told.classes),
    )


def support(judge: Judge, premises: Sequence[str], claims: Sequence[str]) -> npt.NDArray[np.float32]:
    """How likely each claim follows from its premise."""

    def forward(tokens: Any) -> Any:
        logits = judge.model(**tokens).logits
        return logits.sigmoid()[:, 0] if judge.supports is None else logits.softmax(dim=1)[:, judge.supports]

    return forwarded(forward, judge.tokenizer, premises, claims, most=MAX_TOKENS)
