"""What contract suites say where a component breaks a promise, and how a suite is gone through without pytest.

A suite is a class whose methods `test_…` are promises, told by the first line of their docstrings. Under pytest a subclass named
`Test…` is run as any other; `outcomes` runs one for `sracl check`.
"""

from __future__ import annotations

import re
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import SkipTest  # pytest takes it for a skip of its own

import torch

from sracl.errors import SraclError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor


class Broken(AssertionError):
    """A promise that is not kept.

    Args:
        expected: What it says, in words.
        came: What was found in its place.
    """

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected = expected
        self.came = came


def expect(holds: object, expected: str, came: object) -> None:
    """Hold a component to something.

    Args:
        holds: Whether it is so; a tensor of one value will do.
        expected: What should be, in words.
        came: What is.

    Raises:
        Broken: It is not so.
    """
    __tracebackhide__ = True  # of pytest
    if not bool(holds):
        raise Broken(expected, str(came))


def expect_shape(found: Any, shape: Sequence[int], what: str) -> None:
    """Hold a tensor or an array to a shape.

    Raises:
        Broken: It is none, or has another shape.
    """
    __tracebackhide__ = True  # of pytest
    came = getattr(found, "shape", None)
    expect(came is not None, f"{what} of shape {list(shape)}", kind_of(found))
    expect(tuple(came or ()) == tuple(shape), f"{what} of shape {list(shape)}", list(came or ()))


def expect_same(found: Tensor, wanted: Tensor, expected: str) -> None:
    """Hold two tensors to being equal, bit for bit.

    Raises:
        Broken: They differ.
    """
    __tracebackhide__ = True  # of pytest
    if not torch.equal(found, wanted):
        raise Broken(expected, difference(found, wanted))


def expect_close(found: Tensor, wanted: Tensor, expected: str, *, atol: float | None = None, rtol: float | None = None) -> None:
    """Hold two tensors to being equal but for rounding.

    Args:
        found: What should be close.
        wanted: To what.
        expected: What should be, in words.
        atol: As of `torch.testing.assert_close`, whose defaults hold where neither is given.
        rtol: Likewise.

    Raises:
        Broken: They differ, in shape, type or value.
    """
    __tracebackhide__ = True  # of pytest
    try:
        torch.testing.assert_close(found, wanted, atol=atol, rtol=rtol)
    except AssertionError:
        raise Broken(expected, difference(found, wanted)) from None


@contextmanager
def refusal(kind: type[Exception], pattern: str, expected: str) -> Iterator[None]:
    """Hold a component to refusing what is asked within.

    Args:
        kind: The error that it raises.
        pattern: Regular expression that is found in its message.
        expected: The error, in words.

    Raises:
        Broken: It raises nothing, another error or in other words.
    """
    try:
        yield
    except kind as error:
        expect(re.search(pattern, str(error)), expected, f'{type(error).__name__} that says "{error}"')
    except Exception as error:  # a component may raise anything, and all of it is no refusal
        raise Broken(expected, _told(error)) from error
    else:
        raise Broken(expected, "no error")


def does_not_apply(why: str) -> NoReturn:
    """Leave a promise out that is none of this component's."""
    raise SkipTest(why)


def difference(found: Any, wanted: Tensor) -> str:
    """In what two tensors differ, in words."""
    if not isinstance(found, torch.Tensor):
        return kind_of(found)
    if found.shape != wanted.shape:
        return f"shape {list(found.shape)} beside {list(wanted.shape)}"
    if found.dtype != wanted.dtype:
        return f"{spoken(found.dtype)} beside {spoken(wanted.dtype)}"
    if broken := int((~found.isfinite()).sum()):
        return f"{broken} of {found.numel()} numbers that are not finite"
    apart = (found.detach().double() - wanted.detach().double()).abs()
    if not apart.numel():
        return "nothing"
    place = [int(index) for index in torch.unravel_index(apart.argmax(), apart.shape)]
    at = f", at {place}" if place else ""
    one, other = found[tuple(place)].item(), wanted[tuple(place)].item()
    return f"{int((apart > 0).sum())} of {found.numel()} differ, the most{at}: {one:.6g} beside {other:.6g}"


def spoken(dtype: Any) -> str:
    """A type of numbers as users write it: `float32`."""
    return str(dtype).removeprefix("torch.")


def kind_of(value: Any) -> str:
    """What a value is: its type, of a tensor or an array its numbers and shape too."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{spoken(value.dtype)} {list(value.shape)}"
    return "None" if value is None else f"{type(value).__name__} {value!r:.60}"


@dataclass(frozen=True)
class Outcome:
    """What came of one promise."""

    promise: str
    """In a sentence."""
    holds: bool | None
    """None where it is none of this component's."""
    expected: str = ""
    """Of one that does not hold: what should be; empty where the component raised an error."""
    came: str = ""
    """What came in its place; why it is none of this component's."""
    where: str = ""
    """File and line of the component's own code at which it raised an error."""


def outcomes(suite: type, source: Path) -> Iterator[Outcome]:
    """Go through a suite, as pytest does: every promise with an instance of its own.

    Args:
        suite: Its class.
        source: File of the component's code, which errors are traced to.
    """
    for name, promise in promises(suite):
        torch.manual_seed(0)
        yield outcome(promise, getattr(suite(), name), source)


def outcome(promise: str, check: Callable[[], object], source: Path) -> Outcome:
    """Try one promise.

    Args:
        promise: In a sentence.
        check: Raises what is wrong with it.
        source: File of the component's code.
    """
    try:
        check()
    except SkipTest as reason:
        return Outcome(promise, None, came=str(reason))
    except Broken as broken:
        cause = broken.__cause__
        return Outcome(promise, False, broken.expected, broken.came, _where(cause, source) if cause else "")
    except Exception as error:  # the component may raise anything; it is its user who can mend it
        return Outcome(promise, False, came=_told(error), where=_where(error, source))
    return Outcome(promise, True)


def promises(suite: type) -> list[tuple[str, str]]:
    """Method and sentence of every promise of a suite, those of its bases first."""
    names = {name: None for base in reversed(suite.__mro__) for name in vars(base) if name.startswith("test_")}
    return [(name, _sentence(suite, name)) for name in names]


def _sentence(suite: type, name: str) -> str:
    """First line of a method's docstring, or of the docstring of what it overrides; else its name."""
    told = [vars(base)[name].__doc__ for base in suite.__mro__ if name in vars(base)]
    first = next((doc for doc in told if doc), name.removeprefix("test_").replace("_", " "))
    return first.strip().split("\n", 1)[0].removesuffix(".")


def _told(error: Exception) -> str:
    """An error by its type and message; what sracl raises on purpose by its message alone."""
    message = str(error).strip()
    if isinstance(error, SraclError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _where(error: BaseException, source: Path) -> str:
    """The innermost line of a component's file that an error, or what caused it, came through; empty where there is none."""
    frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == source]
    return f"{source}:{own[-1]}" if own else ""
