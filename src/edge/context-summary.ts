import { z } from 'zod';
import { ContextSummary } from '../protocol/api.ts';
import type { Manifest } from '../protocol/manifest.ts';

/** Name of the custom metadata entry. With six levels and the longest model name it stays below 1 KB. */
const SUMMARY_KEY = 'summary';

const StoredSummary = z.strictObject({ visibility: z.string(), ...ContextSummary.shape });

/** The metadata entry from which a list shows a context, so that it need not read manifests of up to 1 MB each. */
export function summaryMeta(manifest: Manifest): Record<string, string> {
  const { id, model, tokenCount, chunks, visibility, createdAt, expiresAt } = manifest;
  const summary: z.infer<typeof StoredSummary> = {
    visibility,
    id,
    model: model.name,
    tokenCount,
    chunkCount: chunks.length,
    levels: levelSums(manifest),
    createdAt,
    expiresAt,
  };
  return { [SUMMARY_KEY]: asciiJson(summary) };
}

/** The summary of a public context that has not expired, else null; null also for what other versions stored. */
export function listedSummary(meta: Record<string, string>, nowMs: number): ContextSummary | null {
  const text = meta[SUMMARY_KEY];
  if (text === undefined) return null;
  const stored = StoredSummary.safeParse(JSON.parse(text));
  if (!stored.success) return null;
  const { visibility, ...summary } = stored.data;
  const expired = summary.expiresAt !== null && Date.parse(summary.expiresAt) < nowMs;
  return visibility === 'public' && !expired ? summary : null;
}

/** Bytes of every level that all chunks have. */
function levelSums({ chunks }: Manifest): ContextSummary['levels'] {
  return chunks[0]!.levels.flatMap(({ name }) => {
    const sizes = chunks.map((chunk) => chunk.levels.find((level) => level.name === name)?.bytes);
    if (sizes.includes(undefined)) return [];
    return [{ name, bytes: (sizes as number[]).reduce((sum, bytes) => sum + bytes, 0) }];
  });
}

/** JSON in ASCII: metadata travels in headers. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
