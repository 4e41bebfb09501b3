/** Pages have none. */
const environment: Readonly<Record<string, string | undefined>> =
  (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {}

/** How many random inputs a test plays: PEERLOOM_FUZZ, or 10,000. */
export const fuzzInputs: number = Number(environment['PEERLOOM_FUZZ'] ?? 10_000)
/** Whether the number was asked for. Such runs have the machine for themselves, and may look at the time. */
export const isLongFuzz: boolean = environment['PEERLOOM_FUZZ'] !== undefined
/** PEERLOOM_SEED repeats a run that failed and printed its seed. */
export const fuzzSeed: number = Number(environment['PEERLOOM_SEED'] ?? Date.now() % 2 ** 31)
