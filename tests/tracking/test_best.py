"""Which run `@best:METRIC` means, and where that cannot be said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sracl.errors import UsageError
from sracl.tracking import jobs, protocol, queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.tracking.store import Store
    from tests.tracking.conftest import Register


class Enter(Protocol):
    def __call__(self, run_id: str, valid: Mapping[str, float], **changed: Any) -> None: ...


@pytest.fixture
def enter(store: Store, register: Register) -> Enter:
    """A run with hand-made figures of its validation, half as high without seen items; its test is the better the worse these are."""

    def add(run_id: str, valid: Mapping[str, float], **changed: Any) -> None:
        state, seen = changed.pop("state", "completed"), changed.pop("seen_items", "keep")
        register(store, run_id, variant=run_id, values={"evaluation": {"seen_items": seen}}, **changed)
        for seen_items, share in {"keep": 1.0, "exclude": 0.5}.items():
            rules = {"seen_items": seen_items}
            store.metrics(run_id, split="valid", protocol=rules, group="all", values={k: share * v for k, v in valid.items()}, count=9)
            store.metrics(run_id, split="valid", protocol=rules, group="history<7", values={k: 1 - v for k, v in valid.items()}, count=9)
            store.metrics(run_id, split="test", protocol=rules, group="all", values={k: 1 - v for k, v in valid.items()}, count=9)
        store.finish(run_id, state)

    return add


def stamp(dataset: str, seen_items: str) -> str:
    return protocol.fingerprint(protocol.complete({"seen_items": seen_items}, dataset))


def refused(store: Store, reference: str) -> str:
    with pytest.raises(UsageError) as told:
        queries.run(store, reference)
    return str(told.value)


def test_the_completed_run_that_validates_best_whatever_its_test_says(store: Store, enter: Enter) -> None:
    enter("a", {"ndcg@10": 0.3, "hr@10": 0.4})
    enter("b", {"ndcg@10": 0.5, "hr@10": 0.1})
    enter("c", {"ndcg@10": 0.5, "hr@10": 0.2})
    enter("d", {"ndcg@10": 0.9, "hr@10": 0.9}, state="failed")
    enter("e", {"ndcg@10": 0.9, "hr@10": 0.9}, leaky=("validation prefixes",))
    enter("f", {"mrr@10": float("nan")})
    assert queries.run(store, "@best:ndcg@10").id == "b"
    assert queries.run(store, "@best:hr@10").id == queries.run(store, "@best:valid.HR@10").id == "a"
    assert refused(store, "@best:mrr@10") == "'@best:mrr@10': no run was validated in 'mrr@10'. Did you mean 'hr@10'? " + (
        "Measured in validation: ndcg@10, hr@10."
    )
    with pytest.raises(UsageError, match="Run b, which @best:ndcg@10 means, has no job"):
        jobs.job(store, "@best:ndcg@10")


def test_it_is_not_chosen_by_the_test(store: Store, enter: Enter) -> None:
    enter("a", {"ndcg@10": 0.3})
    told = refused(store, "@best:test.ndcg@10:demo")
    assert "would choose a run by its test" in told
    assert "'@best:ndcg@10:demo' chooses by validation" in told


def test_figures_of_two_data_sets_are_no_comparison(store: Store, enter: Enter) -> None:
    enter("a", {"ndcg@10": 0.3})
    enter("b", {"ndcg@10": 0.5}, dataset="office")
    enter("c", {"ndcg@10": 0.4}, dataset="office")
    assert refused(store, "@best:ndcg@10").splitlines()[1:] == [
        "  @best:ndcg@10:demo  demo: leave-one-out, all items ranked, seen items kept, 1 run",
        "  @best:ndcg@10:office  office: leave-one-out, all items ranked, seen items kept, 2 runs",
    ]
    assert queries.run(store, "@best:ndcg@10:demo").id == "a"
    assert queries.run(store, "@best:ndcg@10:office").id == "b"
    assert "Did you mean 'office'? Data sets: demo, office." in refused(store, "@best:ndcg@10:ofice")


def test_nor_are_those_of_two_protocols_but_every_run_is_validated_under_both(store: Store, enter: Enter) -> None:
    enter("a", {"ndcg@10": 0.5})
    enter("b", {"ndcg@10": 0.6}, seen_items="exclude")
    for reference in ("@best:ndcg@10", "@best:ndcg@10:demo"):
        told = refused(store, reference)
        for seen, words in {"keep": "kept", "exclude": "excluded"}.items():
            of_both = f"  @best:ndcg@10:{stamp('demo', seen)}  demo: leave-one-out, all items ranked, seen items {words}, 2 runs"
            assert of_both in told.splitlines()
    assert queries.run(store, f"@best:ndcg@10:{stamp('demo', 'keep')[:6]}").id == "b"


def test_what_lacks_a_metric_or_a_run_is_told_so(store: Store, enter: Enter) -> None:
    assert "no run is completed that could be chosen" in refused(store, "@best:ndcg@10")
    enter("a", {"ndcg@10": 0.3})
    for reference in ("@best", "@best:"):
        assert refused(store, reference) == f"'{reference}' lacks a metric, as in '@best:ndcg@10'. Measured in validation: ndcg@10."
    assert "Did you mean '@best'?" in refused(store, "@bets")
