import { expect, test } from 'vitest';
import { CliError } from '../../src/cli/cli-error.ts';
import { EXIT, failureOf } from '../../src/cli/exit-codes.ts';
import { ClientError } from '../../src/client/index.ts';
import { CodecError } from '../../src/codec/errors.ts';
import { EngineError } from '../../src/engine/index.ts';

const detail = { what: 'a', why: 'b', remedy: 'c' };

test.each([
  [new CliError('x', EXIT.usage, 'm', 'r'), EXIT.usage],
  [new ClientError('context-not-found', 'm'), EXIT.notFound],
  [new ClientError('context-gone', 'm'), EXIT.notFound],
  [new ClientError('edge-unreachable', 'm'), EXIT.unreachable],
  [new ClientError('context-pending', 'm'), EXIT.unreachable],
  [new ClientError('integrity-failed', 'm'), EXIT.integrity],
  [new ClientError('edge-refused', 'm'), EXIT.refused],
  [new ClientError('level-unknown', 'm'), EXIT.refused],
  [new EngineError('engine-missing', detail), EXIT.missingPart],
  [new EngineError('model-fetch-failed', detail), EXIT.unreachable],
  [new EngineError('state-invalid', detail), EXIT.engine],
  [new CodecError('corrupt', 'm'), EXIT.integrity],
  [new CodecError('backend-unavailable', 'm'), EXIT.missingPart],
  [new Error('m'), EXIT.unexpected],
])('%o', (error, exitCode) => {
  expect(failureOf(error).exitCode).toBe(exitCode);
});

test('exit codes are distinct', () => {
  expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length);
});

test('a client error keeps its remedy', () => {
  expect(failureOf(new ClientError('model-mismatch', 'm')).remedy).toMatch(/very model file/);
});
