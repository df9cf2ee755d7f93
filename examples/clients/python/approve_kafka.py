"""Asks for a run over Kafka, follows it to its end, and approves what waits for a person.

python approve_kafka.py BROKERS AGENT GOAL

SCHEMA_REGISTRY_URL names the registry, where there is one. Where this deployment asks for
credentials, RUNFOLD_TOKEN proves in whose name the program speaks.
"""

import json
import os
import sys

import runfold

brokers, agent, goal = sys.argv[1:]
tenant = os.environ.get("RUNFOLD_TENANT", "examples")
with runfold.connect(brokers, tenant_id=tenant, user_id="python") as client:
    run = client.run(goal, agent=agent)
    approved = 0
    for event in run.events(follow=True):
        if event.type == "ApprovalRequested":
            # The digest of what was asked: if something else waits by now, nothing is approved.
            asked = event.fact
            outcome = run.approve(asked["call_id"], shown=asked["shown_digest"])
            approved += outcome.applied
    ended = run.wait()

said = {"run_id": run.id, "status": ended.status, "exit_code": ended.exit_code}
print(json.dumps({**said, "approved": approved, "result": json.dumps(ended.payload)}))
