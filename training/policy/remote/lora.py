"""LoRA adapters on a running vLLM server: `POST /v1/load_lora_adapter` and `/v1/unload_lora_adapter`.

The server must have been started with `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`, and read the adapter's
folder at the path that it is given. A name always means the same adapter, so one that is loaded already is as good as
one that was just loaded.
"""

from __future__ import annotations

import httpx

from training.policy.base import PolicyUnavailable
from training.policy.remote.calls import Patience, Refused, detail_of

_ALREADY = "already been loaded"  # the one 400 that means that all is well


class LoraServer:
    """Loads and unloads adapters. Thread-safe. Several clients may do so at once."""

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Plan it; nothing is sent.

        Args:
            base_url: Up to and with `/v1`.
            api_key: Sent as a bearer token; empty for none.
            patience: Timeouts; an adapter may take `read_s` to load.
            transport: How to reach the server, for tests and proxies.
        """
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(patience.read_s, connect=patience.connect_s),
            transport=transport,
            trust_env=False,
        )

    def load(self, name: str, path: str) -> None:
        """Load an adapter; one of this name that is there already is taken for it.

        Args:
            name: By which requests ask for it.
            path: Of its folder, as the server sees it.

        Raises:
            PolicyUnavailable: The server cannot be reached or failed.
            Refused: It will not load this adapter, or adapters at all.
        """
        response = self._post("load_lora_adapter", {"lora_name": name, "lora_path": path})
        if response.status_code == 400 and _ALREADY in detail_of(response):
            return
        _check(response, f"to load the adapter {name} from {path}")

    def unload(self, name: str) -> None:
        """Unload an adapter; one that is gone already stays gone.

        Args:
            name: As it was loaded.

        Raises:
            PolicyUnavailable: The server cannot be reached or failed.
            Refused: It will not unload adapters.
        """
        response = self._post("unload_lora_adapter", {"lora_name": name})
        if response.status_code == 404 and name in detail_of(response):
            return
        _check(response, f"to unload the adapter {name}")

    def close(self) -> None:
        """Close the connections; what is loaded stays loaded."""
        self._client.close()

    def _post(self, route: str, body: dict[str, str]) -> httpx.Response:
        try:
            return self._client.post(route, json=body)
        except httpx.HTTPError as error:
            raise PolicyUnavailable(f"the model server cannot be reached: {type(error).__name__}") from error


def _check(response: httpx.Response, what: str) -> None:
    if response.status_code == 200:
        return
    detail = detail_of(response)
    if response.status_code == 404 and detail == "Not Found":
        detail = "it has no such route; start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
    if response.status_code >= 500:
        raise PolicyUnavailable(f"the model server failed {what}: {response.status_code}: {detail}")
    raise Refused(response.status_code, f"asked {what}: {detail}")
