"""One base model that several policies answer with, each through a LoRA adapter of its own.

An adapter is loaded beside the others and taken away again while requests go on. All decoding happens on one thread,
and whatever changes the model happens there too, between two tokens: a request keeps its adapter to its last token.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from training.policy.base import PolicyUnavailable
from training.policy.causal.load import load_model
from training.policy.causal.policy import CausalLMPolicy
from training.policy.causal.worker import Job, Worker

T = TypeVar("T")


class SharedModel:
    """A causal LM and the adapters that are loaded for it. Thread-safe."""

    def __init__(self, model: Any, tokenizer: Any, context_tokens: int, *, at_once: int = 4) -> None:
        """Share a loaded model without an adapter; see `load` for the usual way."""
        self._model = model  # a PeftModel from the first adapter on
        self._tokenizer = tokenizer
        self._window = context_tokens
        self._worker = Worker("policies", at_once)
        self._active: str | None = None
        self._names = (f"adapter{number}" for number in itertools.count(1))

    @classmethod
    def load(cls, model_name_or_path: str, *, device: str = "auto", dtype: str = "auto") -> SharedModel:
        """Load a model; the arguments are those of `CausalLMPolicy.load`."""
        model, tokenizer, window = load_model(model_name_or_path, None, device, dtype, False)
        return cls(model, tokenizer, window)

    def policy(self, version: str, adapter: Path | None) -> CausalLMPolicy:
        """Make a policy; its `close` takes its adapter out of the model again.

        Args:
            version: Name recorded on every answer.
            adapter: PEFT adapter folder; None for the base alone.

        Returns:
            The policy, ready to answer.

        Raises:
            PolicyUnavailable: The adapter does not fit the model or cannot be read, or the model was closed.
        """
        name = None
        if adapter is not None:
            name = next(self._names)
            self._between_tokens(partial(self._add, name, adapter))
        view = _View(self, name)
        return CausalLMPolicy(
            view,
            self._tokenizer,
            version=version,
            context_tokens=self._window,
            worker=self._worker,
            release=lambda: self._drop(name),
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters in memory."""
        return tuple(getattr(self._model, "peft_config", {}))

    def close(self) -> None:
        """Fail what is running and let go of the model."""
        self._worker.close()
        self._model = None

    def activate(self, name: str | None) -> Any:
        """Give the model with one adapter active, or with none. For the decoding thread."""
        if self.adapters and name != self._active:
            tuner = self._model.base_model
            if name is None:
                tuner.disable_adapter_layers()
            else:
                if self._active is None:
                    tuner.enable_adapter_layers()
                self._model.set_adapter(name, inference_mode=True)
            self._active = name
        return self._model

    def _add(self, name: str, adapter: Path) -> None:
        from peft import PeftConfig, get_peft_model

        if not self.adapters:
            config = PeftConfig.from_pretrained(str(adapter))
            config.inference_mode = True
            self._model, self._active = get_peft_model(self._model, config, adapter_name=name), name
        try:
            # Where the name is there already, only its weights are read.
            self._model.load_adapter(str(adapter), adapter_name=name, is_trainable=False)
        except BaseException:
            if name in self.adapters:
                self._remove(name)
            raise
        self._model.eval()

    def _drop(self, name: str | None) -> None:
        if name is None:
            return
        with contextlib.suppress(PolicyUnavailable):  # the model itself was closed
            self._between_tokens(lambda: self._remove(name))

    def _remove(self, name: str) -> None:
        others = [other for other in self.adapters if other != name]
        if not others:
            self._model = self._model.unload()
            self._active = None
            return
        if self._active == name:
            self.activate(others[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another adapter is active now is what we want
            self._model.delete_adapter(name)

    def _between_tokens(self, change: Callable[[], None]) -> None:
        """Change the model on the decoding thread and wait for it."""
        over, failure = Event(), list[BaseException]()

        def steps() -> Iterator[None]:
            change()
            over.set()
            yield

        def failed(error: BaseException) -> None:
            failure.append(error)
            over.set()

        self._worker.submit(Job(steps, lambda: False, failed, over.set))
        over.wait()
        if failure:
            raise failure[0]


class _View:
    """The shared model as one policy sees it: with its adapter."""

    def __init__(self, shared: SharedModel, adapter: str | None) -> None:
        self._shared = shared
        self._adapter = adapter

    def __call__(self, **inputs: Any) -> Any:
        return self._shared.activate(self._adapter)(**inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared._model, name)
