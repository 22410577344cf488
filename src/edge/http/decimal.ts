import { z } from '@hono/zod-openapi';

/** A number in a query. What `pattern` says of it, the OpenAPI document says too. */
export const decimal = (pattern: RegExp, expected: string) =>
  z.string().regex(pattern, expected).transform(Number);
