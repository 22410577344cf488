import { formatBytes, formatNumber, shortId } from '../format.ts';
import { ScrollRegion } from '../scroll-region.tsx';
import type { ChunkProgress } from './progress.ts';

interface Props {
  chunks: readonly ChunkProgress[];
  /** The level that was asked for; null: whichever the deadline allows. */
  level: string | null;
}

/** Every chunk: what has arrived of it, how long it took to decode, and what came out. */
export function ChunkTable({ chunks, level }: Props) {
  return (
    <ScrollRegion label="Chunks on their way">
      <table>
        <thead>
          <tr>
            <th scope="col" class="number">
              Chunk
            </th>
            <th scope="col" class="number">
              Tokens
            </th>
            <th scope="col">Level</th>
            <th scope="col">Arrived</th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col" class="number">
              Decoded in
            </th>
            <th scope="col">SHA-256 of its planes</th>
          </tr>
        </thead>
        <tbody>
          {chunks.map((chunk, i) => (
            <Row key={i} index={i} chunk={chunk} level={level ?? chunk.level} />
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

function Row({ index, chunk, level }: { index: number; chunk: ChunkProgress; level: string | null }) {
  const { tokenCount, levelBytes, arrivedBytes, decode, planesSha256 } = chunk;
  const finest = Math.max(1, ...Object.values(levelBytes));
  const expectedBytes = (level === null ? undefined : levelBytes[level]) ?? finest;
  return (
    <tr>
      <th scope="row" class="number">
        {index}
      </th>
      <td class="number">{formatNumber(tokenCount)}</td>
      <td class="name">{level ?? ''}</td>
      <td class="arrival">
        <progress
          max={expectedBytes}
          value={Math.min(arrivedBytes, expectedBytes)}
          aria-label={`Chunk ${index}, bytes arrived`}
        />
      </td>
      <td class="number">{formatBytes(arrivedBytes)}</td>
      <td class="number">
        {decode === 'waiting' ? '' : decode === 'running' ? 'decoding' : `${decode.ms.toFixed(0)} ms`}
      </td>
      <td class="id" title={planesSha256 ?? undefined}>
        {planesSha256 === null ? '' : shortId(planesSha256)}
      </td>
    </tr>
  );
}
