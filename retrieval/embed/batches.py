"""Cuts a call into encoder batches of similar length, so that little work goes into padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

TOKENS_PER_BATCH = 4096  # 32 chunks of 128 tokens: throughput is flat beyond that on CPU, memory is not
_MIN_BATCH = 8  # below it, what a batch saves is more than what padding costs
_MIN_FILL = 0.7  # shortest over longest in one batch


def batches(lengths: Sequence[int], *, tokens_per_batch: int = TOKENS_PER_BATCH) -> Iterator[list[int]]:
    """Group indices by length, longest first, so that the peak of memory comes at once and not after an hour.

    Args:
        lengths: Tokens of each text.
        tokens_per_batch: Bound on longest × count of one batch; a single longer text is still a batch.

    Yields:
        list[int]: Indices into `lengths`; each index occurs once.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batch: list[int] = []
    for index in order:
        longest = lengths[batch[0]] if batch else 0
        full = bool(batch) and longest * (len(batch) + 1) > tokens_per_batch
        ragged = len(batch) >= _MIN_BATCH and lengths[index] < _MIN_FILL * longest
        if full or ragged:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
