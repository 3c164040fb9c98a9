"""The retry policy that an app declares for a function by `@app.retry(…)`, read as the Python worker and the Functions host read it.

azure_functions_worker/loader.py turns the decorator's texts into a message, and fails for the whole app where it cannot; what it sends is
refused by Utility.ValidateRetryOptions of azure-functions-host for the function alone. Here the app does not load in either case.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from standalone.contracts import ENDLESS, AppDoesNotLoad, RetryPolicy
from standalone.workers.load_errors import place_of

INT32 = 2**31 - 1
FIXED, EXPONENTIAL = "fixed_delay", "exponential_backoff"


def policy_of(indexed: Any) -> RetryPolicy | None:
    """The policy of a function, None where it has none. Raises AppDoesNotLoad, with the place of the function."""
    settings: Mapping[str, Any] = indexed.get_settings_dict("retry_policy")
    try:
        return _policy(settings) if settings else None
    except ValueError as wrong:
        place = place_of(indexed.get_user_function())
        raise AppDoesNotLoad(f"The function {indexed.get_function_name()} cannot be run: its retry policy {wrong}\n  in {place}") from None


def _policy(settings: Mapping[str, Any]) -> RetryPolicy:
    """Raises ValueError with the end of a sentence."""
    most, strategy = _count(settings.get("max_retry_count")), settings.get("strategy")
    if strategy == FIXED:
        delay = _delay(settings, "delay_interval")
        return RetryPolicy(most, delay, delay)
    if strategy != EXPONENTIAL:
        raise ValueError(f"has the strategy {strategy!r}, which is neither {FIXED} nor {EXPONENTIAL}")
    shortest, longest = _delay(settings, "minimum_interval"), _delay(settings, "maximum_interval")
    if shortest > longest:
        raise ValueError(f"has a minimum_interval of {shortest}, which is more than its maximum_interval, {longest}")
    return RetryPolicy(most, shortest, longest)


def _count(given: Any) -> int:
    try:
        count = int(given)
    except (TypeError, ValueError):
        raise ValueError(f"has a max_retry_count of {given!r}, which is no number") from None
    if not ENDLESS <= count <= INT32:
        raise ValueError(f"has a max_retry_count of {count}: it goes from {ENDLESS}, which is without end, to {INT32}")
    return count


def _delay(settings: Mapping[str, Any], name: str) -> timedelta:
    given = settings.get(name)
    try:
        found = time.strptime(given, "%H:%M:%S") if given is not None else None
    except (TypeError, ValueError):
        raise ValueError(f"has a {name} of {given!r}, which is no time of less than a day such as 00:10:00") from None
    if found is None:
        raise ValueError(f"has no {name}")
    return timedelta(hours=found.tm_hour, minutes=found.tm_min, seconds=found.tm_sec)
