"""The JSON that the durable client binding hands to client functions (BindingHelper.cs; fields as durable.md D lists them)."""

import json

INSTANCE = "INSTANCEID"


def client_binding(rpc_url: str, task_hub: str, public_url: str = "", query: str = "") -> str:
    """`rpc_url`: where the durable HTTP API is served to the SDK without a key; `public_url`: its twin, whose links clients hand out.

    `query`: what the twin's links must carry, with the key where one is asked for.
    """
    rpc = rpc_url.rstrip("/")
    base = public_url.rstrip("/") or rpc
    asked = query or f"taskHub={task_hub}&connection=Storage"
    of = f"{base}/instances/{INSTANCE}"
    return json.dumps(
        {
            "taskHubName": task_hub,
            "connectionName": "Storage",
            "creationUrls": {
                "createNewInstancePostUri": f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]?{asked}",
                "createAndWaitOnNewInstancePostUri": (
                    f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&{asked}"
                ),
            },
            "managementUrls": {
                "id": INSTANCE,
                "statusQueryGetUri": f"{of}?{asked}",
                "sendEventPostUri": f"{of}/raiseEvent/{{eventName}}?{asked}",
                "terminatePostUri": f"{of}/terminate?reason={{text}}&{asked}",
                "rewindPostUri": f"{of}/rewind?reason={{text}}&{asked}",
                "purgeHistoryDeleteUri": f"{of}?{asked}",
                "restartPostUri": f"{of}/restart?{asked}",
                "suspendPostUri": f"{of}/suspend?reason={{text}}&{asked}",
                "resumePostUri": f"{of}/resume?reason={{text}}&{asked}",
            },
            "baseUrl": base,
            "requiredQueryStringParameters": asked,
            "rpcBaseUrl": rpc + "/",
            "httpBaseUrl": base,
        }
    )
