"""With the embedded encoder on OpenVINO, documents are ingested, searched and answered from where torch cannot be had.

Torch costs every process that imports it seconds and hundreds of MB; this keeps it out of the ones that run all day.
The conversion does need it, in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ENCODERS, ROOT

SCRIPT = """
import sys

HEAVY = ("torch", "transformers", "sentence_transformers", "peft", "accelerate")

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise AssertionError(name + " was imported")

sys.meta_path.insert(0, Blocked())

import service.app
from retrieval.catalog import Catalog
from service.jobs.ingest_process import main
from service.models import load_models
from service.settings import load_settings
from tests.service.jobs.documents import OPERATOR, upload
from training.policy.base import Prompt, Sampling, ShownPassage

settings = load_settings()
settings.home.mkdir()
catalog = Catalog.open(settings.home)
upload(catalog, "cats.md", b"# Cats\\n\\nA cat sleeps for thirteen hours a day.", embedding_model="all-MiniLM-L6-v2")
assert main([]) == 0
models = load_models(settings, catalog)
(passage,) = models.searcher.search(OPERATOR, "How long do felines rest?", mode="dense")
assert passage.dense_score > 0.3, passage
shown = ShownPassage(
    number=1, chunk_id=passage.chunk_id, document_id=passage.document_id, title=passage.title, text=passage.text,
    score=passage.score, dense_score=passage.dense_score, lexical_score=passage.lexical_score,
    filename=passage.filename, start=passage.start,
)
asked = Prompt("How long does a cat sleep?", (shown,))
((answer,),) = models.policies.route("user").policy.sample([asked], 1, Sampling())
assert "thirteen hours" in answer.text, answer
models.close()
catalog.close()
"""


def test_ingest_search_and_answer_without_torch(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GROUNDLOOP_HOME": str(tmp_path / "home"),
        "GROUNDLOOP_ENCODER_CACHE": str(ENCODERS),
        "GROUNDLOOP_EMBEDDING_DTYPE": "openvino",
        "GROUNDLOOP_INGEST_LINGER_S": "0",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
