import { useState } from 'preact/hooks';
import { getContext } from './api.ts';
import { ChunkMap } from './chunk-map.tsx';
import { formatDate, formatNumber } from './format.ts';
import { JobProgress } from './job-progress.tsx';
import { summarizeLevels } from './level-summary.ts';
import { RateDamage } from './rate-damage.tsx';
import { useLoaded } from './use-loaded.ts';

/** One context: its manifest once it is published, its job's progress before. */
export function ContextView({ id }: { id: string }) {
  const [attempt, setAttempt] = useState(0);
  const { value: context, error } = useLoaded(() => getContext(id), [id, attempt]);
  if (error !== null) return <p role="alert">{error}</p>;
  if (context === null) return <p role="status">Loading</p>;
  if (context.state === 'pending') {
    return <JobProgress id={id} status={context.status} onPublished={() => setAttempt(attempt + 1)} />;
  }
  const { manifest } = context;
  const { model, tokenCount, chunks, createdAt, expiresAt } = manifest;
  const levels = summarizeLevels(manifest);
  return (
    <>
      <dl class="facts">
        <dt>Model</dt>
        <dd class="name">
          <bdi>{model.name}</bdi>
        </dd>
        <dt>Cache shape</dt>
        <dd>
          {model.layers} layers, {model.kvHeads} KV heads, {model.keyHeadDim} + {model.valueHeadDim} values
          each
        </dd>
        <dt>Size</dt>
        <dd>
          {formatNumber(tokenCount)} tokens in {formatNumber(chunks.length)} chunks
        </dd>
        <dt>Published</dt>
        <dd>{formatDate(createdAt)}</dd>
        <dt>Expires</dt>
        <dd>{expiresAt === null ? 'never' : formatDate(expiresAt)}</dd>
      </dl>
      <ChunkMap manifest={manifest} levels={levels} />
      <RateDamage levels={levels} />
    </>
  );
}
