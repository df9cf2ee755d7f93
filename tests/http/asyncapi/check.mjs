// Parses an AsyncAPI document with its Avro payloads, and prints what is wrong with it as JSON.
import { readFileSync } from 'node:fs'
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser'
import { Parser } from '@asyncapi/parser'

const text = readFileSync(process.argv[2], 'utf-8')
const avro = AvroSchemaParser()
const parser = new Parser()
parser.registerSchemaParser(avro)
const { document, diagnostics } = await parser.parse(text)
const found = diagnostics.map(({ severity, message, path }) => ({ severity, message, path }))

// Of a document of version 3 the parser converts Avro payloads and does not judge them: the plug-in
// is asked about each.
for (const [name, message] of Object.entries(JSON.parse(text).components.messages)) {
  const path = ['components', 'messages', name, 'payload']
  for (const each of await avro.validate({ data: message.payload.schema, path })) {
    found.push({ severity: 0, ...each })
  }
}
const channels = document?.channels().all().map(each => each.id()) ?? []
const messages = document?.components().messages().all().length ?? 0
process.stdout.write(JSON.stringify({ channels, messages, diagnostics: found }))
