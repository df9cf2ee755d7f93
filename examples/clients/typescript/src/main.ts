// Asks for a run, follows it to its end, and approves what waits for a person:
//
//     node dist/main.js URL KEY AGENT GOAL
import { Runfold } from './runfold.js'

const [url, key, agent, goal] = process.argv.slice(2)
if (url === undefined || key === undefined || agent === undefined || goal === undefined) {
  throw new Error('say URL KEY AGENT GOAL')
}
const runfold = new Runfold(url, key)
const { run_id } = await runfold.submit({ agent, goal })

let approved = 0
const types: string[] = []
for await (const event of runfold.events(run_id)) {
  types.push(event.type)
  if (event.type === 'ApprovalRequested') {
    const call_id = String(event.fact['call_id'])
    const outcome = await runfold.approve(run_id, { call_id, comment: 'seen by a program' })
    if ('applied' in outcome && outcome.applied) approved += 1
  }
}
const { status, exit } = await runfold.status(run_id)
console.log(JSON.stringify({ run_id, status, approved, events: types.length, exit_code: exit?.exit_code }))
