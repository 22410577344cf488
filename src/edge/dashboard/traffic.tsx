import { useEffect, useState } from 'preact/hooks';
import { getMetrics } from './api.ts';
import { formatBytes, formatDate, formatNumber, formatShare } from './format.ts';
import { type Figure, trafficFigures } from './traffic-figures.ts';
import { useLoaded } from './use-loaded.ts';

const REFRESH_MS = 5_000;

/** What the edge served. The token stays in this page's memory and is gone with it. */
export function Traffic() {
  const [token, setToken] = useState<string | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setToken(String(new FormData(event.currentTarget as HTMLFormElement).get('token')).trim());
  };
  return (
    <section id="traffic" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Traffic</h2>
      <form onSubmit={submit} class="line">
        <label for="token">Token with scope admin, or METRICS_TOKEN</label>
        <input id="token" name="token" type="password" required autocomplete="off" />
        <button type="submit">Show traffic</button>
      </form>
      {token !== null && <Figures key={token} token={token} />}
    </section>
  );
}

function Figures({ token }: { token: string }) {
  const [tick, setTick] = useState(0);
  const { value: report, error } = useLoaded(() => getMetrics(token), [tick]);
  useEffect(() => {
    const timer = setInterval(
      () => document.visibilityState === 'visible' && setTick((n) => n + 1),
      REFRESH_MS,
    );
    return () => clearInterval(timer);
  }, []);
  if (error !== null) return <p role="alert">{error}</p>;
  if (report === null) return <p role="status">Loading</p>;
  const figures = trafficFigures(report);
  return (
    <>
      <dl class="facts">
        <dt>Cache hit ratio</dt>
        <dd>{figures.hitRatio === null ? 'no request yet' : formatShare(figures.hitRatio)}</dd>
        <dt>Requests</dt>
        <dd>{formatNumber(figures.requests)}</dd>
        <dt>Cache fills</dt>
        <dd>{formatNumber(figures.fills)}</dd>
        <dt>Counting since</dt>
        <dd>{formatDate(report.since)}</dd>
      </dl>
      <div class="tables">
        <FigureTable title="Chunk bytes by level" figures={figures.chunkBytesByLevel} format={formatBytes} />
        <FigureTable title="Cache" figures={figures.cacheResults} format={formatNumber} />
        <FigureTable title="Answers by tier" figures={figures.tiers} format={formatNumber} />
        <FigureTable title="Cache fills by reason" figures={figures.fillReasons} format={formatNumber} />
        <FigureTable title="Requests by status" figures={figures.requestsByStatus} format={formatNumber} />
        <FigureTable title="Payloads received" figures={figures.ingest} format={formatNumber} />
        <FigureTable title="Jobs" figures={figures.jobs} format={formatNumber} />
        <FigureTable title="Problems" figures={figures.problems} format={formatNumber} />
      </div>
    </>
  );
}

interface FigureTableProps {
  title: string;
  figures: readonly Figure[];
  format: (value: number) => string;
}

function FigureTable({ title, figures, format }: FigureTableProps) {
  const largest = Math.max(...figures.map(({ value }) => value), 1);
  return (
    <table>
      <caption>{title}</caption>
      <tbody>
        {figures.length === 0 && (
          <tr>
            <td>none yet</td>
          </tr>
        )}
        {figures.map(({ name, value }) => (
          <tr key={name}>
            <th scope="row" class="name">
              {name}
            </th>
            <td class="number">{format(value)}</td>
            <td aria-hidden="true">
              <svg class="bar" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none">
                <rect width={Math.max(1, (100 * value) / largest)} height="10" />
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
