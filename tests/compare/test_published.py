from __future__ import annotations

import pytest

from sracl.compare.published import read, tables

CARD = {
    "protocol": {"seen_items": "keep", "max_length": 20},
    "row": [
        {"system": "SRA-CL", "dataset": "office", "values": {"hr@20": 0.1702}},
        {"system": "w/o CL", "dataset": "office", "values": {"hr@20": 0.1476}},
        {"system": "SRA-CL", "dataset": "beauty", "values": {"hr@20": 0.1314}},
    ],
}


def test_a_system_goes_by_its_letters_and_digits() -> None:
    table = read("t", "", CARD)
    for spelling in ("SRA-CL", "sracl", "SRA CL"):
        row = table.row(spelling, "office")
        assert row is not None
        assert row.values == {"hr@20": 0.1702}
    assert table.row("SRA-CL full", "office") is None
    assert table.row("SRA-CL", "demo") is None
    assert table.datasets == ("office", "beauty")


def test_only_facts_of_the_protocol_that_both_name_can_differ() -> None:
    table = read("t", "", CARD)
    assert table.differences({"seen_items": "keep", "split": "leave-one-out"}) == []
    assert table.differences({"seen_items": "exclude"}) == ["seen_items is keep there and exclude here"]


def test_a_card_that_is_not_there_is_a_remark_and_no_error() -> None:
    found, remarks = tables(["no-such-table"])
    assert found == []
    assert "no-such-table" in remarks[0]


# Table 3 of SRA-CL (arXiv:2503.04162), Office: hr@20 and ndcg@20 of each row as printed
@pytest.mark.parametrize(
    ("system", "hr", "ndcg"),
    [
        ("w/o CL", 0.1476, 0.0599),
        ("w/o cross", 0.1621, 0.0691),
        ("w/o intra", 0.1619, 0.0689),
        ("Unlearnable", 0.1617, 0.0681),
        ("SRA-CL", 0.1702, 0.0725),
    ],
)
def test_the_shipped_table_is_read(system: str, hr: float, ndcg: float) -> None:
    (table,), remarks = tables(["sracl-table3"])
    assert remarks == []
    row = table.row(system, "office")
    assert row is not None
    assert row.values == {"hr@20": hr, "ndcg@20": ndcg}
    assert table.protocol["seen_items"] == "keep"
