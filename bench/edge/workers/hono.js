import { Hono } from '../../../node_modules/hono/dist/index.js';

/** The least that a hono app can do to answer with JSON. A PUT stores the value and, as JSON, the headers of its answer. */
const app = new Hono();
let value = null;
let headers = {};

app.put('/*', async (c) => {
  value = await c.req.json();
  headers = JSON.parse(c.req.header('x-answer-headers'));
  return c.body(null, 204);
});
app.get('/*', (c) => c.json(value, 200, headers));

export default app;
