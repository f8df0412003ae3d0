"""The search index against the formula written out, against bm25s, and against the author's own stems."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from random import Random

import bm25s
import pytest

from dreamgym.core.errors import DataError
from dreamgym.environments.webshop.analyzer import terms
from dreamgym.environments.webshop.index_files import build_index, open_index, save_index
from dreamgym.environments.webshop.porter import stem

_STEMS = """
    caresses caress ponies poni ties ti caress caress cats cat feed feed agreed agre plastered plaster
    bled bled motoring motor sing sing conflated conflat troubled troubl sized size hopping hop tanned
    tan falling fall hissing hiss fizzed fizz failing fail filing file happy happi sky sky relational
    relat conditional condit rational ration valenci valenc digitizer digit conformabli conform
    radicalli radic differentli differ vileli vile analogousli analog vietnamization vietnam predication
    predic operator oper feudalism feudal decisiveness decis hopefulness hope callousness callous
    formaliti formal sensitiviti sensit sensibiliti sensibl triplicate triplic formative form formalize
    formal electriciti electr electrical electr hopeful hope goodness good revival reviv allowance allow
    inference infer airliner airlin gyroscopic gyroscop adjustable adjust defensible defens irritant
    irrit replacement replac adjustment adjust dependent depend adoption adopt homologou homolog
    communism commun activate activ angulariti angular homologous homolog effective effect bowdlerize
    bowdler probate probat rate rate cease ceas controll control roll roll possibly possibl archaeology
    archaeolog us us
