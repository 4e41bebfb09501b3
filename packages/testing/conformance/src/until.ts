/** Waits for a condition, looking at every turn of the event loop; fails with the name of the wait at its deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000
): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Asks until the answer is the one that is waited for; fails with the last one at its deadline. */
export async function untilAnswer(ask: () => Promise<unknown>, wanted: unknown, deadlineMs = 10_000): Promise<void> {
  const text = JSON.stringify(wanted)
  let answer: string | undefined
  const isIt = async (): Promise<boolean> => (answer = JSON.stringify(await ask())) === text
  await until(`${text} as an answer`, isIt, deadlineMs).catch((error: unknown) => {
    throw new Error(`the last answer was ${answer}`, { cause: error })
  })
}
