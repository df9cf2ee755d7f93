"""Asks for a run over HTTP, follows it to its end, and approves what waits for a person.

python approve.py URL KEY AGENT GOAL
"""

import json
import sys

import runfold

url, key, agent, goal = sys.argv[1:]
with runfold.connect_http(url, api_key=key) as client:
    run = client.run(goal, agent=agent)
    approved = events = 0
    for event in run.events(follow=True):
        events += 1
        if event.type == "ApprovalRequested":
            outcome = run.approve(event.fact["call_id"], comment="seen by a program")
            approved += outcome.applied
    found = run.status()

code = found.exit.exit_code if found.exit else None
said = {"run_id": run.id, "status": found.status, "approved": approved, "events": events}
print(json.dumps({**said, "exit_code": code}))
