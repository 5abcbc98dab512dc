"""What a recipe may hold, apart from the parameters of components: those are declared by the components themselves.

A field annotated with `Slot` is filled by a component, `{ use = "…", parameter = … }` or just its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sracl.interfaces import Precision


@dataclass(frozen=True)
class Slot:
    """The kind of component that fills a field, and the one that does when the recipe names none."""

    kind: str
    protocol: str
    default: str | None = None


class Settings(BaseModel):
    """A table with a fixed set of keys; nothing is converted and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, ser_json_inf_nan="constants")


class Header(Settings):
    """What every recipe file begins with."""

    recipe: Literal[1]
    """Version of the grammar."""
    name: Annotated[str, Field(min_length=1)]
    """What tables call the recipe; not inherited."""
    extends: Annotated[str, Field(min_length=1)] | None = None
    """One parent: the name of a shipped recipe, or the path of a `.toml` file, from the folder of this one."""
    unset: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Paths that the parent sets and this recipe does not want."""


class Variant(Settings):
    """One way of running the recipe."""

    name: Annotated[str, Field(min_length=1)]
    """Its row in every table."""
    extends: Annotated[str, Field(min_length=1)] | None = None
    """The recipe that it is a run of, with the values of this one on top: a shipped one, or a `.toml` file, from this folder."""
    set: dict[str, Any] = {}
    """Path -> value; tables merge by key."""
    unset: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Paths to be left out; done before `set`."""
    space: dict[str, Any] = {}
    """Path -> what `[sweep]` draws for this variant alone, besides what it draws for all."""


class Report(Settings):
    """How the leaderboard of a recipe is drawn up; has no influence on a run."""

    baseline: str | None = None
    """Name of the variant that the others are compared with."""
    published: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Keys of published figures to be put beside ours."""


class Resources(Settings):
    """What a job of the queue asks of the machine; has no influence on a run."""

    vram: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """GiB of a GPU that a run needs, so that several may share one; left out: a whole GPU."""


class DataSettings(Settings):
    """Which data, and how much of a history is read. A generated data set has parameters besides."""

    name: Annotated[str, Field(min_length=1)]
    """A data set, by its name."""
    max_length: Annotated[int, Field(ge=1)]
    """Latest items of a history that a model sees."""


class ItemSemantics(Settings):
    """A text per item, a vector per text, neighbours per vector."""

    llm: Annotated[Any, Slot("llm_provider", "LLMProvider", "template")]
    """Writes the texts."""
    prompt: Annotated[str, Field(min_length=1)] = "products"
    """Words that a language model is asked with: a registered prompt, or a `.toml` file, from the folder of this one. Data sets may have
    their own."""
    contexts: Annotated[int, Field(ge=0)] = 5
    """Training sequences shown with each item."""
    text_encoder: Annotated[Any, Slot("text_encoder", "TextEncoder", "lsa")]
    """Turns texts into vectors."""
    retriever: Annotated[Any, Slot("retriever", "Retriever", "exact")]
    """Finds neighbours among vectors."""
    k: Annotated[int, Field(ge=1)] = 10
    """Neighbours per item."""


class SequenceSemantics(Settings):
    """A text per training sequence, a vector per text, neighbours per vector."""

    unit: Literal["prefix", "user"] = "prefix"
    """What gets a text: every training prefix, or each user once (its longest)."""
    llm: Annotated[Any, Slot("llm_provider", "LLMProvider", "template")]
    """Writes the texts."""
    prompt: Annotated[str, Field(min_length=1)] = "purchases"
    """Words that a language model is asked with: a registered prompt, or a `.toml` file, from the folder of this one. Data sets may have
    their own."""
    text_encoder: Annotated[Any, Slot("text_encoder", "TextEncoder", "lsa")]
    """Turns texts into vectors."""
    retriever: Annotated[Any, Slot("retriever", "Retriever", "exact")]
    """Finds neighbours among vectors."""
    k: Annotated[int, Field(ge=1)] = 10
    """Neighbours per sequence."""
    pool: Literal["train", "all"] = "train"
    """Which sequences may be neighbours. "all" lets prefixes that end in a validation item in, as the official code does."""
    exclude: Literal["same_user", "same_row"] = "same_user"
    """Which sequences never are. "same_row" lets other prefixes of the same user in, as the official code does."""


class Identified(Settings):
    """One of a list of tables that are addressed by their ids."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """What paths call it."""


class ObjectiveSettings(Identified):
    """One term of the loss; the rest of its keys are its component's parameters."""

    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Its factor in the sum; an objective of weight 0 is not built."""


class EarlyStopping(Settings):
    """When training ends before its last epoch."""

    metric: str
    """Watched once an epoch, higher is better: valid.hr@k, valid.ndcg@k or valid.mrr@k with k among the cut-offs."""
    patience: Annotated[int, Field(ge=1)]
    """Epochs without a new best that are put up with."""


class PhaseSettings(Identified):
    """One of several updates that every step makes in turn, each from a forward pass of its own."""

    update: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """What is trained: `backbone`, ids of objectives. Everything else stays as it is."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Id of an objective -> its weight in this update, instead of its own; 0 leaves it out."""


