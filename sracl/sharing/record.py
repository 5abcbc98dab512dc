"""What a bundle says of a run, a recipe, a protocol and the ranks of a run: the shapes of its lines."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sracl.tracking import tags

Number: TypeAlias = float | Literal["inf", "-inf"] | None
"""A figure as JSON can hold it: None is not a number."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""Of a run: also the name of its folder, so nothing that leads elsewhere."""

Tag = Annotated[str, Field(pattern=rf"^{tags.NAME.pattern}$")]

KeptName = Annotated[str, Field(pattern=r"^(packages|(project|sracl)\.patch)$")]
FileName = Annotated[str, Field(pattern=r"^(packages-[0-9a-f]{8}\.txt|(project|sracl)-[0-9a-f]{8}\.patch)$")]
"""Of a text, within the folder of a run: nothing that leads elsewhere."""

Rank = Annotated[int, Field(ge=0, lt=2**31)]


class Record(BaseModel):
    """A line, or a part of one: exactly these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecipeRecord(Record):
    """What a recipe wants reported."""

    name: str
    source: str
    report: dict[str, Any]


class ProtocolRecord(Record):
    """The facts behind a fingerprint."""

    fingerprint: str
    facts: dict[str, Any]


class TextRecord(Record):
    """What explains runs, such as a list of packages; since format 2."""

    name: FileName
    text: Annotated[str, Field(max_length=2**22)]


class PlaceRecord(Record):
    """A place in a recipe that a run fills."""

    recipe: str
    variant: str
    cell: dict[str, Any]
    seed: int
    ordinal: int


class FiguresRecord(Record):
    """Final figures of a split, a protocol and a group of users."""

    split: str
    protocol: str
    group: str
    count: int | None
    values: dict[str, Number]


class ArtifactRecord(Record):
    """What a stage before training made, which stays where it is."""

    name: str
    digest: str
    size: int
    facts: dict[str, Any]
    created: AwareDatetime


class RunRecord(Record):
    """A completed run."""

    id: Name
    digest: str
    dataset: str
    seed: int
    label: str
    state: Literal["completed"]
    reason: str
    attempt: int
    host: str | None
    created: AwareDatetime
    started: AwareDatetime | None
    finished: AwareDatetime | None
    epoch: int | None
    leaky: list[str]
    values: dict[str, Any]
    origins: dict[str, str]
    environment: dict[str, Any]
    places: list[PlaceRecord]
    series: dict[str, list[tuple[int, Number]]]
    figures: list[FiguresRecord]
    artifacts: list[ArtifactRecord]
    kept: dict[KeptName, FileName] = {}
    """Which texts explain it; since format 2."""
    tags: list[Tag] = []
    """Since format 2, and only where it has some; so is its note."""
    note: str = ""


class RanksRecord(Record):
    """The arrays of `evaluation.rank_file`: `test.keep`, `test.users` and so on."""

    run: Name
    facts: dict[str, Any]
    created: AwareDatetime
    arrays: dict[Annotated[str, Field(pattern=r"^[a-z.]{1,64}$")], list[Rank]]
