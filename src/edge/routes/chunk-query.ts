import { z } from '@hono/zod-openapi';
import { LevelName } from '../../protocol/manifest.ts';
import { decimal } from '../http/decimal.ts';

const MAX_DEADLINE_MS = 600_000;
const MAX_MBIT_PER_SECOND = 100_000;

/** How `GET /v1/chunks/{id}` may be asked to cut: in one way at most. */
export const ChunkQuery = z
  .strictObject({
    level: LevelName.optional(),
    maxBytes: decimal(/^\d{1,10}$/, 'expected a number of bytes').optional(),
    layers: z
      .string()
      .regex(/^\d{1,3}-\d{1,3}$/, 'expected "first-last"')
      .optional(),
    deadlineMs: decimal(/^\d{1,6}$/, 'expected milliseconds')
      .refine((ms) => ms <= MAX_DEADLINE_MS, `expected at most ${MAX_DEADLINE_MS} ms`)
      .optional(),
    mbitPerSecond: decimal(/^\d{1,6}(\.\d{1,3})?$/, 'expected megabits per second, such as 12.5')
      .refine((rate) => rate <= MAX_MBIT_PER_SECOND, `expected at most ${MAX_MBIT_PER_SECOND} Mbit/s`)
      .optional(),
  })
  .refine((query) => (query.deadlineMs === undefined) === (query.mbitPerSecond === undefined), {
    message: 'give deadlineMs and mbitPerSecond together',
  })
  .refine(
    ({ level, maxBytes, layers, deadlineMs }) =>
      [level, maxBytes, layers, deadlineMs].filter((value) => value !== undefined).length <= 1,
    { message: 'give at most one of level, maxBytes, layers and deadlineMs' },
  );
