// Parses an AsyncAPI document with its Avro payloads, and prints what is wrong with it as JSON.
import { readFileSync } from 'node:fs'
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser'
import { Parser } from '@asyncapi/parser'

const parser = new Parser()
// Without it an Avro schema would pass whatever it says.
parser.registerSchemaParser(AvroSchemaParser())
const { document, diagnostics } = await parser.parse(readFileSync(process.argv[2], 'utf-8'))
const found = diagnostics.map(({ severity, message, path }) => ({ severity, message, path }))
const channels = document?.channels().all().map(each => each.id()) ?? []
const messages = document?.components().messages().all().length ?? 0
process.stdout.write(JSON.stringify({ channels, messages, diagnostics: found }))
