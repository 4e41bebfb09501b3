/** Random numbers in 0 .. 1, 1 excluded. */
export type Random = () => number

/** Leaves `count` random ones in the list, in random order. */
export function sample<T>(list: T[], count: number, random: Random): T[] {
  const kept = Math.max(0, Math.min(count, list.length))
  for (let at = 0; at < kept; at++) swap(list, at, at + Math.floor(random() * (list.length - at)))
  list.length = kept
  return list
}

/** Shuffles what is behind the first `from`. */
export function shuffle<T>(list: T[], random: Random, from = 0): T[] {
  for (let at = list.length - 1; at > from; at--) swap(list, at, from + Math.floor(random() * (at - from + 1)))
  return list
}

function swap<T>(list: T[], a: number, b: number): void {
  const kept = list[a] as T
  list[a] = list[b] as T
  list[b] = kept
}
