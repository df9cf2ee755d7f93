// A client of Runfold's HTTP API with no dependency: fetch, the types of the OpenAPI document,
// idempotency, problems, retries, and events as they come.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { components } from './api.js'

type Schemas = components['schemas']
export type RunBody = Schemas['RunBody']
export type RunView = Schemas['RunView']
export type RunEvent = Schemas['Event']
export type Approval = Schemas['Approval']
export type Problem = Schemas['Problem']
export type Outcome = Schemas['ControlOutcome'] | Schemas['ControlPublished']

/** A refusal, with the code that never changes; `retryable`: the same may succeed later. */
export class ProblemError extends Error {
  readonly code: string
  readonly status: number
  readonly retryable: boolean
  readonly runId: string | undefined

  constructor(readonly problem: Partial<Problem> & { status: number }) {
    super(problem.detail ?? `the server answered ${problem.status}`)
    this.code = problem.code ?? 'no_problem'
    this.status = problem.status
    this.retryable = problem.retryable ?? problem.status >= 502
    this.runId = problem.run_id ?? undefined
  }
}

interface Options {
  /** How often a request is tried, and for how many milliseconds in all. */
  attempts?: number
  withinMs?: number
}

interface Request {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** Whether it may be sent again though it may have arrived. */
  again: boolean
}

export class Runfold {
  private readonly attempts: number
  private readonly withinMs: number

  constructor(
    private readonly url: string,
    private readonly key: string,
    options: Options = {},
  ) {
    this.attempts = options.attempts ?? 6
    this.withinMs = options.withinMs ?? 30_000
  }

  /** Ask for a run. However often it has to be sent, it leads to one run. */
  async submit(body: RunBody, key: string = randomUUID()): Promise<Schemas['RunAccepted']> {
    const headers = { 'idempotency-key': `"${key}"` }
    return this.json({ method: 'POST', path: '/runs', body, headers, again: true })
  }

  async status(runId: string): Promise<RunView> {
    return this.json({ method: 'GET', path: `/runs/${runId}`, again: true })
  }

  /** What waits for a person, of one run or of all. */
  async approvals(runId?: string): Promise<Approval[]> {
    const path = runId === undefined ? '/approvals' : `/approvals?run_id=${runId}`
    const list = await this.json<Schemas['ApprovalList']>({ method: 'GET', path, again: true })
    return list.approvals
  }

  async approve(runId: string, body: Schemas['Approve']): Promise<Outcome> {
    return this.control(runId, 'approve', body)
  }

  async deny(runId: string, body: Schemas['Deny']): Promise<Outcome> {
    return this.control(runId, 'deny', body)
  }

  async answer(runId: string, body: Schemas['Answer']): Promise<Outcome> {
    return this.control(runId, 'answer', body)
  }

  async cancel(runId: string, reason = ''): Promise<Outcome> {
    return this.control(runId, 'cancel', { reason })
  }

  /** Any control by the last part of its path. Nobody sends one again that may have arrived. */
  async control(runId: string, word: string, body: unknown): Promise<Outcome> {
    return this.json({ method: 'POST', path: `/runs/${runId}/${word}`, body, again: false })
  }

  /** The events of a run after one, each once and in order, to the last; lost streams go on. */
  async *events(runId: string, after = 0, signal?: AbortSignal): AsyncGenerator<RunEvent> {
    for (let failures = 0; ; ) {
      let ended = false
      try {
        const response = await this.stream(runId, after, signal)
        if (response === undefined) return
        for await (const event of parsed(response)) {
          if (event.seq <= after) continue
          after = event.seq
          failures = 0
          ended = LAST.has(event.type)
          yield event
        }
        if (ended) return
      } catch (error) {
        if (error instanceof ProblemError && !error.retryable) throw error
        if (signal?.aborted === true || ++failures >= this.attempts) throw error
      }
      await sleep(Math.min(200 * 2 ** failures, 5_000))
    }
  }

  private async stream(
    runId: string, after: number, signal?: AbortSignal,
  ): Promise<Response | undefined> {
    const response = await fetch(`${this.url}/runs/${runId}/events`, {
      headers: { ...this.headers(), accept: 'text/event-stream', 'last-event-id': String(after) },
      redirect: 'error',
      ...(signal === undefined ? {} : { signal }),
    })
    if (response.status === 204) return undefined
    if (!response.ok) throw await problemOf(response)
    return response
  }

  private async json<T>(request: Request): Promise<T> {
    const response = await this.send(request)
    return (await response.json()) as T
  }

  private async send(request: Request): Promise<Response> {
    const until = Date.now() + this.withinMs
    for (let attempt = 1; ; attempt++) {
      let pause = Math.min(200 * 2 ** (attempt - 1), 5_000) * (0.5 + Math.random() / 2)
      let failure: unknown
      let again = request.again
      try {
        const response = await this.once(request)
        if (response.ok) return response
        const problem = await problemOf(response)
        // A busy gateway has done nothing; of anything else only what may be sent twice is.
        again = response.status === 429 || (request.again && problem.retryable)
        pause = 1000 * Number(response.headers.get('retry-after') ?? pause / 1000)
        failure = problem
      } catch (error) {
        failure = error
      }
      if (!again || attempt >= this.attempts || !(Date.now() + pause <= until)) throw failure
      await sleep(pause)
    }
  }

  private async once(request: Request): Promise<Response> {
    const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) }
    return fetch(this.url + request.path, {
      method: request.method,
      headers: { ...this.headers(), 'content-type': 'application/json', ...request.headers },
      redirect: 'error',
      signal: AbortSignal.timeout(75_000),
      ...body,
    })
  }

  private headers(): Record<string, string> {
    return { authorization: `Bearer ${this.key}` }
  }
}

const LAST = new Set(['RunCompleted', 'RunFailed', 'RunCancelled', 'RunRefused'])

async function problemOf(response: Response): Promise<ProblemError> {
  let said: unknown
  try {
    said = await response.json()
  } catch {
    said = undefined
  }
  const known = typeof said === 'object' && said !== null ? (said as Partial<Problem>) : {}
  return new ProblemError({ ...known, status: response.status })
}

/** Server-Sent Events: what stands behind `data:` until an empty line. */
async function* parsed(response: Response): AsyncGenerator<RunEvent> {
  if (response.body === null) return
  const decoder = new TextDecoder()
  let left = ''
  let data: string[] = []
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (left + decoder.decode(piece, { stream: true })).split('\n')
    left = lines.pop() ?? ''
    for (const raw of lines) {
      const line = raw.replace(/\r$/, '')
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
      if (line !== '') continue
      if (data.length > 0) yield JSON.parse(data.join('\n')) as RunEvent
      data = []
    }
  }
}
