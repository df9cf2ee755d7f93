// Asks for a run over Kafka, follows it to its end, and approves what waits for a person:
// node approve.mjs BROKERS SCHEMAS AGENT GOAL
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import lz4 from 'lz4js'
import { Wire, credential, requested, topicOf, uuid7, within } from './wire.mjs'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
// The journal is compressed with lz4, which kafkajs reads only if it is told how.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async (bytes) => Buffer.from(lz4.decompress(bytes)),
})
const ENDS = new Set(['RunCompleted', 'RunFailed', 'RunCancelled', 'RunRefused'])

const [brokers, schemas, agent, goal] = process.argv.slice(2)
const wire = new Wire(schemas)
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR })
const runId = uuid7()
const groupId = `approve-${runId}`
const producer = kafka.producer({ idempotent: true })
await producer.connect()

// 1. Where the journal ends now: the events of this run come behind it.
const admin = kafka.admin()
await admin.connect()
const ends = await admin.fetchTopicOffsets(topicOf('runs.events'))
await admin.setOffsets({ groupId, topic: topicOf('runs.events'), partitions: ends })

// 2. Follow. What is read again after a crash is approved again, which changes nothing.
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
await consumer.connect()
await consumer.subscribe({ topic: topicOf('runs.events') })
let approved = 0
const ended = new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.run({
    eachMessage: async ({ message }) => {
      if (message.key?.toString() !== runId) return
      const { name, record } = wire.decode(message.value)
      if (name === 'ApprovalRequested') await approve(record)
      if (name === 'ToolCallApproved' && record.request_id) approved += 1
      if (ENDS.has(name)) resolve(record.exit)
    },
  })
})

// 3. Ask.
await send('runs.requests', 'RunRequested', requested(runId, agent, goal))
const { status, exit_code, payload } = await within(120, `the end of ${runId}`, ended)
const result = payload?.inline?.toString('utf8')
console.log(JSON.stringify({ run_id: runId, status, exit_code, approved, result }))
await Promise.all([producer.disconnect(), consumer.disconnect()])
await admin.deleteGroups([groupId])
await admin.disconnect()

/** Approve a call as it was asked: with the digest, so that nothing else is approved. */
async function approve(asked) {
  await send('runs.controls', 'ApproveToolCall', {
    request_id: randomUUID(),
    run_id: runId,
    tenant_id: asked.meta.tenant_id,
    actor_id: process.env.RUNFOLD_USER ?? 'node',
    requested_at: Date.now() * 1000,
    call_id: asked.call_id,
    comment: 'seen by a program',
    shown_digest: asked.shown_digest,
  })
}

async function send(topic, type, record) {
  const value = wire.encode(`${topic}-runfold.${type}`, record)
  const messages = [{ key: runId, value, headers: credential(topic, value) }]
  await producer.send({ topic: topicOf(topic), messages })
}
