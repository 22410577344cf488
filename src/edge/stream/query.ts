import { z } from '@hono/zod-openapi';
import { LIMITS } from '../../protocol/limits.ts';

const MAX_DEADLINE_MS = 600_000;
const MAX_MBIT_PER_SECOND = 100_000;
const LONGEST_HAVE = 11 * LIMITS.chunksPerContext;

const decimal = (pattern: RegExp, expected: string) => z.string().regex(pattern, expected).transform(Number);

/** What a client says of itself to `GET /v1/contexts/{id}/stream`. */
export const StreamQuery = z.strictObject({
  /** Time to the first token that is left. */
  deadlineMs: decimal(/^[1-9]\d{0,5}$/, 'expected milliseconds').refine(
    (ms) => ms <= MAX_DEADLINE_MS,
    `expected at most ${MAX_DEADLINE_MS} ms`,
  ),
  /** What its link brings. */
  mbitPerSecond: decimal(/^\d{1,6}(\.\d{1,3})?$/, 'expected megabits per second, such as 12.5')
    .refine(
      (rate) => rate > 0 && rate <= MAX_MBIT_PER_SECOND,
      `expected above 0, at most ${MAX_MBIT_PER_SECOND} Mbit/s`,
    )
    .optional(),
  roundTripMs: decimal(/^\d{1,5}$/, 'expected milliseconds').optional(),
  /** How fast it evaluates text; absent: it cannot. */
  textTokensPerSecond: decimal(/^[1-9]\d{0,6}$/, 'expected tokens per second').optional(),
  /** What decoding a chunk of 256 tokens takes it. */
  decodeMs: decimal(/^\d{1,5}$/, 'expected milliseconds').optional(),
  /** Of a client that goes on: how many bytes of each chunk it has, from the first. */
  have: z
    .string()
    .max(LONGEST_HAVE)
    .regex(/^\d{1,10}(,\d{1,10})*$/, 'expected byte counts separated by commas')
    .transform((list) => list.split(',').map(Number))
    .optional(),
});
export type StreamQuery = z.output<typeof StreamQuery>;
