"""Every file of a published index, with a bit flipped, cut short, emptied or gone.

The damage is noticed when the index is loaded; what came before serves, nothing is missing from the answers, a rebuild
is asked for, and the rebuild works.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrieval.embed import HashingEmbedder, QueryEncoder
from retrieval.index import dense as dense_module
from retrieval.index.build import build_generation, collection_folder, needs_build
from retrieval.search import Searcher
from tests.retrieval.library import OPERATOR, Library
from tests.retrieval.words import random_texts

COLLECTION = "c"
DAMAGE = ("bit", "cut", "empty", "gone")


@contextmanager
def _opened(home: Path) -> Iterator[tuple[Library, Searcher]]:
    library = Library(home)
    encoder = QueryEncoder(HashingEmbedder(64))
    with Searcher(library.catalog, library.indexes, lambda _model: encoder) as searcher:
        yield library, searcher
    encoder.close()
    library.catalog.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with two generations and a removal after the first."""
    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dense_module, "FLAT_LIMIT", 100)  # the larger set of files
        library = Library(home)
        library.collection(COLLECTION)
        first = library.add(COLLECTION, ["removed later"])
        library.add(COLLECTION, random_texts(150))
        build_generation(library.catalog, COLLECTION, library.indexes)
        library.remove(COLLECTION, first)
        library.add(COLLECTION, ["added later"])
        build_generation(library.catalog, COLLECTION, library.indexes)
        library.catalog.close()
    return home


def _files(folder: Path) -> list[str]:
    current = folder / "gen-000002"
    return [path.relative_to(folder).as_posix() for path in sorted(current.rglob("*")) if _is_artefact(path)]


def _is_artefact(path: Path) -> bool:
    return path.is_file() and not path.name.endswith(".lock")  # readers leave empty lock files behind


def _damage(path: Path, how: str, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if how == "bit":
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
    elif how == "cut":
        path.write_bytes(content[: rng.randrange(len(content))])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()


def _answers(searcher: Searcher) -> list[str]:
    return sorted(p.text for p in searcher.search(OPERATOR, "later added removed band", k=500))


@pytest.mark.fault
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", DAMAGE)
def test_damage_to_the_newest_generation(template: Path, tmp_path: Path, how: str) -> None:
    with _opened(template) as (_, searcher):
        expected = _answers(searcher)
    rng = random.Random(how)
    for number, name in enumerate(_files(collection_folder(template / "indexes", COLLECTION))):
        home = tmp_path / str(number)
        shutil.copytree(template, home)
        folder = collection_folder(home / "indexes", COLLECTION)
        _damage(folder / name, how, rng)
        with _opened(home) as (library, searcher):
            assert _answers(searcher) == expected, name
            (status,) = searcher.status()
            assert status.generation == "gen-000001", name
            (collection,) = library.catalog.all_collections()
            assert needs_build(library.catalog, collection, library.indexes), name
            assert build_generation(library.catalog, COLLECTION, library.indexes) == len(expected)
            assert not needs_build(library.catalog, collection, library.indexes), name
        with _opened(home) as (_, searcher):
            assert _answers(searcher) == expected, name
            assert searcher.status()[0].generation == "gen-000003"
        shutil.rmtree(home)


@pytest.mark.fault
@pytest.mark.parametrize("how", DAMAGE)
def test_damage_to_everything_leaves_the_catalog(template: Path, tmp_path: Path, how: str) -> None:
    with _opened(template) as (_, searcher):
        expected = _answers(searcher)
    home = tmp_path / "home"
    shutil.copytree(template, home)
    folder = collection_folder(home / "indexes", COLLECTION)
    rng = random.Random(how)
    for path in folder.rglob("*"):
        if _is_artefact(path):
            _damage(path, how, rng)
    with _opened(home) as (library, searcher):
        assert _answers(searcher) == expected
        (collection,) = library.catalog.all_collections()
        assert needs_build(library.catalog, collection, library.indexes, idle=True)
        build_generation(library.catalog, COLLECTION, library.indexes)
        assert not needs_build(library.catalog, collection, library.indexes, idle=True)
    with _opened(home) as (_, searcher):
        assert _answers(searcher) == expected
        assert searcher.status()[0].delta == 0


@pytest.mark.fault
@pytest.mark.parametrize("how", DAMAGE)
def test_damage_to_the_pointer(template: Path, tmp_path: Path, how: str) -> None:
    home = tmp_path / "home"
    shutil.copytree(template, home)
    _damage(collection_folder(home / "indexes", COLLECTION) / "CURRENT", how, random.Random(how))
    with _opened(template) as (_, undamaged), _opened(home) as (library, searcher):
        assert _answers(searcher) == _answers(undamaged)
        build_generation(library.catalog, COLLECTION, library.indexes)
    with _opened(home) as (_, searcher):
        assert searcher.status()[0].delta == 0
