// What stands on a topic: the byte 0, the id of the schema (4 bytes, big endian), Avro binary.
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import avro from 'avsc'

/** What the brokers call a topic: a deployment that has a name has it before each of its own. */
export function topicOf(name) {
  const deployment = process.env.RUNFOLD_DEPLOYMENT
  return deployment ? `${deployment}.${name}` : name
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/**
 * The headers that prove in whose name a record of a topic is, with the token of RUNFOLD_TOKEN;
 * none without. `topic` is the plain name, without the deployment's.
 */
export function credential(topic, value) {
  if (!process.env.RUNFOLD_TOKEN) return {}
  const [version, key, claims, secret] = process.env.RUNFOLD_TOKEN.split('.')
  const proof = createHmac('sha256', Buffer.from(secret, 'base64url'))
    .update(`runfold-proof-1 ${topic} ${sha256(value).toString('hex')}`)
    .digest('base64url')
  return { runfold_credential: `${version}.${key}.${claims}.${proof}` }
}

/** The schemas of a folder `schemas`, by the ids of its `ids.lock`. */
export class Wire {
  #files = new Map()
  #newest = new Map()
  #types = new Map()

  constructor(folder) {
    for (const line of readFileSync(join(folder, 'ids.lock'), 'utf8').split('\n')) {
      const [subject, version, id] = line.split(/\s+/)
      if (!id || subject === '#') continue
      this.#files.set(Number(id), join(folder, subject, `${version}.avsc`))
      this.#newest.set(subject, Number(id))
    }
  }

  #type(id) {
    if (!this.#files.has(id)) throw new Error(`schema ${id} is not in ids.lock: take newer schemas`)
    if (!this.#types.has(id)) {
      this.#types.set(id, avro.Type.forSchema(JSON.parse(readFileSync(this.#files.get(id)))))
    }
    return this.#types.get(id)
  }

  encode(subject, record) {
    const id = this.#newest.get(subject)
    const prefix = Buffer.alloc(5)
    prefix.writeInt32BE(id, 1)
    return Buffer.concat([prefix, this.#type(id).toBuffer(record)])
  }

  /** The name of a record and its fields. */
  decode(value) {
    if (value[0] !== 0) throw new Error('the value does not begin with the byte 0')
    const type = this.#type(value.readInt32BE(1))
    return { name: type.name.split('.').pop(), record: type.fromBuffer(value.subarray(5)) }
  }
}

/** A request for a run, in the name of RUNFOLD_TENANT and RUNFOLD_USER. */
export function requested(runId, agent, goal) {
  const said = Buffer.from(goal, 'utf8')
  return {
    run_id: runId,
    tenant_id: process.env.RUNFOLD_TENANT ?? 'examples',
    user_id: process.env.RUNFOLD_USER ?? 'node',
    agent,
    goal: { media_type: 'text/plain', size: said.length, digest: sha256(said), inline: said },
    requested_at: Date.now() * 1000,
  }
}

/** A UUIDv7: Runfold takes one of the last hour, and reads the run's time from it. */
export function uuid7() {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = (bytes[6] & 0x0f) | 0x70
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** What a promise becomes, or an error where that takes too long. */
export async function within(seconds, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${seconds} s`)), seconds * 1000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
