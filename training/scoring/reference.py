"""What the reference model said, kept on disk: log-probabilities that never change are computed once.

A key is a SHA-256 of exactly what the values depend on: the weights, the adapter, the token ids of prompt and answers,
the temperature and the dtype (after open-instruct's cache). Values are packed into shards, each named by the SHA-256 of
its content; a damaged shard is deleted and its values are computed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from retrieval.durable import make_directory, write_file_atomic

_log = logging.getLogger(__name__)
_PREFIX, _SUFFIX = "reference-", ".safetensors"
FLUSH_BYTES = 8 * 2**20  # what a crash can cost: at most so much is computed again
MOST_BYTES = 2 * 2**30


class ReferenceCache:
    """Values by key, in memory until a shard is full, then on disk. Not thread-safe; processes may share the folder."""

    def __init__(self, directory: Path, *, flush_bytes: int = FLUSH_BYTES, most_bytes: int = MOST_BYTES) -> None:
        """Open a cache; the directory is made when absent.

        Args:
            directory: Holds shards and nothing else.
            flush_bytes: Values are written when so many are waiting.
            most_bytes: Of all shards together; the oldest go when there are more.
        """
        self._directory = directory
        self._flush_bytes = flush_bytes
        self._most_bytes = most_bytes
        self._waiting: dict[str, Tensor] = {}
        self._waiting_bytes = 0
        self._homes: dict[str, Path] = {}
        self._open: dict[Path, Any] = {}
        self.computed = 0  # values that were not there
        make_directory(directory)
        for shard in self._shards():
            self._take_in(shard)

    def __enter__(self) -> ReferenceCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def __len__(self) -> int:
        return len(self._homes.keys() | self._waiting.keys())

    def get_or_compute(self, key: str, compute: Callable[[], Tensor]) -> Tensor:
        """Give a value, computing it where it is not kept.

        Args:
            key: From `reference_key`.
            compute: Gives the value; its gradient, if any, is dropped.

        Returns:
            The value on the CPU.

        Raises:
            StorageFull: The disk refused a shard; the values stay in memory and the next flush tries again.
        """
        found = self._waiting.get(key)
        if found is None and key in self._homes:
            found = self._open[self._homes[key]].get_tensor(key)
        if found is not None:
            return found
        value = compute().detach().cpu().contiguous()
        self.computed += 1
        self._waiting[key] = value
        self._waiting_bytes += value.nbytes
        if self._waiting_bytes >= self._flush_bytes:
            self.flush()
        return value

    def flush(self) -> None:
        """Write what is waiting as one shard; it is on disk when this returns. Raises StorageFull."""
        if not self._waiting:
            return
        data = save(self._waiting)
        path = self._directory / f"{_PREFIX}{hashlib.sha256(data).hexdigest()}{_SUFFIX}"
        write_file_atomic(path, data)
        self._waiting, self._waiting_bytes = {}, 0
        self._take_in(path)
        self._make_room()

    def _shards(self) -> list[Path]:
        found = self._directory.glob(f"{_PREFIX}*{_SUFFIX}")
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def _take_in(self, shard: Path) -> None:
        """Check a shard against its name and learn its keys."""
        try:
            with shard.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if shard.name != f"{_PREFIX}{digest}{_SUFFIX}":
                raise SafetensorError("its content is not what was written")
            opened: Any = safe_open(shard, framework="pt")
            self._homes.update(dict.fromkeys(opened.keys(), shard))
            self._open[shard] = opened
        except FileNotFoundError:
            pass  # another process made room
        except SafetensorError as error:
            _log.warning("%s is damaged and computed again: %s", shard, error)
            shard.unlink(missing_ok=True)

    def _make_room(self) -> None:
        shards = self._shards()
        total = sum(path.stat().st_size for path in shards)
        for shard in shards[:-1]:
            if total <= self._most_bytes:
                return
            total -= shard.stat().st_size
            self._open.pop(shard, None)
            self._homes = {key: home for key, home in self._homes.items() if home != shard}
            shard.unlink(missing_ok=True)


def reference_key(
    model_digest: str, prompt_ids: Sequence[int], answers: Sequence[Sequence[int]], *, temperature: float, dtype: str
) -> str:
    """Give the key of the log-probabilities of K answers to one prompt.

    Args:
        model_digest: Of weights and adapter, from `weights_digest`.
        prompt_ids: The prompt's tokens; tokenizer and template matter only through them.
        answers: The answers' tokens, in the order of the value's rows.
        temperature: As scored.
        dtype: Of the model, such as "bfloat16".

    Returns:
        A SHA-256 in hexadecimal.
    """
    what = [model_digest, list(prompt_ids), [list(answer) for answer in answers], float(temperature), dtype]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def weights_digest(model: Any, *, adapter: bool = False) -> str:
    """Digest a model's settings and weights; about a second for each gigabyte.

    Args:
        model: A Hugging Face model, or a PEFT model of one.
        adapter: Whether the adapter's weights count, or only those of the base below it.

    Returns:
        A SHA-256 in hexadecimal. The base of a PEFT model has the digest of the plain model.
    """
    wrapped = hasattr(model, "peft_config")
    base = model.get_base_model() if wrapped else model
    prefix = f".{model.base_model.prefix}" if wrapped else ""
    whole = hashlib.sha256()
    settings = base.config.to_dict()
    for name in ("_name_or_path", "transformers_version", "dtype", "use_cache"):
        settings.pop(name, None)
    whole.update(json.dumps(settings, sort_keys=True, default=str).encode())
    weights = {}
    for name, tensor in base.state_dict().items():
        own = bool(wrapped) and (prefix in f".{name}" or ".modules_to_save." in name)
        if adapter or not own:
            weights[name.replace(".base_layer.", ".").replace(".original_module.", ".")] = tensor
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        whole.update(tensor.view(-1).view(torch.uint8).numpy())
    if adapter and wrapped:
        for name in sorted(model.peft_config):
            whole.update(json.dumps([name, model.peft_config[name].to_dict()], sort_keys=True, default=str).encode())
    return whole.hexdigest()
