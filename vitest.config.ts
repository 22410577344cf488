import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Loading a model and reading a long text take minutes on a small machine. */
const MODEL_TIMEOUT_MS = 10 * 60_000;

/** What the Worker logs of every request, in tests that do not look at it. */
const REQUEST_LOG_LINE = /^\{"time":"[^"]+","level":"info","message":"request",/;

export default defineConfig({
  test: {
    onConsoleLog: (text) => !REQUEST_LOG_LINE.test(text),
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/edge/**', 'test/model/**', 'test/browser/**'],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { MIGRATIONS: await readD1Migrations('src/edge/registry/migrations') } },
          })),
        ],
        test: {
          name: 'workerd',
          include: ['test/edge/**/*.test.ts'],
          globalSetup: ['test/support/build-dashboard.ts'],
          setupFiles: ['test/edge/support/migrate.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'model',
          include: ['test/model/**/*.test.ts'],
          testTimeout: MODEL_TIMEOUT_MS,
          hookTimeout: MODEL_TIMEOUT_MS,
          fileParallelism: false,
        },
      },
    ],
  },
});
