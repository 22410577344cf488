import type * as z from 'zod';
import { type PurgeRequest, PurgeResult } from '../protocol/registry.ts';
import { type EdgeAccess, request, requestJson } from './http.ts';

/** Far more than the answer to one call. */
const MAX_ANSWER_BYTES = 4_194_304;

/**
 * Removes a context, and the chunks that no other refers to. Needs the scope `admin`, or `publish` for one's own. Done already is
 * no error. Throws `ClientError` as `request` does.
 */
export async function deleteContext(access: EdgeAccess, id: string): Promise<void> {
  await request(
    access,
    `v1/contexts/${id}`,
    () => ({ method: 'DELETE' }),
    async () => {},
  );
}

/**
 * Removes the contexts that meet all conditions, or with `dryRun` tells which those are: one result for each call to the edge, in
 * their order. Leaving the loop ends the purge. Needs the scope `admin`.
 */
export async function* purgeContexts(
  access: EdgeAccess,
  conditions: Omit<z.input<typeof PurgeRequest>, 'cursor'>,
): AsyncGenerator<PurgeResult, void, void> {
  let cursor: string | null = null;
  do {
    const page: { value: PurgeResult } = await requestJson(
      access,
      'v1/purge',
      PurgeResult,
      MAX_ANSWER_BYTES,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...conditions, ...(cursor !== null && { cursor }) }),
      },
    );
    yield page.value;
    cursor = page.value.cursor;
  } while (cursor !== null);
}
