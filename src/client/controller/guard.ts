/**
 * The crossover guard: the worst finish, relative to text from the start. The promise is 1.05; the rest of it is for an
 * engine that evaluates text 1% slower or faster than it was measured.
 */
export const TEXT_GUARD = 1.03;
/** A standby gives way to decoding as long as text still ends by this. */
export const DECODE_GUARD = 1.04;
