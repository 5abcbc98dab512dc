"""What the generated data sets promise."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from sracl.data import synthetic
from sracl.data.catalogue import Catalogue
from sracl.data.interactions import Interactions
from sracl.data.splits import evaluation_prefixes, training_prefixes
from sracl.registry.catalog import catalog
from sracl.registry.parameters import bind


@functools.cache
def shop() -> Interactions:
    return synthetic.demo()


@functools.cache
def similarity() -> NDArray[np.float64]:
    """Cosine of all pairs of item texts, float [V, V]."""
    texts = [" ".join([t.title, t.brand, *t.categories, t.description]) for t in shop().texts]
    vectors = TfidfVectorizer().fit_transform(texts)
    return np.asarray((vectors @ vectors.T).todense())


def hit_rate(scores: NDArray[np.float64], k: int = 20) -> float:
    """HR@k of scores [U, V] on the test items; items of the history are left out, since users repeat none."""
    test = evaluation_prefixes(shop(), "test", max_length=1000)
    scores = scores.copy()
    for user in range(shop().num_users):
        scores[user, shop().sequence(user)[:-1] - 1] = -np.inf
    own = np.take_along_axis(scores, test.targets[:, None] - 1, axis=1)
    return float(((scores > own).sum(axis=1) < k).mean())


def last_items() -> NDArray[np.int64]:
    return shop().items[shop().offsets[1:] - 2]


def test_the_shop_is_large_enough_to_mean_something_and_small_enough_to_train() -> None:
    data = shop()
    assert data.num_users == 600
    assert 640 <= data.num_items <= 720  # of 720 generated, those that somebody chose
    assert data.notes == ()
    assert len({text.categories[0] for text in data.texts}) == 4
    assert len({text.categories for text in data.texts}) == 12
    assert len({text.brand for text in data.texts}) == 24
    assert 2_500 < len(training_prefixes(data, 20)) <= 6_000
    assert data.lengths.min() >= 5


def test_the_shop_is_sparse_with_a_long_tail() -> None:
    trained = np.concatenate([shop().sequence(user)[:-2] for user in range(shop().num_users)])
    seen = np.bincount(trained, minlength=shop().num_items + 1)[1:]
    assert 4 <= np.median(seen) <= 10
    # The most popular tenth of the items takes well over a tenth of all choices.
    assert np.sort(seen)[-(len(seen) // 10) :].sum() / seen.sum() > 0.2


def test_nobody_in_the_shop_chooses_twice() -> None:
    assert all(len(np.unique(shop().sequence(user))) == shop().lengths[user] for user in range(shop().num_users))


def test_every_item_of_the_shop_has_words_for_itself() -> None:
    for text in shop().texts:
        assert text.title.startswith(text.brand)
        assert len(text.title.split()) >= 5
        assert len(text.description.split()) >= 8
        assert text.description[0].isupper()
        assert set(text.attributes) == {"colour", "material", "range"}
    assert len({text.title for text in shop().texts}) > 0.99 * shop().num_items


def test_users_of_the_shop_stay_within_their_interests() -> None:
    same = [
        shop().text(a).categories == shop().text(b).categories
        for user in range(shop().num_users)
        for a, b in zip(shop().sequence(user)[:-1], shop().sequence(user)[1:], strict=True)
    ]
    # 12 categories of one size: two items drawn at random share theirs in 1 of 12 cases.
    assert np.mean(same) > 4 / 12


def test_the_ceiling_of_the_shop_is_the_oracles_and_stays_in_reach() -> None:
    ceiling = synthetic.demo_ceiling()
    assert 0.1 < ceiling["hr@1"] < ceiling["hr@5"] < ceiling["hr@10"] < ceiling["hr@20"] < 0.9
    assert ceiling["ndcg@1"] == ceiling["hr@1"]
    assert ceiling["ndcg@20"] < ceiling["hr@20"]


def test_the_oracle_keeps_its_word() -> None:
    """Users drawn again and again from the same walk choose one of the oracle's twenty as often as it says."""
    catalogue = Catalogue.drawn(480, np.random.default_rng(0))
    fit, call = synthetic._fit(catalogue, 1.0), synthetic._call(catalogue, 1.0)
    generator = np.random.default_rng(3)
    hits, expected = [], []
    for _ in range(2_000):
        sequence, outlook = synthetic._walk(fit[generator.permutation(len(fit))[:2]], call, 4, 0.8, generator)
        best = np.argsort(-outlook)[:20]
        hits.append(sequence[-1] in best)
        expected.append(outlook[best].sum())
        assert outlook.sum() == pytest.approx(1)
        assert outlook[sequence[:-1]].max() == 0
    # A share of about 2/3 over 2,000 draws has a standard error of .0105; four of them.
    assert np.mean(hits) == pytest.approx(np.mean(expected), abs=0.042)


