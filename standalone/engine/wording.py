"""The sentences with which the real engine fails an orchestration, word for word: people search for them.

From DurableTask.Core (TaskOrchestrationContext.cs) and the Durable extension 3.19.0; checked against what it said in the recorded cases.
"""

from collections.abc import Iterable, Mapping

from standalone.engine.history import as_written_by_json_net
from standalone.http_syntax import is_token

_E_FAIL, _E_INVALIDARG = -2146233088, -2147024809  # .NET's HResult of an exception, of an argument's
_NO_DATA = {"$type": "System.Collections.ListDictionaryInternal, System.Private.CoreLib"}
_STACK_OF_OWN_FAILURE = (
    "   at System.Threading.Tasks.Task.ThrowIfExceptional(Boolean includeTaskCanceledExceptions)\n"
    "   at System.Threading.Tasks.Task`1.GetResultCore(Boolean waitCompletionNotification)\n"
    "   at Microsoft.Azure.WebJobs.Extensions.DurableTask.TaskOrchestrationShim.InvokeUserCodeAndHandleResults("
    "RegisteredFunctionInfo orchestratorInfo, OrchestrationContext innerContext) "
    "in /_/src/WebJobs.Extensions.DurableTask/Listener/TaskOrchestrationShim.cs:line 148"
)
_CHANGED = "Was a change made to the orchestrator code after this instance had already started running?"
_BEFORE = "A previous execution of this orchestration scheduled"
_NOT_YET = f"but the current replay execution hasn't (yet?) scheduled this task. {_CHANGED}"

CHILD_NAMED_AS_PARENT = "The instance ID of a sub-orchestration must be different than the instance ID of a parent orchestration."
VERSION_REFUSED = "VersionMismatch: Orchestration version did not comply with Worker Versioning"
ACTION_CLASSES = {
    "activity": "ScheduleTaskOrchestratorAction",
    "timer": "CreateTimerOrchestratorAction",
    "child": "CreateSubOrchestrationAction",
    "send": "SendEventOrchestratorAction",
}


def orchestrator_failed(name: str, why: str) -> str:
    """An orchestrator's own failure."""
    return f"Orchestrator function '{name}' failed: {why}"


def activity_failed(name: str, why: str) -> str:
    """A failed activity, as its caller reads it."""
    return f"Activity function '{name}' failed: {why}"


TOO_LARGE = "What it gave is too large for the engine's file"


def activity_gone(name: str) -> str:
    """The failure of an activity that the app no longer has (TaskNonexistentActivityShim.cs)."""
    return f"Activity function '{name}' does not exist."


def activity_details(message: str, stack: str) -> str:
    """The details of a failed activity: the extension's exception around the Functions host's. The SDK puts them behind the reason."""
    return _details("System.Exception", message, _rpc(f"Result: Failure\nException: {message}\nStack: {stack}", message, stack))


def unhandled_in_task(kind: str, message: str) -> str:
    """The details of a failure in the activity behind call_http, without the stack. `kind`: the .NET exception."""
    return f"Unhandled exception while executing task: {kind}: {message}"


def http_request_details(message: str, code: int) -> str:
    """The details of a request that got no answer. `code`: .NET's HttpRequestError."""
    outer = {
        "$type": "System.Net.Http.HttpRequestException, System.Net.Http", "HttpRequestError": code, "StatusCode": None, "Message": message,
        "Data": _NO_DATA, "InnerException": None, "HelpLink": None, "Source": "System.Net.Http", "HResult": _E_FAIL, "StackTrace": None,
    }  # fmt: skip
    return as_written_by_json_net(outer)


def orchestrator_details(why: str) -> str:
    """The details of an orchestrator's own failure, with the stack that the extension 3.19.0 always has there."""
    return f"Message: {why}, StackTrace: {_STACK_OF_OWN_FAILURE}"


def broken_details(text: str) -> str:
    """The details where the function gave no answer; `text`: the whole failure, of the SDK "One or more errors occurred. (…)"."""
    message, _, inner = text.partition(" (Result: ")
    if not inner:
        return refused_details(text)
    return _details("System.AggregateException", message, _rpc(f"Result: {inner.removesuffix(')')}"))


def refused_details(why: str) -> str:
    """The details of a failure in what the extension makes of the SDK's answer."""
    return _details("System.ArgumentException", why, None, _E_INVALIDARG)


def non_deterministic_details(result: str) -> str:
    """The details of an orchestration that did not do what its history says, without the stack."""
    return (
        f"Unhandled exception while executing orchestration: DurableTask.Core.Exceptions.NonDeterministicOrchestrationException: {result}"
    )


def _details(kind: str, message: str, inner: Mapping[str, object] | None, code: int = _E_FAIL) -> str:
    """An exception as Json.NET writes it."""
    outer = {
        "$type": f"{kind}, System.Private.CoreLib", "ClassName": kind, "Message": message, "Data": None,
        "InnerException": inner, "HelpURL": None, "StackTraceString": None, "RemoteStackTraceString": None, "RemoteStackIndex": 0,
        "ExceptionMethod": None, "HResult": code, "Source": None, "WatsonBuckets": None,
    }  # fmt: skip
    return as_written_by_json_net(outer)


