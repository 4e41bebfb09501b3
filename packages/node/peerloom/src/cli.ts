#!/usr/bin/env node
import { isPeerloomError } from '@peerloom/interface'
import { type Arguments, help, parseCommandLine } from './cli-arguments.ts'
import { run, type Say } from './cli-commands.ts'

const say =
  (json: boolean): Say =>
  (text, data) =>
    console.log(json ? JSON.stringify(data) : text)

async function main(): Promise<void> {
  const args: Arguments | undefined = parseCommandLine(process.argv.slice(2))
  if (args === undefined) {
    console.log(help)
    return
  }
  const until = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => until.abort())
  await run(args, say(args.json), until.signal)
}

try {
  await main()
} catch (error) {
  const { message } = error as Error
  console.error(isPeerloomError(error) ? `${error.code}: ${message}` : message)
  process.exitCode = isPeerloomError(error, 'ERR_INVALID_ARGUMENT') ? 2 : 1
}
