// Verifies the chain of a run: node verify.mjs BROKERS SCHEMAS RUN_ID
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import lz4 from 'lz4js'
import { Wire, sha256, topicOf, within } from './wire.mjs'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
// The journal is compressed with lz4, which kafkajs reads only if it is told how.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async (bytes) => Buffer.from(lz4.decompress(bytes)),
})
// The last event of a run is one of these; nothing may follow it.
const ENDS = new Set(['RunCompleted', 'RunFailed', 'RunCancelled', 'RunRefused'])

const [brokers, schemas, runId] = process.argv.slice(2)
const wire = new Wire(schemas)
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR })
const groupId = `verify-${randomUUID()}`
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
await consumer.connect()
await consumer.subscribe({ topic: topicOf('runs.events'), fromBeginning: true })

// The first event names 32 bytes of zero, each later one the SHA-256 of the whole value before it.
let before = Buffer.alloc(32)
let events = 0
const seen = new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.run({
    eachMessage: async ({ message }) => {
      if (message.key?.toString() !== runId) return
      const { name, record } = wire.decode(message.value)
      events += 1
      const follows = record.meta.prev_hash.equals(before) && record.meta.seq === events
      before = sha256(message.value)
      if (!follows) resolve(`event ${events} (${name}) does not follow the one before it`)
      if (ENDS.has(name)) resolve('')
    },
  })
})
const fault = await within(120, `the end of ${runId} in the journal`, seen)
console.log(JSON.stringify({ run_id: runId, events, whole: fault === '', fault }))
await consumer.disconnect()
const admin = kafka.admin()
await admin.connect()
await admin.deleteGroups([groupId])
await admin.disconnect()
process.exitCode = fault ? 1 : 0
