"""What a function is told of retries, as `context.retry_context`: the worker's own class (azure_functions_worker/bindings/retrycontext.py).

Its fields are not those of `azure.functions.RetryContext`, whose `exception` no worker fills.
"""

from dataclasses import dataclass
from typing import Self

from standalone.contracts import Retry


@dataclass(frozen=True)
class RpcException:
    """What the try before failed with; all of it empty when there was none. The fields are those of the message in FunctionRpc.proto."""

    message: str = ""
    stack_trace: str = ""
    source: str = ""
    is_user_exception: bool = False
    type: str = ""


@dataclass(frozen=True)
class RetryContext:
    """How many tries of this run have failed, and how many retries its policy has: -1 when they never end, 0 when there is no policy."""

    retry_count: int = 0
    max_retry_count: int = 0
    rpc_exception: RpcException = RpcException()

    @classmethod
    def of(cls, retry: Retry) -> Self:
        """That of a try."""
        return cls(retry.number, retry.most, RpcException(retry.failure))
