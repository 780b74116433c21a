"""How much the chat takes on and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.chat.trial import TrialOptions

if TYPE_CHECKING:
    from service.settings import Settings


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Limits and defaults of the chat route. Times are in seconds."""

    max_running: int = 8  # answers made at once; also the size of the thread pool
    max_waiting: int = 64  # requests in line behind them
    max_waiting_per_key: int = 16  # of which one key may hold this many
    max_wait_s: float = 10.0  # in line; then 503
    heartbeat_s: float = 15.0  # silence on a stream before a `: ping`
    send_timeout_s: float = 30.0  # a reader that takes nothing for this long is gone
    answer_timeout_s: float = 300.0  # from admission to the last token
    headers_wait_s: float = 2.0  # a policy that fails this early still gets a proper HTTP status
    drain_s: float = 8.0  # open answers may finish for this long after SIGTERM
    record_timeout_s: float = 1.0  # a stalled Redis is not passed on to the reader
    passages: int = 8  # shown to the policy
    default_max_tokens: int = 512
    largest_max_tokens: int = 32_768
    temperature: float = 0.0
    again_temperature: float = 0.7  # of one more answer to the same prompt: the likeliest one has been given
    max_history_turns: int = 20
    trial: TrialOptions = TrialOptions()

    @classmethod
    def of(cls, settings: Settings) -> ChatOptions:
        """Take what the settings say."""
        return cls(
            max_running=settings.chat_max_running,
            max_waiting=settings.chat_max_waiting,
            max_waiting_per_key=settings.chat_max_waiting_per_key,
            max_wait_s=settings.chat_max_wait_s,
            heartbeat_s=settings.heartbeat_s,
            # The rest of the grace is for the final events and for closing.
            drain_s=settings.graceful_shutdown_s * 0.6,
            record_timeout_s=settings.redis_timeout_s,
            passages=settings.passages_shown,
            trial=TrialOptions.of(settings),
            default_max_tokens=settings.chat_max_tokens,
        )
