/** The bytes that every peer sends: byte i is (31 i + 7) mod 256. */
export function testBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + 7) & 255)
}
