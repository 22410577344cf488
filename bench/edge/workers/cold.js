/**
 * A cold object is streamed to its client and stored in the cache, in two ways: `/tee` splits one read from R2, `/reads` reads
 * twice. Everything else is the same. PUT stores an object; each is cold once. HEAD asks whether the cache has it.
 */
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const [, way, key] = pathname.split('/');
    if (request.method === 'PUT') {
      await env.BLOBS.put(key, request.body);
      return new Response(null, { status: 204 });
    }
    if (request.method === 'HEAD') {
      const cached = await caches.default.match(request.url);
      await cached?.body.cancel();
      return new Response(null, { status: cached === undefined ? 404 : 200 });
    }
    const object = await env.BLOBS.get(key);
    const headers = { 'content-length': String(object.size), 'cache-control': 'public, max-age=3600' };
    const store = (body) => ctx.waitUntil(caches.default.put(request.url, new Response(body, { headers })));
    if (way === 'tee') {
      const [client, cache] = object.body.tee();
      store(cache);
      return new Response(client, { headers });
    }
    store((await env.BLOBS.get(key)).body);
    return new Response(object.body, { headers });
  },
};
