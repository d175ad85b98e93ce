"""Detoxify: a folder that works offline out of a published checkpoint, and scores out of such a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analytics.evaluators.weights.spoken_to import labelled
from analytics.inference import forwarded, pack, quantize
from analytics.models.folder import MAX_TOKENS, Manifest, copy_base, hashes, seal, verified
from store.errors import ConfigError

if TYPE_CHECKING:
    from detoxify import Detoxify

CHECKPOINT = "model.ckpt"
TRIED_EVERY = 8  # of our own sentences, to see what 8-bit integers do to the scores
MOST_MOVED = 0.05

Scores = npt.NDArray[np.float32]


def prepare(checkpoint: Path, base: Path, folder: Path, *, name: str) -> Manifest:
    """Make an offline folder of a published checkpoint and its base model's config and tokenizer.

    The foreign file is only ever read with `weights_only=True`, so it cannot run code; it is written anew with the
    folder in place of the hub's name (Detoxify looks the base up by that name) and its hash recorded. 8-bit integers
    are tried on sentences of our own, and used where no score moves by more than 0.05. Run in a worker or from the
    command line: imports torch. Raises ConfigError when keys are missing or do not fit the model.
    """
    content = _read(checkpoint)
    folder = folder.absolute()
    copy_base(base, folder)
    content["config"]["arch"]["args"]["model_type"] = str(folder)
    _verify_keys(content, folder)
    _save(content, folder / CHECKPOINT)
    classes = tuple(content["config"]["dataset"]["args"]["classes"])
    made = Manifest(name=name, folder=str(folder), weights=CHECKPOINT, classes=classes, files=hashes(folder))
    moved = _moved(folder)
    return seal(replace(made, moved=moved, precision="int8" if moved <= MOST_MOVED else "fp32"))


def base_of(checkpoint: Path) -> str:
    """The hub's name of the model whose config and tokenizer a checkpoint goes with."""
    return str(_read(checkpoint)["config"]["arch"]["args"]["model_type"])


def _read(path: Path) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - seconds to import; only here

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        arch = content["config"]["arch"]["args"]
        needed = (arch["model_type"], arch["model_name"], arch["tokenizer_name"], arch["num_classes"])
        classes = content["config"]["dataset"]["args"]["classes"]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a Detoxify checkpoint ({error} is missing)") from error
    except Exception as error:  # torch raises many kinds for a file it does not trust
        raise ConfigError(f"{path}: cannot be read as plain weights ({error})") from error
    if len(classes) != needed[-1] or not content.get("state_dict"):
        raise ConfigError(f"{path}: {len(classes)} class names for {needed[-1]} outputs, or no weights")
    return dict(content)


def _verify_keys(content: Mapping[str, Any], folder: Path) -> None:
    """Detoxify accepts weights without a head and answers 0.5 to everything; we do not."""
    import transformers  # noqa: PLC0415

    args = content["config"]["arch"]["args"]
    model_class = getattr(transformers, args["model_name"])
    config = model_class.config_class.from_pretrained(
        str(folder), num_labels=args["num_classes"], local_files_only=True
    )
    wanted = model_class(config).state_dict()
    missing = sorted(set(wanted) - set(content["state_dict"]))
    if missing:
        raise ConfigError(f"the checkpoint lacks {len(missing)} weights of {args['model_name']}, first {missing[0]}")
    wrong = sorted(key for key in wanted if wanted[key].shape != content["state_dict"][key].shape)
    if wrong:
        raise ConfigError(f"{wrong[0]} of the checkpoint does not fit {folder / 'config.json'}: another base model?")


def _save(content: dict[str, Any], path: Path) -> None:
    import torch  # noqa: PLC0415

    torch.save({"config": content["config"], "state_dict": content["state_dict"]}, path)


def _moved(folder: Path) -> float:
    """By how much 8-bit integers move a score at most."""
    texts = [text for text, _ in labelled()][::TRIED_EVERY]
    exact, coarse = (scores(_opened(folder, precision), texts) for precision in ("fp32", "int8"))
    return float(np.abs(exact - coarse).max())


@cache
def loaded(folder: Path) -> "Detoxify":
    """The real class, over a folder whose every file is what it was when it was prepared."""
    return _opened(folder, verified(folder).precision)


def _opened(folder: Path, precision: str) -> "Detoxify":
    from detoxify import Detoxify  # noqa: PLC0415 - seconds to import; only in workers

    made = Detoxify(checkpoint=str(folder.absolute() / CHECKPOINT))
    made.model.eval()
    if precision == "int8":
        made.model = quantize(made.model)
    else:
        pack(made.model)
    return made


def scores(model: "Detoxify", texts: Sequence[str]) -> Scores:
    """Return a (text, class) matrix, classes in the order of `model.class_names`: what `predict` says, sooner."""
    import torch  # noqa: PLC0415

    return forwarded(lambda tokens: torch.sigmoid(model.model(**tokens)[0]), model.tokenizer, texts, most=MAX_TOKENS)
