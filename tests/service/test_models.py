"""Names of models: versions fit for paths, whatever the model behind them is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.catalog import Catalog
from retrieval.embed import HashingEmbedder, QueryEncoder
from service.errors import ApiError
from service.models import Models
from service.policies import PolicyBook, version_name
from service.settings import Settings
from service.versions.loading import Loader
from tests.service.http_world import FirstSentencePolicy, light_settings, load_light, running
from training.policy.extractive import ExtractivePolicy, Prior

REMOTE = "Qwen/Qwen2.5-7B-Instruct"


@given(st.text(max_size=40))
def test_a_version_name_fits_everywhere_and_stays(model: str) -> None:
    name = version_name(model)
    assert name
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert version_name(name) == name


class _Elsewhere(FirstSentencePolicy):
    version = version_name(REMOTE)


class _OneEncoder:
    def load(self, name: str) -> tuple[HashingEmbedder, QueryEncoder]:
        """Give the same encoder for every name."""
        embedder = HashingEmbedder()
        queries = QueryEncoder(embedder)
        queries.close()
        return embedder, queries


def test_a_remote_policy_has_the_name_of_its_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("training.policy.extractive.ExtractivePolicy", lambda *args, **more: FirstSentencePolicy())
    settings = Settings(home=tmp_path, policy="remote", remote_base_url="http://127.0.0.1:9/v1", remote_model=REMOTE)

    remote, embedded = Loader(settings, _OneEncoder()).bases()  # type: ignore[arg-type]
    remote.close()
    assert (remote.version, embedded.version) == ("Qwen-Qwen2.5-7B-Instruct", "base-extractive")


def test_a_model_with_a_slash_can_be_looked_at_pinned_and_asked(tmp_path: Path) -> None:
    def load(settings: Settings, catalog: Catalog) -> Models:
        light = load_light(settings, catalog)
        book = PolicyBook([_Elsewhere(), FirstSentencePolicy()], loaded_at=0)
        return Models(light.searcher, book, light.close)

    with running(light_settings(tmp_path, None), load=load) as server:
        client = server.openai("user")
        listed = [model.id for model in client.models.list()]
        assert listed == ["groundloop", "groundloop@Qwen-Qwen2.5-7B-Instruct", "groundloop@base-extractive"]
        for name in (*listed, f"groundloop@{REMOTE}"):
            shown = client.models.retrieve(name).id
            assert shown in listed
            answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "What?"}])
            assert answer.model == (shown if "@" in shown else listed[1])
        with server.http("user") as http:
            assert http.get(f"/v1/models/groundloop@{REMOTE}").json()["id"] == listed[1]
            for unknown in ("nothing", "groundloop@a/b", "a/b/c", "@base-extractive"):
                refused = http.get(f"/v1/models/{unknown}")
                assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("model", "fitted"),
    [
        ("all-MiniLM-L6-v2", True),
        ("sentence-transformers/all-MiniLM-L6-v2", True),
        ("/models/all-MiniLM-L6-v2", True),
        ("hashing", False),
        ("BAAI/bge-small-en-v1.5", False),
    ],
)
@pytest.mark.parametrize("threshold", [None, 0.3])
def test_the_shipped_prior_serves_only_with_the_model_it_was_fitted_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, model: str, fitted: bool, threshold: float | None
) -> None:
    settings = Settings(home=tmp_path, embedding_model=model, abstain_threshold=threshold)
    [policy] = [one.policy for one in Loader(settings, _OneEncoder()).bases()]  # type: ignore[arg-type]
    expected = Prior.shipped() if fitted else Prior.similarity()
    assert isinstance(policy, ExtractivePolicy)
    prior = policy._prior
    assert (prior.pointer == expected.pointer).all()
    assert (prior.screen == expected.screen).all()
    assert (prior.halt == expected.halt).all() == (threshold is None)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == (not fitted)
    assert all("all-MiniLM-L6-v2" in line and model in line for line in warned)


def test_an_unknown_version_is_refused_with_those_that_exist() -> None:
    book = PolicyBook([_Elsewhere()], loaded_at=0)
    with pytest.raises(ApiError, match=r"groundloop@Qwen-Qwen2\.5-7B-Instruct"):
        book.pinned("other/model")
