import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { MetricsReport } from '../../protocol/api.ts';
import { PROMETHEUS_TYPE, renderPrometheus } from '../../protocol/prometheus.ts';
import type { App } from '../env.ts';
import { requireMetricsAccess } from '../metrics/access.ts';
import { metricsHub } from '../metrics/hub.ts';
import { reportOf } from '../metrics/report.ts';
import { addRoute, BEARER, problemResponses } from './route.ts';

const getMetrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'What all locations counted, for Prometheus; as JSON if Accept prefers it',
  security: BEARER,
  middleware: requireMetricsAccess,
  responses: {
    200: {
      description: 'Counters since the deployment',
      content: {
        'text/plain': { schema: z.string() },
        'application/json': { schema: MetricsReport },
      },
    },
    ...problemResponses('unauthorized', 'forbidden', 'internal'),
  },
});

export function addMetricsRoute(app: App): void {
  addRoute(app, getMetrics, async (c) => {
    const { counts, sinceMs } = await metricsHub(c.env).read();
    const families = reportOf(counts);
    const headers = { 'cache-control': 'no-store', vary: 'accept' };
    if (c.req.header('accept')?.includes('application/json')) {
      const body: MetricsReport = { since: new Date(sinceMs).toISOString(), families };
      return Response.json(body, { headers });
    }
    const text = renderPrometheus([
      ...families,
      {
        name: 'kvedge_counting_since_seconds',
        type: 'gauge',
        help: 'When the counters began, in seconds since 1970.',
        samples: [{ labels: {}, value: sinceMs / 1000 }],
      },
    ]);
    return new Response(text, { headers: { ...headers, 'content-type': PROMETHEUS_TYPE } });
  });
}