"""
STEMS = _STEMS.split()


@pytest.mark.parametrize(("word", "wanted"), [*zip(STEMS[::2], STEMS[1::2], strict=True)])
def test_porters_own_examples_and_the_three_departures(word: str, wanted: str) -> None:
    assert stem(word) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The men's T-Shirt, and it's 14.5 inches", ["men", "t", "shirt", "14.5", "inch"]),
        ("note:as 1.material size:7 a.b", ["note:a", "1", "materi", "size", "7", "a.b"]),
        ("3,000mAh 1cm/0.4'' v1.08", ["3,000mah", "1cm", "0.4", "v1.08"]),
        ("❤❤★ ✿ ™ 👨‍💼 ♬", ["❤", "❤", "★", "👨‍💼", "♬"]),
        ("a _ b_c __", ["b_c"]),
        ("枕头 28°", ["枕", "头", "28"]),
        ("ｓize：medium m²", ["ｓize：medium", "m"]),
        ("x" * 300, ["x" * 255, "x" * 45]),
        ("", []),
    ],
)
def test_words_are_cut_by_unicodes_rules(text: str, wanted: list[str]) -> None:
    assert terms(text) == wanted


def brute_force(documents: dict[str, str], query: str, kept: dict[int, int]) -> dict[str, float]:
    """BM25 written out, in doubles; lengths as ``kept`` has them."""
    found = {id: terms(text) for id, text in documents.items()}
    average = sum(map(len, found.values())) / len(found)
    scores: dict[str, float] = {}
    for term, times in Counter(terms(query)).items():
        holders = [id for id, words in found.items() if term in words]
        idf = math.log(1 + (len(found) - len(holders) + 0.5) / (len(holders) + 0.5))
        for id in holders:
            length = kept.get(len(found[id]), len(found[id]))
            often = found[id].count(term)
            norm = 0.9 * (0.6 + 0.4 * length / average)
            scores[id] = scores.get(id, 0) + times * idf * often / (often + norm)
    return scores


def assert_best(found: list[str], scores: dict[str, float], count: int) -> None:
    """The ``count`` best, best first, as far as 32-bit floats can tell."""
    assert len(found) == min(count, len(scores))
    wanted = sorted(scores.values(), reverse=True)[:count]
    assert [scores[id] for id in found] == pytest.approx(wanted, abs=1e-5)


def random_text(rng: Random, words: int) -> str:
    return " ".join(f"w{int(60 ** rng.random())}" for _ in range(words))


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_the_formula(seed: int) -> None:
    rng = Random(seed)
    documents = {f"d{rng.random():.6f}": random_text(rng, 1 + int(rng.random() * 39)) for _ in range(200)}
    index = build_index(documents.items())
    for _ in range(20):
        query = random_text(rng, 1 + int(rng.random() * 4))
        scores = brute_force(documents, query, kept={})
        assert_best(index.search(query, 50), scores, 50)
        assert_best(index.search(query, 1000), scores, 1000)


def test_ranks_are_those_of_bm25s() -> None:
    rng = Random(7)
    documents = [random_text(rng, 1 + int(rng.random() * 39)) for _ in range(300)]
    index = build_index((f"{number:03d}", text) for number, text in enumerate(documents))
    reference = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    reference.index([terms(text) for text in documents], show_progress=False)
    for _ in range(20):
        query = random_text(rng, 3)
        wanted, scores = reference.retrieve([terms(query)], k=10, show_progress=False)
        found = [int(id) for id in index.search(query, 10)]
        by_number = dict(zip(wanted[0].tolist(), scores[0].tolist(), strict=True))
        least = min(by_number.values())  # of equal ones at the end, each may leave out another
        assert [by_number.get(number, least) for number in found] == pytest.approx(scores[0])


def test_a_length_is_kept_in_eight_bits() -> None:
    """Lucene keeps 40 and 41 as 40, 100 as 96: so texts of 40 and 41 words tie, and the id decides."""
    documents = {
        "c": "target " + "filler " * 39,
        "b": "target " + "filler " * 40,
        "a": "target " + "filler " * 41,
        "e": "target " + "filler " * 95,
        "d": "target " + "filler " * 99,
        "f": "filler",
    }
    index = build_index(documents.items())
    assert index.search("target", 10) == ["b", "c", "a", "d", "e"]
    kept = {40: 40, 41: 40, 42: 42, 96: 96, 100: 96}
    assert_best(index.search("target filler", 3), brute_force(documents, "target filler", kept), 3)


def test_the_best_of_many_blocks_are_all_found() -> None:
    """With more documents than are looked at one by one; ties are broken by id among them all."""
    rng = Random(1)
    documents = {f"{int(rng.random() * 10**9):09d}": random_text(rng, 6) for _ in range(60_000)}
    index = build_index(documents.items())
    mixed = [random_text(rng, 1 + number % 5) for number in range(30)]
    for query in ("w1", "w1 w2", "w59", "w40 w41 w42", "w3 w3 w50", *mixed):
        everything = index.search(query, len(documents))
        assert index.search(query, 20) == everything[:20]
        assert len(everything) > 1000


def test_nothing_is_found_for_no_known_word() -> None:
    index = build_index([("a", "red shirt"), ("b", "")])
    assert index.search("the of", 5) == index.search("unknown", 5) == index.search("", 5) == []
    assert index.search("shirts", 5) == ["a"]
    assert build_index([]).search("shirt", 5) == []


def test_a_stored_index_is_mapped_and_answers_the_same(tmp_path: Path) -> None:
    rng = Random(3)
    index = build_index((f"{number}", random_text(rng, 20)) for number in range(500))
    save_index(index, tmp_path / "index")
    opened = open_index(tmp_path / "index")
    assert type(opened.scores_P).__name__ == "memmap"
    for query in ("w1", "w5 w9", "w30 w1 w1"):
        assert opened.search(query, 50) == index.search(query, 50)


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: no search index"):
        open_index(tmp_path)
    save_index(build_index([("a", "red")]), tmp_path / "index")
    (tmp_path / "index" / "scores_P.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="build it again"):
        open_index(tmp_path / "index")
    (tmp_path / "index" / "scores_P.npy").write_bytes(b"")
    with pytest.raises(DataError, match="build it again"):
        open_index(tmp_path / "index")
    (tmp_path / "index" / "index.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="build it again"):
        open_index(tmp_path / "index")


def test_an_id_stands_for_one_document() -> None:
    with pytest.raises(DataError, match="'a' stands for more than one"):
        build_index([("a", "red"), ("b", "blue"), ("a", "green")])
