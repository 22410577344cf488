import { useState } from 'preact/hooks';
import type { ContextSummary } from '../../protocol/api.ts';
import { listContexts } from './api.ts';
import { formatBytes, formatDate, formatNumber, shortId } from './format.ts';
import { ScrollRegion } from './scroll-region.tsx';
import { contextHash } from './selection.ts';
import { useLoaded } from './use-loaded.ts';

export function Contexts({ selected }: { selected: string | null }) {
  /** Cursors of the pages up to the one shown. */
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const { value: page, error } = useLoaded(() => listContexts(cursors.at(-1)!), [cursors]);
  return (
    <section id="contexts" aria-labelledby="contexts-title">
      <h2 id="contexts-title">Contexts</h2>
      {error !== null && <p role="alert">{error}</p>}
      {page === null && error === null && <p role="status">Loading</p>}
      {page !== null && page.contexts.length === 0 && <p>No public context on this page.</p>}
      {page !== null && page.contexts.length > 0 && (
        <ScrollRegion label="Published contexts">
          <table>
            <thead>
              <tr>
                <th scope="col">Id</th>
                <th scope="col">Model</th>
                <th scope="col" class="number">
                  Tokens
                </th>
                <th scope="col" class="number">
                  Chunks
                </th>
                <th scope="col" class="number">
                  Smallest
                </th>
                <th scope="col" class="number">
                  Whole
                </th>
                <th scope="col">Published</th>
                <th scope="col">Expires</th>
              </tr>
            </thead>
            <tbody>
              {page.contexts.map((context) => (
                <Row key={context.id} context={context} current={context.id === selected} />
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      )}
      <div class="line">
        <button
          type="button"
          disabled={cursors.length === 1}
          onClick={() => setCursors(cursors.slice(0, -1))}
        >
          Previous
        </button>
        <button
          type="button"
          disabled={page === null || page.cursor === null}
          onClick={() => setCursors([...cursors, page!.cursor])}
        >
          Next
        </button>
        <button type="button" onClick={() => setCursors([...cursors])}>
          Refresh
        </button>
      </div>
    </section>
  );
}

function Row({ context, current }: { context: ContextSummary; current: boolean }) {
  const { id, model, tokenCount, chunkCount, levels, createdAt, expiresAt } = context;
  return (
    <tr class={current ? 'current' : ''}>
      <th scope="row">
        <a class="id" href={contextHash(id)} aria-current={current ? 'true' : undefined} title={id}>
          {shortId(id)}
        </a>
      </th>
      <td class="name">
        <bdi>{model}</bdi>
      </td>
      <td class="number">{formatNumber(tokenCount)}</td>
      <td class="number">{formatNumber(chunkCount)}</td>
      <td class="number">{levels.length === 0 ? '' : formatBytes(levels[0]!.bytes)}</td>
      <td class="number">{levels.length === 0 ? '' : formatBytes(levels.at(-1)!.bytes)}</td>
      <td>{formatDate(createdAt)}</td>
      <td>{expiresAt === null ? 'never' : formatDate(expiresAt)}</td>
    </tr>
  );
}
