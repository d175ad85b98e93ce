"""Detoxify's published checkpoints, fetched where there is a network."""

import os
import re
import tempfile
from pathlib import Path

import httpx

from analytics.models import detoxify
from analytics.models.folder import BASE_FILES, Manifest, sha256
from store.errors import ConfigError

HUB = "https://huggingface.co"
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8})\.ckpt\Z")
HUB_NAME = re.compile(r"\w[\w.-]{0,95}(?:/\w[\w.-]{0,95})?", re.ASCII)
TIMEOUT_S = 60.0
PREFIX = "detoxify-"


def fetch(name: str, folder: Path) -> Manifest:
    """Download a checkpoint and its base model's config and tokenizer, and prepare a folder of them.

    The checkpoint's address comes with the library, the beginning of its SHA-256 with its name. Raises ConfigError
    that says what to do where there is no network.
    """
    url = _address(name)
    with tempfile.TemporaryDirectory() as room, httpx.Client(follow_redirects=True, timeout=TIMEOUT_S) as client:
        checkpoint, base = Path(room) / "published.ckpt", Path(room) / "base"
        base.mkdir()
        try:
            _download(client, url, checkpoint)
            _check(checkpoint, url)
            _base(client, detoxify.base_of(checkpoint), base)
        except httpx.HTTPError as error:
            raise ConfigError(_by_hand(name, url, error)) from error
        return detoxify.prepare(checkpoint, base, folder, name=name)


def _address(name: str) -> str:
    from detoxify.detoxify import MODEL_URLS  # noqa: PLC0415 - brings torch

    known = [f"{PREFIX}{one}" for one in MODEL_URLS]
    if name not in known:
        raise ConfigError(f"{name}: nothing of that name is published; there are {', '.join(known)}")
    return str(MODEL_URLS[name.removeprefix(PREFIX)])


def _download(client: httpx.Client, url: str, path: Path) -> None:
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        with path.open("wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)


def _check(path: Path, url: str) -> None:
    told = HASH_IN_NAME.search(url)
    if told is None or not sha256(path).startswith(told[1]):
        raise ConfigError(f"{url}: what came is not what the name says (sha256 {sha256(path)}); nothing was prepared")


def _base(client: httpx.Client, name: str, folder: Path) -> None:
    """Config and tokenizer; a base model has some of the files only."""
    if not HUB_NAME.fullmatch(name):
        raise ConfigError(f"the checkpoint names {name[:100]!r} as its base, which is no name of a model")
    for file in BASE_FILES:
        try:
            _download(client, f"{os.environ.get('HF_ENDPOINT', HUB)}/{name}/resolve/main/{file}", folder / file)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise


def _by_hand(name: str, url: str, error: httpx.HTTPError) -> str:
    return (
        f"{name} cannot be fetched from here ({str(error) or type(error).__name__}). Where there is a network, get "
        f"{url}; bring it here and run leeway models prepare {name} --from CHECKPOINT, which says of which model on "
        f"{HUB} it needs config.json and the tokenizer's files as well"
    )
