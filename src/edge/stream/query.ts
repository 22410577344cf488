import { z } from '@hono/zod-openapi';
import { LIMITS } from '../../protocol/limits.ts';
import { decimal } from '../http/decimal.ts';

const LONGEST_HAVE = 11 * LIMITS.chunksPerContext;

/** What a client says of itself to `GET /v1/contexts/{id}/stream`. */
export const StreamQuery = z.strictObject({
  /** Time to the first token that is left. */
  deadlineMs: decimal(/^([1-9]\d{0,4}|[1-5]\d{5}|600000)$/, 'expected 1 to 600000 milliseconds'),
  /** What its link brings. */
  mbitPerSecond: decimal(
    /^(?!0+(\.0+)?$)(\d{1,5}(\.\d{1,3})?|100000)$/,
    'expected megabits per second above 0, at most 100000, such as 12.5',
  ).optional(),
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
