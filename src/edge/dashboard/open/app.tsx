import { useState } from 'preact/hooks';
import { formatNumber } from '../format.ts';
import { selectedContext } from '../selection.ts';
import { ChunkTable } from './chunk-table.tsx';
import { OpenForm } from './open-form.tsx';
import { OutcomeView } from './outcome-view.tsx';
import type { Opening } from './progress.ts';
import { useOpening } from './use-opening.ts';

const DEFAULT_LEVEL = 'standard';

export function App() {
  const { opening, open } = useOpening();
  /** Of the request under way; null: by a deadline. */
  const [level, setLevel] = useState<string | null>(null);
  return (
    <>
      <header>
        <h1>kvedge</h1>
        <nav aria-label="Pages">
          <a href="/">Dashboard</a>
          <a href="/open" aria-current="page">
            Open a context
          </a>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <section aria-labelledby="open-title">
          <h2 id="open-title">Open a context in this browser</h2>
          <p>
            The KV cache of a context is fetched from this edge, checked against its id, and decoded by
            WebAssembly in a Web Worker: what an engine needs to go on without prefill.
          </p>
          <OpenForm
            id={selectedContext(location.hash)}
            onOpen={(request) => {
              setLevel(request.deadlineMs === null ? (request.level ?? DEFAULT_LEVEL) : null);
              open(request);
            }}
          />
          {opening !== null && <p role="status">{stateOf(opening)}</p>}
          {opening !== null && opening.failure !== null && <p role="alert">{opening.failure}</p>}
          {opening !== null && opening.chunks.length > 0 && (
            <ChunkTable chunks={opening.chunks} level={level} />
          )}
        </section>
        {opening !== null && opening.outcome !== null && (
          <section aria-labelledby="outcome-title">
            <h2 id="outcome-title">Outcome</h2>
            <OutcomeView opening={opening} outcome={opening.outcome} />
          </section>
        )}
      </main>
      <footer>
        <p>Nothing leaves this browser but requests to this edge.</p>
      </footer>
    </>
  );
}

/** Said to people who listen: once a chunk, not once a piece. */
function stateOf({ chunks, outcome, failure, modelName, tokenCount }: Opening): string {
  if (failure !== null) return 'Not opened.';
  if (chunks.length === 0) return 'Fetching the manifest.';
  const ready = chunks.filter((chunk) => chunk.planesSha256 !== null).length;
  const what = `${formatNumber(tokenCount)} tokens for ${modelName}`;
  if (outcome !== null) return `Opened: ${what}.`;
  return `${what}: ${ready} of ${chunks.length} chunks ready.`;
}