def test_without_focus_popularity_is_all_there_is() -> None:
    # Every item fits and is called for alike: interests and history (but for repeats) tell nothing.
    ceiling = synthetic.demo_ceiling(focus=0.0)
    assert ceiling["hr@20"] < 0.25 < synthetic.demo_ceiling()["hr@20"]


def test_texts_of_the_shop_tell_more_than_popularity_and_less_than_everything() -> None:
    trained = training_prefixes(shop(), 20).targets
    popularity = np.bincount(trained, minlength=shop().num_items + 1)[1:].astype(float)
    by_popularity = hit_rate(np.tile(popularity, (shop().num_users, 1)))
    by_text = hit_rate(similarity()[last_items() - 1])
    ceiling = synthetic.demo_ceiling()["hr@20"]
    chance = 20 / shop().num_items
    assert chance < by_popularity < 0.2
    assert 1.5 * by_popularity < by_text < 0.6 * ceiling


@pytest.mark.parametrize("name", ["demo", "markov"])
def test_a_negative_seed_is_refused_before_anything_is_drawn(name: str) -> None:
    _, problems = bind(catalog(), "dataset", {"use": name, "seed": -1}, "data")
    assert problems == [("data.seed", "Should be an integer of at least 0, got -1.")]


def test_the_shop_is_the_same_each_time_and_another_with_another_seed() -> None:
    assert shop().fingerprint == synthetic.demo().fingerprint
    assert (shop().items == synthetic.demo().items).all()
    assert shop().fingerprint != synthetic.demo(seed=1).fingerprint


def test_small_shops_can_be_had() -> None:
    small = synthetic.demo(num_users=30, num_items=60, mean_length=6)
    assert small.num_users == 30
    assert small.num_items <= 60


def test_a_sharp_chain_is_one_cycle() -> None:
    chain = synthetic.markov(num_items=12, num_users=40, sharpness=1.0)
    successor: dict[int, int] = {}
    for user in range(chain.num_users):
        for a, b in zip(chain.sequence(user)[:-1].tolist(), chain.sequence(user)[1:].tolist(), strict=True):
            assert successor.setdefault(a, b) == b
    place, steps = 1, 0
    while steps == 0 or place != 1:
        place, steps = successor[place], steps + 1
    assert steps == 12
    assert synthetic.markov_ceiling(1.0, 12) == 1.0


@pytest.mark.parametrize("sharpness", [0.0, 0.5, 0.9])
def test_the_best_guess_on_a_chain_is_as_good_as_promised(sharpness: float) -> None:
    chain = synthetic.markov(num_items=20, num_users=2_000, length=11, sharpness=sharpness)
    counts = np.zeros((21, 21))
    pairs = np.stack([np.delete(chain.items, chain.offsets[1:] - 1), np.delete(chain.items, chain.offsets[:-1])])
    np.add.at(counts, tuple(pairs), 1)
    best = counts.max(axis=1).sum() / counts.sum()
    # sharpness + (1 - sharpness) / 20. The best of 20 columns counted on 20,000 pairs flatters by at most .02.
    assert synthetic.markov_ceiling(sharpness, 20) == pytest.approx(sharpness + (1 - sharpness) / 20)
    assert best == pytest.approx(synthetic.markov_ceiling(sharpness, 20), abs=0.025)


def test_items_of_a_chain_have_texts() -> None:
    chain = synthetic.markov(num_items=5)
    assert chain.num_items == 5
    assert all(text.title and text.brand and text.categories and text.description and text.attributes for text in chain.texts)


def test_chains_of_any_size_can_be_had() -> None:
    for num_items in (2, 3, 13, 700):
        assert synthetic.markov(num_items=num_items, num_users=400, length=20, sharpness=0).num_items == num_items