class StageTrainSettings(Settings):
    """How the weights are found."""

    batch_size: Annotated[int, Field(ge=1)]
    """Training samples per step."""
    epochs: Annotated[int, Field(ge=1)]
    """Passes over the training samples, at most."""
    optimizer: Annotated[Any, Slot("optimizer", "Optimizer", "adam")]
    """Takes the steps."""
    precision: Precision = "float32"
    """What the encoder multiplies in. "bfloat16" is for GPUs and processors with instructions for it; losses, weights, their
    optimizer and evaluation stay float32."""


class TrainSettings(StageTrainSettings):
    """How the weights are found."""

    early_stopping: EarlyStopping | None = None
    """Left out: every epoch is trained."""
    phase: Annotated[tuple[PhaseSettings, ...], Field(strict=False)] = ()
    """Updates a step; none: one of everything with every objective's own weight."""


class TimeSplit(Settings):
    """Two moments, told by how many of all interactions are earlier: what came before both trains."""

    by: Literal["time"]
    """What divides: when items were chosen."""
    valid: Annotated[float, Field(gt=0, lt=1)]
    """Share of the interactions that train."""
    test: Annotated[float, Field(gt=0, lt=1)]
    """Share that trains or validates; the rest tests."""
    target: Literal["first", "last"] = "last"
    """Which of a user's interactions in either part is predicted, after all that the user has before it."""


class EvaluationSettings(Settings):
    """The protocol; figures of different protocols are never compared."""

    seen_items: Literal["keep", "exclude"]
    """Whether items of the user's history are ranked. The other way is reported beside it."""
    cutoffs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False, min_length=1)]
    """The k of HR@k, NDCG@k and MRR@k."""
    candidates: Literal["all"] = "all"
    """Items that are ranked."""
    split: Literal["leave-one-out"] | TimeSplit = "leave-one-out"
    """Of each user the last item tests and the one before validates; or `{ by = "time", valid = 0.8, test = 0.9 }`: what came before a
    moment trains, and what came later is predicted."""
    batch_size: Annotated[int, Field(ge=1)] = 256
    """Users scored at a time; has no influence on the figures."""


SAMPLES = Slot("sampler", "Sampler", "prefix")
BACKBONE = Slot("backbone", "Backbone")
HISTORY_BIAS = Slot("history_bias", "HistoryBias")
INITIALIZER = Slot("initializer", "Initializer")
OBJECTIVE = Slot("objective", "Objective")
VIEW = Slot("view", "ViewPair")

OPTIONAL = {"history_bias": HISTORY_BIAS, "initializer": INITIALIZER}
"""Components that a run may go without, and whose runs then have digests without them."""

SEMANTICS: dict[str, type[Settings]] = {"items": ItemSemantics, "sequences": SequenceSemantics}
"""The tables of neighbours."""

MAX_SEED = 2**32 - 1

LATER = {"precision": "float32"}
"""Settings of `train` that came after the first runs -> what these did, so that a run which does it still has the digest it had."""

RUN_TABLES = (
    "data",
    "samples",
    "semantics",
    "backbone",
    "history_bias",
    "initializer",
    "view",
    "stage",
    "objective",
    "train",
    "evaluation",
)
"""What a run is made of."""

RECIPE_KEYS = ("recipe", "name", "extends", "unset", "seeds", "vars", *RUN_TABLES, "variant", "matrix", "sweep", "report", "resources")
"""Everything the top level of a file may hold."""


def keyed(path: tuple[str, ...]) -> str | None:
    """For a list of tables that are addressed by their ids: the key that a new one has to have; None for anything else."""
    match path:
        case ("objective",) | ("view",) | ("stage", _, "objective"):
            return "use"
        case ("stage",):
            return "objective"
        case ("train", "phase"):
            return "update"
        case _:
            return None


def may_be_component(path: tuple[str, ...]) -> bool:
    """Whether a string at this path may be a component's name: at a component, or among its parameters."""
    match path:
        case ("samples" | "backbone" | "history_bias" | "initializer", *_) | ("objective" | "view", _, *_) | ("train", "optimizer", *_):
            return True
        case ("stage", _, "samples", *_) | ("stage", _, "objective", _, *_) | ("stage", _, "train", "optimizer", *_):
            return True
        case ("semantics", "items", field, *_):
            return field in slots(ItemSemantics)
        case ("semantics", "sequences", field, *_):
            return field in slots(SequenceSemantics)
        case _:
            return False


def slots(model: type[Settings]) -> dict[str, Slot]:
    """The fields of a table that components fill."""
    return {name: entry for name, field in model.model_fields.items() for entry in field.metadata if isinstance(entry, Slot)}
