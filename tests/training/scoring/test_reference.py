"""What is kept of the reference: computed once, found again, never a damaged or a foreign value."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.scoring.models import tiny, with_lora
from training.scoring.reference import ReferenceCache, reference_key, weights_digest


def value(number: int) -> torch.Tensor:
    return torch.full((2, 3), float(number))


def never() -> torch.Tensor:
    raise AssertionError("computed although it was kept")


def fill(directory: Path, numbers: range, **options: int) -> None:
    with ReferenceCache(directory, **options) as cache:
        for number in numbers:
            cache.get_or_compute(f"key{number}", lambda number=number: value(number))


def test_computed_once_and_found_again(tmp_path: Path) -> None:
    fill(tmp_path / "cache", range(5))
    with ReferenceCache(tmp_path / "cache") as cache:
        assert len(cache) == 5
        for number in range(5):
            assert torch.equal(cache.get_or_compute(f"key{number}", never), value(number))
        assert torch.equal(cache.get_or_compute("new", lambda: value(9)), value(9))
        assert torch.equal(cache.get_or_compute("new", never), value(9))
        assert cache.computed == 1
    assert len(list((tmp_path / "cache").iterdir())) == 2  # one shard a run, not one file a value


def test_shards_are_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    each = value(0).nbytes
    fill(tmp_path, range(10), flush_bytes=2 * each)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 5
    fill(tmp_path, range(10, 12), most_bytes=int(3.5 * max(sizes)))
    cache = ReferenceCache(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert torch.equal(cache.get_or_compute("key11", never), value(11))
    assert torch.equal(cache.get_or_compute("key0", lambda: value(0)), value(0))
    assert cache.computed == 1


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign"])
def test_a_damaged_shard_is_computed_again(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    fill(tmp_path, range(3))
    fill(tmp_path, range(3, 6))
    shard = next(path for path in tmp_path.iterdir() if b"key0" in path.read_bytes())
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes({"flip": bytes(data), "cut": data[:-4], "empty": b"", "foreign": b"not a shard"}[damage])
    with ReferenceCache(tmp_path) as cache:
        assert "damaged" in caplog.text
        for number in range(6):
            assert torch.equal(cache.get_or_compute(f"key{number}", lambda n=number: value(n)), value(number))
        assert cache.computed == 3
    assert len(ReferenceCache(tmp_path)) == 6


def test_what_a_crash_left_is_not_read(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    (tmp_path / ".tmp-reference-half").write_bytes(b"half of a shard")
    assert len(ReferenceCache(tmp_path)) == 3


def test_gradients_and_devices_stay_outside(tmp_path: Path) -> None:
    with ReferenceCache(tmp_path) as cache:
        found = cache.get_or_compute("key", lambda: torch.ones(2, requires_grad=True) * 2)
    assert not found.requires_grad


def test_the_key_depends_on_exactly_what_matters() -> None:
    def key(digest: str = "d", prompt=(1, 2), answers=((3,), (4, 5)), temperature=1.0, dtype="float32") -> str:  # type: ignore[no-untyped-def]
        return reference_key(digest, prompt, answers, temperature=temperature, dtype=dtype)

    others = [
        key("e"),
        key(prompt=(1, 2, 3)),
        key(prompt=(1,), answers=((2, 3), (4, 5))),
        key(answers=((3, 4), (5,))),
        key(answers=((4, 5), (3,))),
        key(temperature=0.7),
        key(dtype="bfloat16"),
    ]
    assert len({key(), *others}) == 1 + len(others)
    assert key(prompt=[1, 2], answers=[[3], [4, 5]], temperature=1) == key()


def test_weights_are_told_apart() -> None:
    plain = weights_digest(tiny("Qwen2"))
    assert plain == weights_digest(tiny("Qwen2"))
    adapted = with_lora(tiny("Qwen2"))
    assert weights_digest(adapted) == plain  # the base below an adapter is the base
    assert weights_digest(adapted, adapter=True) != plain
    assert weights_digest(adapted, adapter=True) != weights_digest(with_lora(tiny("Qwen2"), seed=2), adapter=True)
    others = [tiny("Qwen2", seed=1), tiny("Qwen2", rope_theta=5e5), tiny("Qwen2", dtype=torch.bfloat16), tiny("Llama")]
    assert plain not in [weights_digest(model) for model in others]
    nudged = tiny("Qwen2")
    with torch.no_grad():
        nudged.model.norm.weight[0] += 1e-3
    assert weights_digest(nudged) != plain
