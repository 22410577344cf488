import { formatBytes, formatKld } from './format.ts';
import type { LevelSummary } from './level-summary.ts';
import { plotOf } from './rate-damage-plot.ts';
import { ScrollRegion } from './scroll-region.tsx';

const WIDTH = 640;
const HEIGHT = 300;
const MARGIN = { top: 24, right: 24, bottom: 48, left: 84 };

/** Predicted damage over bytes, both logarithmic, a point for every level. */
export function RateDamage({ levels }: { levels: readonly LevelSummary[] }) {
  const left = MARGIN.left;
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  const { points, bytesTicks, kldTicks } = plotOf(levels, {
    x: [left, right],
    y: [bottom, MARGIN.top],
  });
  return (
    <figure aria-labelledby="rate-damage-title">
      <figcaption>
        <h3 id="rate-damage-title">Rate and damage</h3>
        <p>
          Bytes of all chunks, and the KLD against the exact cache that the encoder predicts, in nats per
          token.
        </p>
      </figcaption>
      <svg class="plot" role="img" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-label={describe(levels)}>
        {bytesTicks.map(({ at, value }) => (
          <g key={value}>
            <line class="grid" x1={at} x2={at} y1={MARGIN.top} y2={bottom} />
            <text x={at} y={bottom + 18} text-anchor="middle">
              {formatBytes(value)}
            </text>
          </g>
        ))}
        {kldTicks.map(({ at, value }) => (
          <g key={value}>
            <line class="grid" x1={left} x2={right} y1={at} y2={at} />
            <text x={left - 8} y={at + 4} text-anchor="end">
              {formatKld(value)}
            </text>
          </g>
        ))}
        <text x={(left + right) / 2} y={HEIGHT - 4} text-anchor="middle">
          bytes
        </text>
        <text x={left - 8} y={16} text-anchor="end">
          KLD
        </text>
        <polyline class="curve" points={points.map(({ x, y }) => `${x},${y}`).join(' ')} />
        {points.map(({ x, y, name }, i) => (
          <g key={name}>
            <circle class={`level-${i}`} cx={x} cy={y} r={6} />
            <text class="label" {...labelPlace(x, y, right)}>
              {name}
            </text>
          </g>
        ))}
      </svg>
      <details>
        <summary>The plot as a table</summary>
        <ScrollRegion label="Levels">
          <table>
            <thead>
              <tr>
                <th scope="col">Level</th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col" class="number">
                  Bits a value
                </th>
                <th scope="col" class="number">
                  Predicted KLD
                </th>
              </tr>
            </thead>
            <tbody>
              {levels.map(({ name, bytes, bitsPerValue, predictedKld }) => (
                <tr key={name}>
                  <th scope="row" class="name">
                    {name}
                  </th>
                  <td class="number">{formatBytes(bytes)}</td>
                  <td class="number">{bitsPerValue.toFixed(3)}</td>
                  <td class="number">{formatKld(predictedKld)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      </details>
    </figure>
  );
}

function describe(levels: readonly LevelSummary[]): string {
  const parts = levels.map(
    ({ name, bytes, predictedKld }) => `${name} ${formatBytes(bytes)} with KLD ${formatKld(predictedKld)}`,
  );
  return `Plot of predicted damage over bytes: ${parts.join('; ')}`;
}

/** Beside a point on the side away from the falling curve: right and above, or left and below near the end of the axis. */
function labelPlace(x: number, y: number, right: number) {
  return x < right - 110
    ? { x: x + 10, y: y - 8, 'text-anchor': 'start' as const }
    : { x: x - 12, y: y + 14, 'text-anchor': 'end' as const };
}
