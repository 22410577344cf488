import { Hono } from '../../../node_modules/hono/dist/index.js';

/** The least that a hono app can do to answer with JSON. A PUT stores the value that it answers with. */
const app = new Hono();
let value = null;

app.put('/*', async (c) => {
  value = await c.req.json();
  return c.body(null, 204);
});
app.get('/*', (c) => c.json(value));

export default app;
