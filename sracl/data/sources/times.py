"""Times as sources write them: seconds since 1970, or a date with or without the time of day."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

from sracl.errors import DataError


def seconds(value: object, where: str) -> int | float:
    """Seconds since 1970. A number is taken as it is; a date without a time zone is one in UTC.

    Args:
        value: What the source has: text, a number, a date or a datetime.
        where: File and line, for the message.

    Raises:
        DataError: It is no time.
    """
    if isinstance(value, datetime):
        return _whole((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date | Decimal):
        return seconds(str(value), where)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            return int(text)
        except ValueError:
            pass
        try:
            number = float(text)
            if math.isfinite(number):
                return _whole(number)
        except ValueError:
            pass
        try:
            return seconds(datetime.fromisoformat(text), where)
        except ValueError:
            pass
    raise DataError(f"{where}: the time should be a number or a date such as 2019-01-31 or 2019-01-31 18:05:00, got {str(value)[:80]!r}")


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number
