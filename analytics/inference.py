"""Transformers on a CPU, faster than as they come: no padding to speak of, and matrices in the order the CPU likes."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor, dtype
    from torch.nn import Module

Precision = Literal["fp32", "bf16"]

CPU_INFO = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
BATCH_TOKENS, MOST_PADDED = 2048, 1.15
TYPICAL_ROWS = 1024  # tokens that a matrix is laid out for; any other number works as well


def even_batches(lengths: Sequence[int], *, tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Places of texts of nearly the same length: padding costs as much as text, and large batches leave the cache.

    A batch holds at most `tokens`, padding counted, unless one text alone has more.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batch: list[int] = []
    for i in order:
        full = (len(batch) + 1) * lengths[i] > tokens
        if batch and (full or lengths[i] > MOST_PADDED * lengths[batch[0]] + 2):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def forwarded(
    forward: Callable[[Any], "Tensor"], tokenizer: Any, *texts: Sequence[str], most: int
) -> npt.NDArray[np.float32]:
    """What `forward` makes of each text, a row each: it is given the tokens of texts of nearly the same length.

    `texts`: one sequence, or two that are read as pairs. `most`: tokens; of what is longer the (first) text is cut.
    """
    import torch  # noqa: PLC0415 - seconds to import; only in workers

    read = tokenizer(*map(list, texts), truncation="only_first", max_length=most)
    places: list[int] = []
    made = []
    with torch.inference_mode():
        for batch in even_batches([len(ids) for ids in read["input_ids"]]):
            chosen = {name: [values[i] for i in batch] for name, values in read.items()}
            made.append(forward(tokenizer.pad(chosen, return_tensors="pt")).numpy())
            places += batch
    return np.concatenate(made)[np.argsort(places)]


def native_precision() -> Precision:
    """What this CPU multiplies fastest without loss that matters: 16-bit floats where it has instructions for them."""
    try:
        told = CPU_INFO.read_text().split()
    except OSError:  # not Linux
        return "fp32"
    return "bf16" if BF16_FLAGS.intersection(told) else "fp32"


def pack(model: "Module", precision: Precision = "fp32") -> None:
    """Lay out every matrix of `model` for oneDNN once, not at each use.

    In fp32 results agree to the sixth digit; in bf16 factors are rounded, sums are not. Does nothing where this
    build of torch has no oneDNN.
    """
    import torch  # noqa: PLC0415

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    for linear in [module for module in model.modules() if isinstance(module, torch.nn.Linear)]:
        packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().to(kind), TYPICAL_ROWS)  # noqa: SLF001
        bias = getattr(linear, "bias", None)
        linear.forward = partial(_multiplied, packed, None if bias is None else bias.detach().to(kind), kind)  # type: ignore[method-assign]
        linear.weight.data = torch.empty(0)  # the packed twin is all that is used


def _multiplied(packed: "Tensor", bias: "Tensor | None", kind: "dtype", rows: "Tensor") -> "Tensor":
    import torch  # noqa: PLC0415

    made: Tensor = torch.ops.mkldnn._linear_pointwise(rows.to(kind), packed, bias, "none", [], "")  # noqa: SLF001
    return made.float()


def quantize(model: "Module") -> "Module":
    """Return `model` with matrices of 8-bit integers and each input quantised as it comes (torch's dynamic int8)."""
    import torch  # noqa: PLC0415

    with warnings.catch_warnings():  # deprecated in favour of a package that does not do this on CPUs
        warnings.simplefilter("ignore")
        quantized: Callable[..., Module] = torch.ao.quantization.quantize_dynamic
        return quantized(model, {torch.nn.Linear}, dtype=torch.qint8)
