"""The JSON that the durable client binding hands to client functions (BindingHelper.cs; fields as durable.md D lists them)."""

import json

INSTANCE = "INSTANCEID"


def client_binding(base_url: str, task_hub: str, query: str = "") -> str:
    """`base_url`: where the durable HTTP API is served without a key, ending in a slash; `query`: what its public twin asks for."""
    base = base_url.rstrip("/")
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
            "rpcBaseUrl": base + "/",
            "httpBaseUrl": base,
        }
    )
