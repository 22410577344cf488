import { useState } from 'preact/hooks';
import type { Manifest, ManifestChunk } from '../../protocol/manifest.ts';
import { formatBytes, formatKld, formatNumber, shortId } from './format.ts';
import type { LevelSummary } from './level-summary.ts';
import { ScrollRegion } from './scroll-region.tsx';

const BAR_WIDTH = 20;
const BAR_GAP = 4;
const BAR_HEIGHT = 112;
const BARS_PER_ROW = 32;
const ROW_GAP = 12;

interface Props {
  manifest: Manifest;
  levels: readonly LevelSummary[];
}

/** Every chunk as a bar of its levels' bytes, and how much of it a chosen level needs. */
export function ChunkMap({ manifest, levels }: Props) {
  const { chunks } = manifest;
  const [chosen, setChosen] = useState(levels.length - 1);
  const level = levels[chosen];
  const whole = levels.at(-1);
  return (
    <figure aria-labelledby="chunk-map-title">
      <figcaption>
        <h3 id="chunk-map-title">Chunk map</h3>
        {level !== undefined && whole !== undefined && (
          <p aria-live="polite">
            At level <b>{level.name}</b> a client loads {formatBytes(level.bytes)} of{' '}
            {formatBytes(whole.bytes)}
            {`, ${level.bitsPerValue.toFixed(2)} bits a value, for a predicted KLD of ${formatKld(level.predictedKld)}.`}
          </p>
        )}
      </figcaption>
      <fieldset class="line">
        <legend>Level</legend>
        {levels.map(({ name }, i) => (
          <label key={name} class="choice">
            <input type="radio" name="level" checked={i === chosen} onChange={() => setChosen(i)} />
            <span class={`swatch level-${i}`} aria-hidden="true" />
            <span class="name">{name}</span>
          </label>
        ))}
      </fieldset>
      <Bars chunks={chunks} chosen={chosen} />
      <details>
        <summary>The map as a table</summary>
        <ScrollRegion label="Chunks and their levels">
          <ChunkTable chunks={chunks} levels={levels} />
        </ScrollRegion>
      </details>
    </figure>
  );
}

function Bars({ chunks, chosen }: { chunks: readonly ManifestChunk[]; chosen: number }) {
  const largest = Math.max(...chunks.map((chunk) => chunk.levels.at(-1)!.bytes));
  const rows = Math.ceil(chunks.length / BARS_PER_ROW);
  const width = Math.min(chunks.length, BARS_PER_ROW) * (BAR_WIDTH + BAR_GAP);
  const height = rows * (BAR_HEIGHT + ROW_GAP);
  return (
    <svg
      class="chunks"
      role="img"
      aria-label={`${chunks.length} chunks as bars of their levels' sizes, the largest ${formatBytes(largest)}`}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
    >
      {chunks.map((chunk, i) => {
        const x = (i % BARS_PER_ROW) * (BAR_WIDTH + BAR_GAP);
        const bottom = Math.floor(i / BARS_PER_ROW) * (BAR_HEIGHT + ROW_GAP) + BAR_HEIGHT;
        return (
          <g key={chunk.id}>
            <title>{`Chunk ${i}: ${chunk.tokenCount} tokens, ${formatBytes(chunk.levels.at(-1)!.bytes)}`}</title>
            {chunk.levels.map((level, l) => {
              const from = l === 0 ? 0 : chunk.levels[l - 1]!.bytes;
              const scale = BAR_HEIGHT / largest;
              return (
                <rect
                  key={level.name}
                  class={`level-${l}${l > chosen ? ' beyond' : ''}`}
                  x={x}
                  y={bottom - level.bytes * scale}
                  width={BAR_WIDTH}
                  height={(level.bytes - from) * scale}
                />
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}

function ChunkTable({
  chunks,
  levels,
}: {
  chunks: readonly ManifestChunk[];
  levels: readonly LevelSummary[];
}) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col" class="number">
            Chunk
          </th>
          <th scope="col">Id</th>
          <th scope="col" class="number">
            Tokens
          </th>
          {levels.map(({ name }) => (
            <th key={name} scope="col" class="number name">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {chunks.map((chunk, i) => (
          <tr key={chunk.id}>
            <th scope="row" class="number">
              {i}
            </th>
            <td class="id" title={chunk.id}>
              {shortId(chunk.id)}
            </td>
            <td class="number">{formatNumber(chunk.tokenCount)}</td>
            {chunk.levels.map((level) => (
              <td key={level.name} class="number">
                {formatBytes(level.bytes)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
