import type { App } from '../env.ts';

/** The contract, made once per isolate: from all routes, so this one is added last. */
export function addOpenApiRoute(app: App): void {
  let document: string | undefined;
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'signedUrl', {
    type: 'apiKey',
    in: 'query',
    name: 'sig',
    description: 'With sig-tenant, sig-expires and sig-key; see docs/api.md, "Signed URLs".',
  });
  app.get('/openapi.json', () => {
    document ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: { title: 'kvedge', version: '1', description: 'See docs/api.md.' },
      }),
    );
    return new Response(document, {
      headers: {
        'content-type': 'application/json',
        'cache-control': 'public, max-age=300',
        vary: 'accept-encoding',
      },
    });
  });
}
