"""Model folders: made once, and checked before anything opens them."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from store.errors import ConfigError

MANIFEST = "manifest.json"
MAX_TOKENS = 512
# Config and tokenizer of a base model, in any of the layouts that transformers reads.
BASE_FILES = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "spm.model",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a prepared folder holds.

    `folder` is where it was prepared for, `files` maps names to SHA-256, `weights` is the one of them that counts.
    `precision` is what it is run with, `moved` by how much 8-bit integers move a score at most, where that was tried.
    """

    name: str
    folder: str
    weights: str
    classes: tuple[str, ...]
    files: Mapping[str, str]
    precision: str = "fp32"
    moved: float | None = None

    @property
    def id(self) -> str:
        """Tells scores of other weights or of another precision apart."""
        return f"{self.name}-{self.files[self.weights][:8]}-{self.precision}"


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


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that a model is loaded from, by name."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != MANIFEST)
    return {file.name: sha256(file) for file in files}


def seal(made: Manifest) -> Manifest:
    """Write the manifest into its folder."""
    (Path(made.folder) / MANIFEST).write_bytes(orjson.dumps(asdict(made), option=orjson.OPT_INDENT_2))
    return made


def copy_base(base: Path, folder: Path) -> None:
    """Copy config and tokenizer: nothing else of a foreign folder, and no code."""
    if not (base / "config.json").is_file():
        raise ConfigError(f"{base}: no config.json; it must hold the config and the tokenizer of the base model")
    folder.mkdir(parents=True, exist_ok=True)
    for name in BASE_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    _limit_tokens(folder / "tokenizer_config.json")


def _limit_tokens(path: Path) -> None:
    """Without `model_max_length` a long text is not cut and the model fails on it."""
    settings = orjson.loads(path.read_bytes()) if path.exists() else {}
    path.write_bytes(orjson.dumps({**settings, "model_max_length": MAX_TOKENS}, option=orjson.OPT_INDENT_2))