def _rpc(text: str, message: str | None = None, stack: str | None = None) -> Mapping[str, object]:
    """The Functions host's exception for what failed in a worker; of a .NET stack there is nothing to tell."""
    return {
        "$type": "Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script",
        "IsUserException": False, "RemoteMessage": message, "RemoteStackTrace": stack, "RemoteTypeName": None, "Message": text,
        "Data": _NO_DATA,
        "InnerException": None, "HelpLink": None, "Source": "System.Private.CoreLib", "HResult": _E_FAIL, "StackTrace": None,
    }  # fmt: skip


def deadly(how: str, times: int) -> str:
    """What is told of code in which workers died."""
    return f"{how} while it ran, {times} times"


def non_deterministic(detail: str) -> str:
    """The failure of an orchestration that did not do what its history says."""
    return f"Non-Deterministic workflow detected: {detail}"


def activity_missing(number: int, name: str) -> str:
    """History has an activity that the replay did not schedule."""
    return f"{_BEFORE} an activity task with sequence ID {number} and name '{name}' (version ''), {_NOT_YET}"


def activity_replaced(number: int, name: str, made: str) -> str:
    """History has an activity where the replay scheduled something of another kind."""
    return (
        f"{_BEFORE} an activity task with sequence number {number} named '{name}', but the current orchestration replay instead "
        f"produced a {made} action with this sequence number. {_CHANGED}"
    )


def activity_renamed(number: int, name: str, made: str) -> str:
    """History has an activity of another name. The two blanks are the original's."""
    return (
        f"{_BEFORE} an activity task with sequence number {number} named '{name}', but the current orchestration replay instead "
        f"scheduled an activity task named '{made}' with this sequence number.  {_CHANGED}"
    )


def timer_missing(number: int) -> str:
    """History has a timer that the replay did not create."""
    return f"{_BEFORE} a timer task with sequence number {number} {_NOT_YET}"


def timer_replaced(number: int, made: str) -> str:
    """History has a timer where the replay scheduled something of another kind. "named but" is the original's."""
    return (
        f"{_BEFORE} a timer task with sequence number {number} named but the current orchestration replay instead produced a "
        f"{made} action with this sequence number. {_CHANGED}"
    )


def _child(number: int, name: str, version: str, instance: str) -> str:
    return (
        f"{_BEFORE} a sub-orchestration task with sequence ID {number} and name '{name}' (version '{version}', instance ID '{instance}'), "
    )


def child_missing(number: int, name: str, version: str, instance: str) -> str:
    """History has a sub-orchestration that the replay did not start."""
    return _child(number, name, version, instance) + _NOT_YET


def child_replaced(number: int, name: str, version: str, instance: str, made: str) -> str:
    """History has a sub-orchestration where the replay scheduled something of another kind."""
    return (
        _child(number, name, version, instance)
        + f"but the current orchestration replay instead produced a {made} action at this sequence number. {_CHANGED}"
    )


def child_renamed(number: int, name: str, version: str, instance: str, made: str) -> str:
    """History has a sub-orchestration of another name."""
    return (
        _child(number, name, version, instance)
        + "but the current orchestration replay instead scheduled a sub-orchestration task "
        + f"with name {made} at this sequence number. {_CHANGED}"
    )


def event_missing(number: int, name: str, instance: str) -> str:
    """History has a sent event that the replay did not send."""
    return f"{_BEFORE} a send event task with sequence ID {number}, type 'EventSent' name '{name}', instance ID '{instance}', {_NOT_YET}"


def event_replaced(number: int, name: str, instance: str, made: str) -> str:
    """History has a sent event where the replay scheduled something of another kind."""
    return (
        f"{_BEFORE} a send event task with sequence ID {number}, type 'EventSent', name '{name}', instance ID '{instance}', but the "
        f"current orchestration replay instead scheduled a {made} task at this sequence number. {_CHANGED}"
    )


def unknown_function(name: str, kind: str, known: Iterable[str]) -> str:
    """A call of a function that the app does not have. `kind`: "activity", "orchestrator", "entity"."""
    names = ", ".join(f"'{each}'" for each in known)
    listed = f"The following are the known {kind} functions: {names}." if names else f"No {kind} functions are currently registered!"
    article = "an" if kind[0] in "aeo" else "a"
    return f"The function '{name}' doesn't exist, is disabled, or is not {article} {kind} function. Additional info: {listed}"


def http_method_refused(method: str) -> str:
    """What is wrong with the method of a CallHttp action; nothing: it is one."""
    if not method.strip():
        return "The value cannot be an empty string or composed entirely of whitespace. (Parameter 'method')"
    return "" if is_token(method) else "The format of the HTTP method is invalid."


def actions_not_in_one_list(schema: int, lists: int) -> str:
    """Actions in the wrong form for the schema that the answer names."""
    return f"With OOProc schema {schema}, expected actions array to be of length 1 in outer layer but got size: {lists}"


def custom_status_too_large(kilobytes: int) -> str:
    """A custom status above the extension's limit."""
    return f"The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The current payload size is {kilobytes} KB."
