// Asks for a run and waits for its end: node run.mjs BROKERS SCHEMAS AGENT GOAL
import { Kafka, logLevel } from 'kafkajs'
import { Wire, credential, requested, topicOf, uuid7, within } from './wire.mjs'

const [brokers, schemas, agent, goal] = process.argv.slice(2)
const wire = new Wire(schemas)
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR })
const runId = uuid7()
const groupId = `client-${runId}`

// 1. Where completions end now: the one of this run comes behind it. A service would keep one
//    group for good, and look up by run_id whom a completion belongs to.
const admin = kafka.admin()
await admin.connect()
const ends = await admin.fetchTopicOffsets(topicOf('runs.completions'))
await admin.setOffsets({ groupId, topic: topicOf('runs.completions'), partitions: ends })

// 2. Read from there. kafkajs reads only what is committed unless told otherwise.
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
await consumer.connect()
await consumer.subscribe({ topic: topicOf('runs.completions') })
const ended = new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.run({
    eachMessage: async ({ message }) => {
      if (message.key.toString() === runId) resolve(wire.decode(message.value))
    },
  })
})

// 3. Ask. The key is the run's id, which kafkajs places as Java does. Where this deployment asks
//    for credentials, a header proves in whose name the request is.
const producer = kafka.producer({ idempotent: true })
await producer.connect()
const request = requested(runId, agent, goal)
const value = wire.encode('runs.requests-runfold.RunRequested', request)
await producer.send({
  topic: topicOf('runs.requests'),
  messages: [{ key: runId, value, headers: credential('runs.requests', value) }],
})

// 4. Wait.
const { name, record } = await within(120, `the end of ${runId}`, ended)
const { status, exit_code, payload } = record.exit
const result = payload?.inline?.toString('utf8')
console.log(JSON.stringify({ run_id: runId, type: name, status, exit_code, result }))
await Promise.all([producer.disconnect(), consumer.disconnect()])
await admin.deleteGroups([groupId])
await admin.disconnect()
