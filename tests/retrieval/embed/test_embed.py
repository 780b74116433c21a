"""The encoders: one contract for all of them, and the library itself as the oracle for the direct path."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed import DEFAULT_MODEL, Embedder, HashingEmbedder, load_embedder
from retrieval.embed.batches import batches
from retrieval.embed.choose import multiplies_bf16
from retrieval.embed.layout import read_layout
from retrieval.embed.weights import MINILM_SHA256, WeightsMismatch, packaged_minilm, verify_weights
from retrieval.errors import InvalidInput
from tests.conftest import ENCODERS

# OpenVINO, and torch when left to choose, compute in bf16 where the processor does: about three digits.
CLOSE = 5e-3 if multiplies_bf16() else 1e-4

TEXTS = [
    "How can I protect myself while traveling?",
    "mask",
    "Watch for symptoms. " * 60,  # beyond the window
    "Die Katze schläft auf dem Sofa.",
    "",
    "Fever, chills, and a sore throat may appear 2-14 days after exposure to the virus.",
]


@pytest.fixture(params=["hashing", "minilm"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Give each implementation in turn."""
    return HashingEmbedder() if request.param == "hashing" else request.getfixturevalue("minilm")


class TestContract:
    def test_gives_unit_float32_rows(self, embedder: Embedder) -> None:
        vectors = embedder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_row_does_not_depend_on_the_batch(self, embedder: Embedder) -> None:
        together = embedder.encode(TEXTS * 3)
        alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
        np.testing.assert_allclose(together, np.tile(alone, (3, 1)), atol=CLOSE)

    def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert embedder.encode([]).shape == (0, embedder.dimension)

    def test_progress_ends_at_the_number_of_texts(self, embedder: Embedder) -> None:
        seen: list[int] = []
        embedder.encode(TEXTS * 5, on_progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == len(TEXTS) * 5


@pytest.fixture(scope="module")
def openvino() -> Embedder:
    """Give the embedded model on OpenVINO, converted once for all runs of the tests."""
    return load_embedder(DEFAULT_MODEL, dtype="openvino", cache_dir=ENCODERS)


def test_direct_path_equals_the_library(minilm_fp32: Embedder, openvino: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(packaged_minilm()), device="cpu")
    expected = library.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(minilm_fp32.encode(TEXTS), expected, atol=1e-4)
    np.testing.assert_allclose(openvino.encode(TEXTS), expected, atol=max(CLOSE, 1e-3))


def test_bf16_stays_close_to_fp32(minilm_fp32: Embedder) -> None:
    short = [TEXTS[0], TEXTS[1], TEXTS[5]]
    cosines = (load_embedder(DEFAULT_MODEL, dtype="bf16").encode(short) * minilm_fp32.encode(short)).sum(1)
    assert cosines.min() > 0.999


def test_openvino_may_be_called_from_many_threads(openvino: Embedder) -> None:
    expected = openvino.encode(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(openvino.encode, [TEXTS] * 24):
            np.testing.assert_allclose(vectors, expected, atol=CLOSE)


@pytest.mark.usefixtures("openvino")
def test_openvino_loads_from_the_cache_without_torch_and_tells_nobody(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "for name in ('torch', 'transformers', 'sentence_transformers'):\n"
        "    sys.modules[name] = None\n"
        "from retrieval.embed import DEFAULT_MODEL, load_embedder\n"
        "encoder = load_embedder(DEFAULT_MODEL, dtype='openvino', cache_dir=pathlib.Path(sys.argv[1]))\n"
        "assert encoder.encode(['a question'], kind='query').shape == (1, 384)\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(ENCODERS)], check=True, env=environment)
    assert list(tmp_path.iterdir()) == []  # telemetry would have left a client id


def test_a_folder_with_another_pooling_goes_through_the_library(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "cls-pooled"
    shutil.copytree(packaged_minilm(), folder)
    config = folder / "1_Pooling" / "config.json"
    switched = config.read_text().replace('mean_tokens": true', 'mean_tokens": false')
    config.write_text(switched.replace('cls_token": false', 'cls_token": true'))
    assert read_layout(folder) is None
    embedder = load_embedder(str(folder), dtype="fp32")
    vectors = embedder.encode(TEXTS[:2])
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(InvalidInput, match="fp32"):
        load_embedder(DEFAULT_MODEL, dtype="int4")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(b"not the model")
    with pytest.raises(WeightsMismatch, match="reinstall"):
        verify_weights(damaged, MINILM_SHA256)
    with pytest.raises(WeightsMismatch, match="cannot be read"):
        verify_weights(tmp_path / "absent", MINILM_SHA256)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, retrieval.embed; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_batches_cover_every_index_once_within_the_budget() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(2, 256, 500)] + [9000]
    cut = list(batches(lengths, tokens_per_batch=2048))
    assert sorted(index for batch in cut for index in batch) == list(range(501))
    assert all(len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 2048 for batch in cut)
